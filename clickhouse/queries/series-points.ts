// Rolled-up series: what the watchdog amends, what root-cause analysis compares, what a series' history is.
import type { Query } from '../client.ts'

export interface PointVersion {
  readonly version: string
}
export const pointVersion: Query<PointVersion> = {
  name: 'series.point_version',
  sql: `SELECT toString(max(version)) AS version FROM series_points
WHERE tenant = {tenant:String} AND service = {service:String} AND bucket = fromUnixTimestamp({bucket:UInt32})`,
}

export interface BandRow {
  readonly service: string
  readonly metric: string
  readonly bucket: number
  readonly expected: number
  readonly lower: number
  readonly upper: number
}
/** What was expected of closed buckets: an amendment of their rows keeps it. */
export const bandsOfBuckets: Query<BandRow> = {
  name: 'series.bands_of_buckets',
  sql: `SELECT service, metric, toUnixTimestamp(p.bucket) AS bucket, p.expected AS expected, p.lower AS lower, p.upper AS upper FROM series_points AS p FINAL
WHERE tenant = {tenant:String} AND service IN {services:Array(String)} AND toUnixTimestamp(p.bucket) IN {buckets:Array(UInt32)} AND isFinite(p.expected)`,
}

export interface WindowPoint {
  readonly service: string
  readonly metric: string
  readonly bucket: number
  readonly count: string
  readonly sum: number
}
/** Points of a tenant's judged metrics in a window, newest version each. */
export const pointsInWindow: Query<WindowPoint> = {
  name: 'series.points_in_window',
  sql: `SELECT service, metric, toUnixTimestamp(p.bucket) AS bucket, toString(p.count) AS count, p.sum AS sum FROM series_points AS p FINAL
WHERE tenant = {tenant:String} AND p.bucket >= fromUnixTimestamp({from:UInt32}) AND p.bucket < fromUnixTimestamp({to:UInt32})
  AND (metric IN ('log.rate', 'log.error_rate', 'log.new_template_rate', 'span.rate', 'span.error_rate', 'span.duration') OR startsWith(metric, 'attr.'))
ORDER BY service, metric, bucket LIMIT 400000`,
}

export interface SeenTemplate {
  readonly tenant: string
  readonly service: string
  readonly template: string
  readonly first_bucket: number
}
export const seenTemplates: Query<SeenTemplate> = {
  name: 'all_tenants.seen_templates',
  sql: `SELECT tenant, service, toString(s.template) AS template, toUnixTimestamp(min(s.first_bucket)) AS first_bucket
FROM seen_templates AS s WHERE cityHash64(tenant) % {shards:UInt32} = {shard:UInt32} GROUP BY tenant, service, s.template`,
}

export interface SeriesPointRow {
  readonly at: number
  readonly count: string
  readonly sum: number
  readonly expected: number | null
  readonly lower: number | null
  readonly upper: number | null
}
/**
 * One series in steps of whole buckets. The band of a step is the mean of its buckets' that have one. No row is written of a bucket in
 * which nothing was counted. `rate` names the series that says whether anybody looked ('' for what is no count): such a bucket is 0 where
 * the service has a point of it, and of the rate itself where anybody of the tenant has.
 */
export const pointsOfSeries: Query<SeriesPointRow> = {
  name: 'series.points_of_series',
  sql: `SELECT toUnixTimestamp(toStartOfInterval(bucket, toIntervalSecond({step:UInt32}))) AS at, toString(sum(counts)) AS count, sum(sums) AS sum,
  avgIf(middle, isFinite(middle)) AS expected, avgIf(low, isFinite(middle)) AS lower, avgIf(high, isFinite(middle)) AS upper
FROM (
  SELECT p.bucket AS bucket, p.count AS counts, p.sum AS sums, p.expected AS middle, p.lower AS low, p.upper AS high FROM series_points AS p FINAL
  WHERE tenant = {tenant:String} AND p.service = {service:String} AND p.metric = {metric:String} AND p.bucket >= fromUnixTimestamp({from:UInt32}) AND p.bucket < fromUnixTimestamp({to:UInt32})
  UNION ALL
  SELECT DISTINCT r.bucket AS bucket, toUInt64(0) AS counts, toFloat64(0) AS sums, toFloat32(nan) AS middle, toFloat32(nan) AS low, toFloat32(nan) AS high FROM series_points AS r
  WHERE tenant = {tenant:String} AND r.metric = {rate:String} AND (r.service = {service:String} OR {metric:String} = {rate:String}) AND r.bucket >= fromUnixTimestamp({from:UInt32}) AND r.bucket < fromUnixTimestamp({to:UInt32})
)
GROUP BY at ORDER BY at LIMIT 5000`,
}
