// Requests of credentials with a rate of their own, added up for all processes: each says what it let through and hears what the others did.
import type { RateLimiter, RateUse } from '../../streams/contracts/rate-limiter.ts'
import { startRepeating, type Repeating } from '../../streams/contracts/repeat.ts'
import type { Sql } from '../store/store.ts'

export interface SharedRates {
  /** Of one bucket at a time → what all other buckets let through since this one last asked. Empty while the store is away: until then each
   * process keeps to the rate on its own. */
  exchange(uses: readonly RateUse[]): Promise<readonly RateUse[]>
}

export interface SharedRatesDeps {
  readonly store: Sql
  readonly clock: () => number
}

const EVERY_MS = 200
const KEPT_MS = 86_400_000

/** One for each set of buckets. */
export const createSharedRates = ({ store, clock }: SharedRatesDeps): SharedRates => {
  /** Of all processes, as last heard, of those that were asked about the last time: whoever comes back begins anew. */
  let known = new Map<string, number>()
  let sweptAtMs = clock()
  return {
    exchange: async (uses) => {
      const before = known
      known = new Map()
      const rows = await store
        .query<{ token_id: string; taken: number }>(
          `INSERT INTO rate_use AS r (tenant, token_id, taken, used_at)
           SELECT tenant, token_id, taken, $2::timestamptz FROM jsonb_to_recordset($1::jsonb) AS used (tenant text, token_id text, taken bigint) ORDER BY tenant, token_id
           ON CONFLICT (tenant, token_id) DO UPDATE SET taken = r.taken + excluded.taken, used_at = excluded.used_at
           RETURNING token_id, taken`,
          [
            JSON.stringify(uses.map(({ tenant, tokenId, taken }) => ({ tenant, token_id: tokenId, taken }))),
            new Date(clock()).toISOString(),
          ],
        )
        .catch(() => [])
      known = new Map(rows.map((row) => [row.token_id, row.taken]))
      if (clock() - sweptAtMs > KEPT_MS) {
        sweptAtMs = clock()
        await store.query('DELETE FROM rate_use WHERE used_at < $1', [new Date(clock() - KEPT_MS).toISOString()]).catch(() => [])
      }
      return uses.flatMap(({ tenant, tokenId, taken }) => {
        const others = (known.get(tokenId) ?? 0) - taken - (before.get(tokenId) ?? Number.POSITIVE_INFINITY)
        return others > 0 ? [{ tenant, tokenId, taken: others }] : []
      })
    },
  }
}

/** For buckets that live in this thread. */
export const shareRates = (rates: RateLimiter, deps: SharedRatesDeps): Repeating => {
  const shared = createSharedRates(deps)
  return startRepeating(
    async () => {
      const uses = rates.takeReport(deps.clock())
      if (uses !== null) rates.charge(await shared.exchange(uses))
    },
    { firstAfterMs: EVERY_MS, everyMs: EVERY_MS },
    () => undefined,
  )
}
