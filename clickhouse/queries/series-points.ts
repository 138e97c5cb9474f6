// Rolled-up series: what the watchdog amends, what root-cause analysis compares, what a series' history is.
import type { Query } from '../client.ts'

export interface PointVersion { readonly version: string }
export const pointVersion: Query<PointVersion> = {
  name: 'series.point_version',
  sql: `SELECT toString(max(version)) AS version FROM series_points
WHERE tenant = {tenant:String} AND service = {service:String} AND bucket = fromUnixTimestamp({bucket:UInt32})`,
}

export interface BandRow { readonly service: string; readonly metric: string; readonly bucket: number; readonly expected: number; readonly lower: number; readonly upper: number }
/** What was expected of closed buckets: an amendment of their rows keeps it. */
export const bandsOfBuckets: Query<BandRow> = {
  name: 'series.bands_of_buckets',
  sql: `SELECT service, metric, toUnixTimestamp(p.bucket) AS bucket, p.expected AS expected, p.lower AS lower, p.upper AS upper FROM series_points AS p FINAL
WHERE tenant = {tenant:String} AND service IN {services:Array(String)} AND toUnixTimestamp(p.bucket) IN {buckets:Array(UInt32)} AND isFinite(p.expected)`,
}

export interface WindowPoint { readonly service: string; readonly metric: string; readonly bucket: number; readonly count: string; readonly sum: number }
/** Points of a tenant's judged metrics in a window, newest version each. */
export const pointsInWindow: Query<WindowPoint> = {
  name: 'series.points_in_window',
  sql: `SELECT service, metric, toUnixTimestamp(p.bucket) AS bucket, toString(p.count) AS count, p.sum AS sum FROM series_points AS p FINAL
WHERE tenant = {tenant:String} AND p.bucket >= fromUnixTimestamp({from:UInt32}) AND p.bucket < fromUnixTimestamp({to:UInt32})
  AND (metric IN ('log.rate', 'log.error_rate', 'log.new_template_rate', 'span.rate', 'span.error_rate', 'span.duration') OR startsWith(metric, 'attr.'))
ORDER BY service, metric, bucket LIMIT 400000`,
}

export interface SeenTemplate { readonly tenant: string; readonly service: string; readonly template: string; readonly first_bucket: number }
export const seenTemplates: Query<SeenTemplate> = {
  name: 'all_tenants.seen_templates',
  sql: `SELECT tenant, service, toString(s.template) AS template, toUnixTimestamp(min(s.first_bucket)) AS first_bucket
FROM seen_templates AS s WHERE cityHash64(tenant) % {shards:UInt32} = {shard:UInt32} GROUP BY tenant, service, s.template`,
}

export interface SeriesPointRow { readonly at: number; readonly count: string; readonly sum: number; readonly expected: number | null; readonly lower: number | null; readonly upper: number | null }
/** One series in steps of whole buckets. The band of a step is the mean of its buckets' that have one. */
export const pointsOfSeries: Query<SeriesPointRow> = {
  name: 'series.points_of_series',
  sql: `SELECT toUnixTimestamp(toStartOfInterval(p.bucket, toIntervalSecond({step:UInt32}))) AS at, toString(sum(p.count)) AS count, sum(p.sum) AS sum,
  avgIf(p.expected, isFinite(p.expected)) AS expected, avgIf(p.lower, isFinite(p.lower)) AS lower, avgIf(p.upper, isFinite(p.upper)) AS upper
FROM series_points AS p FINAL
WHERE tenant = {tenant:String} AND p.service = {service:String} AND p.metric = {metric:String} AND p.bucket >= fromUnixTimestamp({from:UInt32}) AND p.bucket < fromUnixTimestamp({to:UInt32})
GROUP BY at ORDER BY at LIMIT 5000`,
}
