// Leases as rows of the control plane, by its clock: 10 s, prolonged long before they end. Rows and not advisory locks, because a lock
// outlives the peer that was paused with it. What is written under a lease is in one transaction with a look at its epoch.
import { PermanentError } from '../../streams/contracts/errors.ts'
import type { Lease, Leases } from '../../streams/contracts/leases.ts'
import type { Store } from '../store/store.ts'

export const LEASE_MS = 10_000
/** Held here for less long than there: the answer to a claim may have been on its way for a while, and clocks drift. */
const SLACK_MS = 1000

/** @param owner unique to this process's life. */
export const createLeases = (store: Store, owner: string, leaseMs = LEASE_MS): Leases => ({
  claim: async (name) => {
    const askedAt = performance.now()
    const [row] = await store.query<{ epoch: number }>(
      `INSERT INTO leases AS l (name, owner, epoch, expires_at) VALUES ($1, $2, 1, now() + $3 * interval '1 millisecond')
       ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, expires_at = excluded.expires_at,
         epoch = CASE WHEN l.owner = excluded.owner AND l.expires_at > now() THEN l.epoch ELSE l.epoch + 1 END
       WHERE l.owner = excluded.owner OR l.expires_at <= now()
       RETURNING epoch`,
      [name, owner, leaseMs],
    )
    if (row === undefined) return null
    const epoch = Number(row.epoch)
    const endsAt = askedAt + leaseMs - SLACK_MS
    const lease: Lease = {
      name,
      epoch,
      isHeld: () => performance.now() < endsAt,
      guard: (work) =>
        store.transaction(async (sql) => {
          // Shared with others who write under it; whoever wants to take it over waits for them.
          const held = await sql.query('SELECT 1 FROM leases WHERE name = $1 AND owner = $2 AND epoch = $3 FOR SHARE', [name, owner, epoch])
          if (held.length === 0) throw new PermanentError('FENCED', `${name} has another owner`)
          return await work()
        }),
    }
    return lease
  },
  release: async ({ name, epoch }) => {
    await store.query('UPDATE leases SET expires_at = now() WHERE name = $1 AND owner = $2 AND epoch = $3', [name, owner, epoch])
  },
})

/** Of a process that is alone by another lock: it owns whatever it asks for. */
export const createSoleOwner = (): Leases => ({
  claim: async (name) => ({ name, epoch: 0, isHeld: () => true, guard: (work) => work() }),
  release: async () => undefined,
})
