// Keeps the store within its bytes and the disk above its floor: whole receive days go, oldest first, and what went is
// reported. Today's rows are never dropped: then ingest's own bounds must act, and the answer says that it is over.
import type { ClickHouse } from './client.ts'
import { freeSpace, storeDays, storeStats, type StoreDayRow } from './queries/store.ts'

export interface RetentionConfig {
  /** Bytes of the whole database; null: no bound. */
  readonly maxBytes: number | null
  /** Free bytes of its disk that must remain; 0: no floor. Only a store on this machine's disk should have one. */
  readonly minFreeBytes: number
}
export interface DroppedDay {
  readonly day: string
  readonly bytes: number
  readonly rows: number
}
export interface RetentionReport {
  readonly bytes: number
  readonly freeBytes: number
  readonly dropped: readonly DroppedDay[]
  /** Still beyond a bound although nothing older than today is left. */
  readonly over: boolean
}

const TABLES = {
  otel_logs: 'ALTER TABLE otel_logs DROP PARTITION {day:String}',
  otel_spans: 'ALTER TABLE otel_spans DROP PARTITION {day:String}',
  series_partials: 'ALTER TABLE series_partials DROP PARTITION {day:String}',
  log_template_counts: 'ALTER TABLE log_template_counts DROP PARTITION {day:String}',
} as const

const measure = async (clickhouse: Pick<ClickHouse, 'query'>): Promise<{ bytes: number; freeBytes: number }> => {
  const [[stats], [space]] = await Promise.all([clickhouse.query(storeStats, {}), clickhouse.query(freeSpace, {})])
  return { bytes: Number(stats.bytes), freeBytes: Number(space.free_bytes) }
}

const dropDay = async (clickhouse: Pick<ClickHouse, 'command'>, rows: readonly StoreDayRow[]): Promise<DroppedDay> => {
  // Rows first: partials without their rows do no harm, rows without partials would look like a day without series.
  for (const table of Object.keys(TABLES) as (keyof typeof TABLES)[]) {
    if (rows.some((row) => row.name === table)) await clickhouse.command(TABLES[table], { day: rows[0].day })
  }
  const sum = (field: 'bytes' | 'rows', table?: string): number =>
    rows.reduce((total, row) => total + (table === undefined || row.name === table ? Number(row[field]) : 0), 0)
  return { day: rows[0].day, bytes: sum('bytes'), rows: sum('rows', 'otel_logs') }
}

/** One pass. It reckons with what it dropped instead of measuring again after each day: DROP PARTITION removes the files at once. */
export const enforceRetention = async (
  config: RetentionConfig,
  clickhouse: Pick<ClickHouse, 'query' | 'command'>,
  nowMs: number,
  /** Asked before each day that is dropped: whoever no longer may has counted what another drops meanwhile. */
  mayDrop: () => Promise<boolean> = async () => true,
): Promise<RetentionReport> => {
  let { bytes, freeBytes } = await measure(clickhouse)
  const isOver = (): boolean => (config.maxBytes !== null && bytes > config.maxBytes) || freeBytes < config.minFreeBytes
  const dropped: DroppedDay[] = []
  if (!isOver()) return { bytes, freeBytes, dropped, over: false }
  const today = new Date(nowMs).toISOString().slice(0, 10)
  const days = Map.groupBy(await clickhouse.query(storeDays, {}), (row) => row.day)
  for (const [day, rows] of days) {
    if (!isOver() || day >= today) break
    // Not for us to say that nothing is left.
    if (!(await mayDrop())) return { bytes, freeBytes, dropped, over: false }
    const gone = await dropDay(clickhouse, rows)
    dropped.push(gone)
    bytes -= gone.bytes
    freeBytes += gone.bytes
  }
  return { bytes, freeBytes, dropped, over: isOver() }
}
