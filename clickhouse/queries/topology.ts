// What the graph of services is made from: who spoke in a window, and who appears in whose traces.
// Receive day prunes partitions: a record is received at most a day before its event time, or later.
import type { Query } from '../client.ts'

/** Parts of a window of which each start is read, where all of it would be too much. */
export const SLICES = 8
/** All of a window where `sliceMs` is 0, else only so much at the start of each of its parts, which the order of the table makes cheap. */
export const inSlices = (count: number): string =>
  `({sliceMs:Int64} = 0${Array.from({ length: count }, (_, i) => {
    const start = `{fromMs:Int64} + intDiv(({toMs:Int64} - {fromMs:Int64}) * ${i}, ${count})`
    return `
      OR Timestamp >= fromUnixTimestamp64Milli(${start}) AND Timestamp < fromUnixTimestamp64Milli(${start} + {sliceMs:Int64})`
  }).join('')})`

export interface SeenServiceRow {
  readonly service: string
  readonly records: string
  readonly errors: string
  readonly first: number
  readonly last: number
}
/** Services with logs or spans in closed buckets, the busiest first; times in seconds, `last` of the start of a bucket. */
export const seenServices: Query<SeenServiceRow> = {
  name: 'topology.seen_services',
  sql: `SELECT service, toString(sumIf(p.count, metric = 'log.rate')) AS records, toString(sumIf(p.count, metric = 'log.error_rate')) AS errors,
  toUnixTimestamp(min(p.bucket)) AS first, toUnixTimestamp(max(p.bucket)) AS last
FROM series_points AS p FINAL
WHERE tenant = {tenant:String} AND metric IN ('log.rate', 'log.error_rate', 'span.rate', 'span.error_rate') AND p.bucket >= fromUnixTimestamp({from:UInt32}) AND p.bucket < fromUnixTimestamp({to:UInt32}) AND p.count > 0
GROUP BY service ORDER BY sum(p.count) DESC, service LIMIT 5000`,
}

/** First and last record of each service in a trace, microseconds. */
export interface TraceRow {
  readonly trace: string
  readonly services: readonly string[]
  readonly first_us: readonly string[]
  readonly last_us: readonly string[]
}
export interface TracedRow extends TraceRow {
  readonly found: string
  readonly errors: readonly string[]
}
/**
 * Traces that touch at least two services, of every `oneIn`-th by its hash: first and last record of each service, microseconds, and
 * how many of its records are errors. Some thousands; `found` says of how many, the sampling aside. With `sliceMs` only so much is read at the
 * start of each eighth of the window, which the order of the table makes cheap; 0 reads all of it.
 */
export const sampledTraces: Query<TracedRow> = {
  name: 'topology.sampled_traces',
  sql: `SELECT TraceId AS trace, toString(count() OVER ()) AS found, groupArray(service) AS services, groupArray(toString(first)) AS first_us, groupArray(toString(last)) AS last_us, groupArray(toString(bad)) AS errors FROM (
  SELECT TraceId, ServiceName AS service, toUnixTimestamp64Micro(toDateTime64(min(Timestamp), 6)) AS first, toUnixTimestamp64Micro(toDateTime64(max(Timestamp), 6)) AS last, countIf(SeverityNumber >= 17) AS bad
  FROM otel_logs
  WHERE tenant = {tenant:String} AND Timestamp >= fromUnixTimestamp64Milli({fromMs:Int64}) AND Timestamp < fromUnixTimestamp64Milli({toMs:Int64})
    AND `.concat(
    inSlices(SLICES),
    `
    AND receive_day >= toDate(fromUnixTimestamp64Milli({fromMs:Int64}), 'UTC') - 1 AND TraceId != '' AND cityHash64(TraceId) % {oneIn:UInt32} = 0
  GROUP BY TraceId, ServiceName ORDER BY TraceId, first, service
) GROUP BY TraceId HAVING count() > 1 ORDER BY cityHash64(TraceId), trace LIMIT 5000
SETTINGS max_rows_to_read = 200000000, read_overflow_mode = 'break'`,
  ),
}
