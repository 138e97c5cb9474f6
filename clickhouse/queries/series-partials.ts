// The watchdog's reading by position. It serves all tenants, so only the recounts name one; everything else is cut by
// (partition, offset), which is how the table is ordered.
import type { Query } from '../client.ts'

export interface PartialLog {
  readonly log_id: string
  readonly log_partition: number
}
/** Which logs have written partials, partitions in `known` left out: cheap with all known ones, a full read with none. */
export const partialLogs: Query<PartialLog> = {
  name: 'all_tenants.partial_logs',
  sql: 'SELECT DISTINCT log_id, log_partition FROM series_partials WHERE log_partition NOT IN {known:Array(UInt16)} ORDER BY log_id, log_partition',
}

export interface PartialRange {
  readonly first: string
  readonly rows: string
}
/** Ranges from an offset on that are not among those seen; INSERTs of neighbouring ranges may land in any order. */
export const partialRanges: Query<PartialRange> = {
  name: 'all_tenants.partial_ranges',
  sql: `SELECT toString(log_offset) AS first, toString(count()) AS rows FROM series_partials
WHERE log_partition = {partition:UInt16} AND log_offset >= {from:UInt64} AND log_id = {logId:String} AND NOT has({seen:Array(UInt64)}, log_offset)
GROUP BY log_offset ORDER BY log_offset LIMIT 256`,
}

export interface PartialRow {
  readonly tenant: string
  readonly service: string
  readonly bucket: number
  readonly metric: readonly string[]
  readonly count: readonly (number | string)[]
  readonly sum: readonly number[]
  readonly min: readonly number[]
  readonly max: readonly number[]
  readonly sum_sq: readonly number[]
  readonly templates: readonly string[]
  readonly covers: string
}
const COLUMNS = `tenant, service, toUnixTimestamp(bucket) AS bucket, metric, count, sum, min, max, sum_sq,
arrayMap(t -> toString(t), templates) AS templates, toString(last_offset - log_offset + 1) AS covers`

export const partialRows: Query<PartialRow> = {
  name: 'all_tenants.partial_rows',
  sql: 'SELECT '.concat(
    COLUMNS,
    ` FROM series_partials
WHERE log_partition = {partition:UInt16} AND log_offset IN {firsts:Array(UInt64)} AND log_id = {logId:String} AND cityHash64(tenant) % {shards:UInt32} = {shard:UInt32}
ORDER BY log_offset, tenant, service, series_partials.bucket`,
  ),
}

/** Everything that adds up to some buckets of a tenant: for amending closed ones. */
export const partialsOfBuckets: Query<PartialRow> = {
  name: 'series.partials_of_buckets',
  sql: 'SELECT '.concat(
    COLUMNS,
    ` FROM series_partials
WHERE tenant = {tenant:String} AND service IN {services:Array(String)} AND toUnixTimestamp(series_partials.bucket) IN {buckets:Array(UInt32)}`,
  ),
}

export interface CountedBucket {
  readonly metric: string
  readonly count: string
  readonly sum: number
  readonly min: number
  readonly max: number
  readonly sum_sq: number
}
/** A bucket counted again from its rows, for when its partials may have expired. */
export const recountBucket: Query<CountedBucket> = {
  name: 'series.recount_bucket',
  sql: `SELECT metric, toString(count()) AS count, sum(value) AS sum, min(value) AS min, max(value) AS max, sum(value * value) AS sum_sq
FROM (
  SELECT arrayJoin(arrayConcat(
    [('log.rate', 1.)],
    if(SeverityNumber >= 17, [('log.error_rate', 1.)], []),
    if(SeverityNumber BETWEEN 1 AND 24, [(concat('log.severity.', ['trace', 'debug', 'info', 'warn', 'error', 'fatal'][intDiv(SeverityNumber - 1, 4) + 1]), 1.)], []),
    arrayFilter(p -> isFinite(p.2), arrayMap(n -> (concat('attr.', n), ifNull(toFloat64OrNull(LogAttributes[n]), nan)), {attributes:Array(String)}))
  )) AS pair, pair.1 AS metric, pair.2 AS value
  FROM otel_logs
  WHERE tenant = {tenant:String} AND Timestamp >= fromUnixTimestamp64Milli({fromMs:Int64}) AND Timestamp < fromUnixTimestamp64Milli({toMs:Int64}) AND ServiceName = {service:String}
)
GROUP BY metric ORDER BY metric`,
}

/** The same of a service's spans and their operations, by when they ended: of those that began within the hour before. */
export const recountSpans: Query<CountedBucket> = {
  name: 'series.recount_spans',
  sql: `WITH addNanoseconds(Timestamp, Duration) AS ended, Duration / 1000000 AS ms
SELECT metric, toString(count()) AS count, sum(value) AS sum, min(value) AS min, max(value) AS max, sum(value * value) AS sum_sq
FROM (
  SELECT arrayJoin(arrayFlatten(arrayMap(suffix -> arrayConcat(
    [(concat('span.rate', suffix), 1.)],
    if(StatusCode = 'Error', [(concat('span.error_rate', suffix), 1.)], []),
    if(Duration > 0, [(concat('span.duration', suffix), ms)], [])
  ), ['', concat('{', if(SpanName = '', 'other', SpanName), '}')]))) AS pair, pair.1 AS metric, pair.2 AS value
  FROM otel_spans
  WHERE tenant = {tenant:String} AND Timestamp >= fromUnixTimestamp64Milli({fromMs:Int64}) - toIntervalHour(1) AND Timestamp < fromUnixTimestamp64Milli({toMs:Int64})
    AND ended >= fromUnixTimestamp64Milli({fromMs:Int64}) AND ended < fromUnixTimestamp64Milli({toMs:Int64}) AND ServiceName = {service:String} AND IsEntry = 1
)
GROUP BY metric ORDER BY metric`,
}
