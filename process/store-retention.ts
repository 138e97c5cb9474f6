// Keeps the store within its bounds while the product runs: a first pass soon after the start, then one a minute.
import type { ClickHouse } from '../clickhouse/client.ts'
import { enforceRetention, type DroppedDay, type RetentionConfig, type RetentionReport } from '../clickhouse/retention.ts'
import type { Leases } from '../streams/contracts/leases.ts'
import { startRepeating } from '../streams/contracts/repeat.ts'
import type { Logger } from './logger.ts'

export interface StoreRetentionStats {
  readonly maxBytes: number | null
  readonly minFreeBytes: number
  /** As of the last pass; null before the first. */
  readonly last: Pick<RetentionReport, 'bytes' | 'freeBytes' | 'over'> | null
  readonly droppedDays: number
  readonly droppedRows: number
  /** The newest of them last; at most 30. */
  readonly dropped: readonly DroppedDay[]
}
export interface StoreRetention {
  stats(): StoreRetentionStats
  close(): Promise<void>
}

const EVERY_MS = 60_000
const FIRST_AFTER_MS = 5000
const REMEMBERED_DAYS = 30

export const startStoreRetention = (
  config: RetentionConfig & { firstAfterMs?: number; everyMs?: number },
  deps: { clickhouse: Pick<ClickHouse, 'query' | 'command'>; clock: () => number; logger: Logger; leases: Leases },
): StoreRetention => {
  const { logger } = deps
  const dropped: DroppedDay[] = []
  const total = { days: 0, rows: 0 }
  let last: RetentionReport | null = null

  const pass = async (): Promise<void> => {
    // One process at a time: two that count what is there would both drop the oldest day.
    const lease = await deps.leases.claim('store retention')
    if (lease === null) return
    const isStillOurs = async (): Promise<boolean> => (await deps.leases.claim('store retention').catch(() => null))?.epoch === lease.epoch
    last = await enforceRetention(config, deps.clickhouse, deps.clock(), isStillOurs)
    for (const day of last.dropped) logger.warn(day, 'store over its bound: oldest day dropped')
    if (last.over) logger.warn({ bytes: last.bytes, freeBytes: last.freeBytes }, 'store over its bound with nothing but today left')
    dropped.push(...last.dropped)
    dropped.splice(0, dropped.length - REMEMBERED_DAYS)
    total.days += last.dropped.length
    total.rows += last.dropped.reduce((sum, day) => sum + day.rows, 0)
  }
  const passes = startRepeating(
    pass,
    { firstAfterMs: config.firstAfterMs ?? FIRST_AFTER_MS, everyMs: config.everyMs ?? EVERY_MS },
    (error) => logger.warn({ error: String(error) }, 'store retention failed'),
  )
  return {
    stats: () => ({
      maxBytes: config.maxBytes,
      minFreeBytes: config.minFreeBytes,
      last,
      droppedDays: total.days,
      droppedRows: total.rows,
      dropped: [...dropped],
    }),
    close: () => passes.close(),
  }
}
