// The daily caps of a token: changes are counted in the transaction that makes them, so that the cap holds over all processes.
// A day is a UTC day.
import { dayOf, nextDayMs } from '../../streams/contracts/log-bytes.ts'
import type { Principal } from '../../streams/contracts/principal.ts'
import { retryLater } from '../errors.ts'
import type { Sql } from '../store/store.ts'
import { within } from '../within.ts'

export interface Usage {
  readonly mutations: number
  readonly logBytes: number
}
export interface Budgets {
  /** Counts one change → what is then used, to be learnt when it is committed; null without a cap. @throws ApiError PAT_DAILY_LIMIT_EXCEEDED, when nothing was counted. */
  spend(sql: Sql, principal: Principal): Promise<Usage | null>
  /** Without asking the store, where it is known that nothing is left. @throws ApiError PAT_DAILY_LIMIT_EXCEEDED. */
  refuseSpent(principal: Principal): void
  /** What the token is known to have used: answers say it without asking the store. */
  learn(principal: Principal, usage: Usage): void
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

const isCapped = (principal: Principal): boolean =>
  principal.tokenId !== '' && (principal.dailyMutationLimit ?? principal.dailyLogBytesLimit ?? null) !== null

interface Row {
  mutations: number
  log_bytes: number
}
const toUsage = (row: Row | undefined): Usage => ({ mutations: row?.mutations ?? 0, logBytes: row?.log_bytes ?? 0 })

interface Cached {
  readonly day: string
  readonly readAtMs: number
  readonly usage: Usage | null
}

export const createBudgets = (store: Sql, clock: () => number): Budgets => {
  const known = new Map<string, Cached>()
  const reading = new Map<string, Promise<Usage | null>>()
  /** Counts of a day only grow: of two that were read at the same time the larger is the later. */
  const learn = ({ tokenId }: Principal, usage: Usage): Usage => {
    const day = dayOf(clock())
    const before = known.get(tokenId)
    const { mutations = 0, logBytes = 0 } = (before?.day === day ? before.usage : null) ?? {}
    const latest = { mutations: Math.max(mutations, usage.mutations), logBytes: Math.max(logBytes, usage.logBytes) }
    if (known.size >= MAX_TOKENS) known.clear()
    known.set(tokenId, { day, readAtMs: clock(), usage: latest })
    return latest
  }
  const readRow = async (sql: Sql, { tenant, tokenId }: Principal): Promise<Usage> => {
    const [row] = await sql.query<Row>('SELECT mutations, log_bytes FROM token_usage WHERE tenant = $1 AND token_id = $2 AND day = $3', [
      tenant,
      tokenId,
      dayOf(clock()),
    ])
    return toUsage(row)
  }
  const read = async (principal: Principal): Promise<Usage | null> => {
    const { tokenId } = principal
    const day = dayOf(clock())
    try {
      return learn(principal, await readRow(store, principal))
    } catch {
      // An answer does not fail for want of a header, nor does the next one wait for it.
      const before = known.get(tokenId)
      known.set(tokenId, { day, readAtMs: clock(), usage: before?.day === day ? before.usage : null })
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
  const spent = (limit: number) =>
    retryLater('PAT_DAILY_LIMIT_EXCEEDED', `the token has made its ${limit} changes of this day`, (nextDayMs(clock()) - clock()) / 1000)
  return {
    refuseSpent: ({ tokenId, dailyMutationLimit: limit = null }) => {
      const cached = known.get(tokenId)
      if (limit !== null && cached?.day === dayOf(clock()) && cached.usage !== null && cached.usage.mutations >= limit) throw spent(limit)
    },
    spend: async (sql, principal) => {
      const { tenant, tokenId, dailyMutationLimit: limit = null } = principal
      if (tokenId === '' || limit === null) return null
      const [counted] =
        limit === 0
          ? []
          : await sql.query<Row>(
              `INSERT INTO token_usage (tenant, token_id, day, mutations) VALUES ($1, $2, $3, 1)
         ON CONFLICT (tenant, token_id, day) DO UPDATE SET mutations = token_usage.mutations + 1 WHERE token_usage.mutations < $4 RETURNING mutations, log_bytes`,
              [tenant, tokenId, dayOf(clock()), limit],
            )
      if (counted !== undefined) return toUsage(counted)
      // Said with the refusal, whatever else the store has to do by then.
      learn(principal, await readRow(sql, principal))
      throw spent(limit)
    },
    learn,
    sweep: async () => {
      await store.query('DELETE FROM token_usage WHERE day < $1', [dayOf(clock() - KEPT_DAYS * DAY_MS)])
    },
    usage: async (principal) => {
      if (!isCapped(principal)) return null
      const cached = known.get(principal.tokenId)
      const ofToday = cached?.day === dayOf(clock()) ? cached : undefined
      if (ofToday !== undefined && clock() - ofToday.readAtMs < FRESH_MS) return ofToday.usage
      return await within(WAIT_MS, refresh(principal)).catch(() => ofToday?.usage ?? null)
    },
  }
}
