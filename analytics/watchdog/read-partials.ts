// Reads partials by position, each range once. A range may land after its successor (up to four INSERTs are in flight), so
// the last ranges read are remembered and looked behind.
import type { ClickHouse } from '../../clickhouse/client.ts'
import { partialLogs, partialRanges, partialRows, type PartialRow } from '../../clickhouse/queries/series-partials.ts'
import type { Partial } from '../series/rollup.ts'

export interface Cursor {
  readonly logId: string
  readonly partition: number
  /** First offsets of the last ranges read, ascending. */ seen: number[]
}
/** More than can be in flight behind the newest one. */
const LOOK_BEHIND = 16
const MAX_ROWS = 20_000
/** What one listing gives at most. */
const MAX_RANGES = 256
const DISCOVER_EVERY_MS = 10_000

export const toPartial = (row: PartialRow): Partial => ({
  tenant: row.tenant,
  service: row.service,
  bucketMs: row.bucket * 1000,
  templates: row.templates,
  covers: Number(row.covers),
  metrics: row.metric.map(
    (name, i) => [name, { count: Number(row.count[i]), sum: row.sum[i], min: row.min[i], max: row.max[i], sumSq: row.sum_sq[i] }] as const,
  ),
})

export interface PartialReader {
  /**
   * Hands over what is stored of every partition as of this call, in order of position within each, some at a time; what comes
   * meanwhile waits. True when a bound cut it short.
   */
  read(nowMs: number, take: (partials: readonly Partial[]) => Promise<void>): Promise<boolean>
  cursors(): readonly Cursor[]
}

/** Part `index` of the tenants, by a hash of their name. */
export interface Shard {
  readonly index: number
  readonly of: number
}
export const WHOLE: Shard = { index: 0, of: 1 }

export const createPartialReader = (
  clickhouse: Pick<ClickHouse, 'query'>,
  restored: readonly Cursor[],
  shard: Shard = WHOLE,
): PartialReader => {
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
  const readCursor = async (cursor: Cursor, take: (partials: readonly Partial[]) => Promise<void>): Promise<boolean> => {
    const position = { logId: cursor.logId, partition: cursor.partition }
    const ranges = await clickhouse.query(partialRanges, { ...position, from: cursor.seen[0] ?? 0, seen: cursor.seen })
    for (let at = 0; at < ranges.length;) {
      const firsts: number[] = []
      for (let rows = 0; at < ranges.length; at++) {
        rows += Number(ranges[at].rows)
        if (firsts.length > 0 && rows > MAX_ROWS) break
        firsts.push(Number(ranges[at].first))
      }
      await take((await clickhouse.query(partialRows, { ...position, firsts, shard: shard.index, shards: shard.of })).map(toPartial))
      // Only behind what was handed over: a failure halfway is read again from there.
      cursor.seen = [...cursor.seen, ...firsts].sort((a, b) => a - b).slice(-LOOK_BEHIND)
    }
    return ranges.length === MAX_RANGES
  }
  return {
    cursors: () => cursors,
    read: async (nowMs, take) => {
      await discover(nowMs)
      let more = false
      for (const cursor of cursors) more = (await readCursor(cursor, take)) || more
      return more
    },
  }
}
