// Reads partials by position, each range once. A range may land after its successor (up to four INSERTs are in flight), so
// the last ranges read are remembered and looked behind.
import type { ClickHouse } from '../../clickhouse/client.ts'
import { partialLogs, partialRanges, partialRows, type PartialRow } from '../../clickhouse/queries/series-partials.ts'
import type { Partial } from '../series/rollup.ts'

export interface Cursor { readonly logId: string; readonly partition: number; /** First offsets of the last ranges read, ascending. */ seen: number[] }
/** More than can be in flight behind the newest one. */
const LOOK_BEHIND = 16
const MAX_ROWS = 20_000
const DISCOVER_EVERY_MS = 10_000

export const toPartial = (row: PartialRow): Partial => ({
  tenant: row.tenant, service: row.service, bucketMs: row.bucket * 1000, templates: row.templates, covers: Number(row.covers),
  metrics: row.metric.map((name, i) => [name, { count: Number(row.count[i]), sum: row.sum[i], min: row.min[i], max: row.max[i], sumSq: row.sum_sq[i] }] as const),
})

export interface PartialReader {
  /** New partials of every partition, in order of position within each; `more` when a bound cut it short. */
  read(nowMs: number): Promise<{ partials: Partial[]; more: boolean }>
  cursors(): readonly Cursor[]
}

export const createPartialReader = (clickhouse: Pick<ClickHouse, 'query'>, restored: readonly Cursor[]): PartialReader => {
  const cursors = restored.map((cursor) => ({ ...cursor, seen: [...cursor.seen] }))
  let discoveredAtMs = -Infinity
  const discover = async (nowMs: number): Promise<void> => {
    // A new partition is met at once, a new log behind a known one (another data directory) a little later.
    const due = nowMs - discoveredAtMs >= DISCOVER_EVERY_MS
    const known = due ? [] : cursors.map((cursor) => cursor.partition)
    for (const { log_id: logId, log_partition: partition } of await clickhouse.query(partialLogs, { known })) {
      if (!cursors.some((cursor) => cursor.logId === logId && cursor.partition === partition)) cursors.push({ logId, partition, seen: [] })
    }
    if (due) discoveredAtMs = nowMs
  }
  const readCursor = async (cursor: Cursor): Promise<{ partials: Partial[]; more: boolean; seen: number[] }> => {
    const position = { logId: cursor.logId, partition: cursor.partition }
    const ranges = await clickhouse.query(partialRanges, { ...position, from: cursor.seen[0] ?? 0, seen: cursor.seen })
    const firsts: number[] = []
    let rows = 0
    for (const range of ranges) {
      rows += Number(range.rows)
      if (firsts.length > 0 && rows > MAX_ROWS) break
      firsts.push(Number(range.first))
    }
    if (firsts.length === 0) return { partials: [], more: false, seen: cursor.seen }
    const partials = (await clickhouse.query(partialRows, { ...position, firsts })).map(toPartial)
    const seen = [...cursor.seen, ...firsts].sort((a, b) => a - b).slice(-LOOK_BEHIND)
    return { partials, more: firsts.length < ranges.length || ranges.length === 256, seen }
  }
  return {
    cursors: () => cursors,
    read: async (nowMs) => {
      await discover(nowMs)
      const parts = []
      for (const cursor of cursors) parts.push(await readCursor(cursor))
      // Only when all have answered: a failure halfway must not lose what the first ones gave.
      for (const [i, part] of parts.entries()) cursors[i].seen = part.seen
      return { partials: parts.flatMap((part) => part.partials), more: parts.some((part) => part.more) }
    },
  }
}
