// Requests of credentials with a rate of their own, added up for all processes: each says what was asked of it and hears what was of the others.
import type { RateLimiter, RateUse } from '../../streams/contracts/rate-limiter.ts'
import { startRepeating, type Repeating } from '../../streams/contracts/repeat.ts'
import type { Sql } from '../store/store.ts'

export interface SharedRates {
  /** One report at a time → what was asked of all others since the last one. Null while the store is away. */
  exchange(uses: readonly RateUse[]): Promise<readonly RateUse[] | null>
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
  let sweptAtMs = 0
  const add = async (uses: readonly RateUse[]) =>
    await store.query<{ token_id: string; asked: number }>(
      `INSERT INTO rate_use AS r (tenant, token_id, asked, used_at)
       SELECT tenant, token_id, asked, $2::timestamptz FROM jsonb_to_recordset($1::jsonb) AS used (tenant text, token_id text, asked bigint) ORDER BY tenant, token_id
       ON CONFLICT (tenant, token_id) DO UPDATE SET asked = r.asked + excluded.asked, used_at = excluded.used_at
       RETURNING token_id, asked`,
      [JSON.stringify(uses.map(({ tenant, tokenId, asked }) => ({ tenant, token_id: tokenId, asked }))), new Date(clock()).toISOString()],
    )
  return {
    exchange: async (uses) => {
      const before = known
      known = new Map()
      const rows = await add(uses).catch(() => null)
      if (rows === null) return null
      known = new Map(rows.map((row) => [row.token_id, row.asked]))
      if (clock() - sweptAtMs > KEPT_MS) {
        sweptAtMs = clock()
        await store.query('DELETE FROM rate_use WHERE used_at < $1', [new Date(clock() - KEPT_MS).toISOString()]).catch(() => [])
      }
      return uses.flatMap(({ tenant, tokenId, asked }) => {
        const others = (known.get(tokenId) ?? 0) - asked - (before.get(tokenId) ?? Number.POSITIVE_INFINITY)
        return others > 0 ? [{ tenant, tokenId, asked: others }] : []
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
      if (uses !== null) rates.learn(await shared.exchange(uses), deps.clock())
    },
    { firstAfterMs: EVERY_MS, everyMs: EVERY_MS },
    () => undefined,
  )
}
