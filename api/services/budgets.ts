// The daily caps of a token: changes are counted in the transaction that makes them, so that the cap holds over all processes.
// A day is a UTC day.
import { dayOf, nextDayMs } from '../../streams/contracts/log-bytes.ts'
import type { Principal } from '../../streams/contracts/principal.ts'
import { retryLater } from '../errors.ts'
import type { Sql } from '../store/store.ts'
import { within } from '../within.ts'

export interface Usage { readonly mutations: number; readonly logBytes: number }
export interface Budgets {
  /** Counts one change. @throws ApiError PAT_DAILY_LIMIT_EXCEEDED, when nothing was counted. */
  spend(sql: Sql, principal: Principal): Promise<void>
  /** Without asking the store, where it is known that nothing is left. @throws ApiError PAT_DAILY_LIMIT_EXCEEDED. */
  refuseSpent(principal: Principal): void
  /** What was known of the token's usage is out of date. */
  forget(principal: Principal): void
  /** What the token has used today, at most a second old while the store answers; null for one without caps, and when it is not known. */
  usage(principal: Principal): Promise<Usage | null>
  /** Deletes the days that nobody asks about any more. */
  sweep(): Promise<void>
}

const FRESH_MS = 1000
/** Nobody waits longer than this for headers. */
const WAIT_MS = 200
const MAX_TOKENS = 10_000
/** Only today's counts hold anybody back; the others are there to be looked up. */
const KEPT_DAYS = 90
const DAY_MS = 86_400_000

const isCapped = (principal: Principal): boolean => principal.tokenId !== '' && (principal.dailyMutationLimit ?? principal.dailyLogBytesLimit ?? null) !== null

interface Cached { readonly day: string; readonly readAtMs: number; readonly usage: Usage | null }

export const createBudgets = (store: Sql, clock: () => number): Budgets => {
  const known = new Map<string, Cached>()
  const reading = new Map<string, Promise<Usage | null>>()
  const read = async ({ tenant, tokenId }: Principal): Promise<Usage | null> => {
    const day = dayOf(clock())
    try {
      const [row] = await store.query<{ mutations: number; log_bytes: number }>('SELECT mutations, log_bytes FROM token_usage WHERE tenant = $1 AND token_id = $2 AND day = $3', [tenant, tokenId, day])
      const usage = { mutations: row?.mutations ?? 0, logBytes: row?.log_bytes ?? 0 }
      if (known.size >= MAX_TOKENS) known.clear()
      known.set(tokenId, { day, readAtMs: clock(), usage })
      return usage
    } catch {
      // An answer does not fail for want of a header, nor does the next one wait for it.
      known.set(tokenId, { day, readAtMs: clock(), usage: known.get(tokenId)?.usage ?? null })
      return null
    } finally {
      reading.delete(tokenId)
    }
  }
  const refresh = (principal: Principal): Promise<Usage | null> => {
    const running = reading.get(principal.tokenId) ?? read(principal)
    if (!reading.has(principal.tokenId)) reading.set(principal.tokenId, running)
    return running
  }
  const spent = (limit: number) => retryLater('PAT_DAILY_LIMIT_EXCEEDED', `the token has made its ${limit} changes of this day`, (nextDayMs(clock()) - clock()) / 1000)
  return {
    refuseSpent: ({ tokenId, dailyMutationLimit: limit = null }) => {
      const cached = known.get(tokenId)
      if (limit !== null && cached?.day === dayOf(clock()) && cached.usage !== null && cached.usage.mutations >= limit) throw spent(limit)
    },
    spend: async (sql, { tenant, tokenId, dailyMutationLimit: limit = null }) => {
      if (tokenId === '' || limit === null) return
      const counted = limit === 0 ? [] : await sql.query(
        `INSERT INTO token_usage (tenant, token_id, day, mutations) VALUES ($1, $2, $3, 1)
         ON CONFLICT (tenant, token_id, day) DO UPDATE SET mutations = token_usage.mutations + 1 WHERE token_usage.mutations < $4 RETURNING 1`, [tenant, tokenId, dayOf(clock()), limit])
      if (counted.length === 0) throw spent(limit)
    },
    forget: ({ tokenId }) => { known.delete(tokenId) },
    sweep: async () => { await store.query('DELETE FROM token_usage WHERE day < $1', [dayOf(clock() - KEPT_DAYS * DAY_MS)]) },
    usage: async (principal) => {
      if (!isCapped(principal)) return null
      const cached = known.get(principal.tokenId)
      const ofToday = cached?.day === dayOf(clock()) ? cached : undefined
      if (ofToday !== undefined && clock() - ofToday.readAtMs < FRESH_MS) return ofToday.usage
      return await within(WAIT_MS, refresh(principal)).catch(() => ofToday?.usage ?? null)
    },
  }
}
