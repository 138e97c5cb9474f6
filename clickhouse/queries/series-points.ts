// Rolled-up series: what the watchdog amends, what root-cause analysis compares, what a series' history is.
import type { Query } from '../client.ts'

export interface PointVersion { readonly version: string }
export const pointVersion: Query<PointVersion> = {
  name: 'series.point_version',
  sql: `SELECT toString(max(version)) AS version FROM series_points
WHERE tenant = {tenant:String} AND service = {service:String} AND bucket = fromUnixTimestamp({bucket:UInt32})`,
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
