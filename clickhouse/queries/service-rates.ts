// What a service did in a window and in the one before it, metric by metric, from the rolled-up series; operations last.
import type { Query } from '../client.ts'

export interface ServiceRateRow {
  readonly metric: string
  readonly count: string
  readonly total: number
  readonly count_before: string
  readonly total_before: number
}
export const serviceRates: Query<ServiceRateRow> = {
  name: 'series.service_rates',
  sql: `SELECT metric, toString(sumIf(p.count, p.bucket >= fromUnixTimestamp({from:UInt32}))) AS count, sumIf(p.sum, p.bucket >= fromUnixTimestamp({from:UInt32})) AS total,
  toString(sumIf(p.count, p.bucket < fromUnixTimestamp({from:UInt32}))) AS count_before, sumIf(p.sum, p.bucket < fromUnixTimestamp({from:UInt32})) AS total_before
FROM series_points AS p FINAL
WHERE tenant = {tenant:String} AND service = {service:String} AND p.bucket >= fromUnixTimestamp({before:UInt32}) AND p.bucket < fromUnixTimestamp({to:UInt32})
GROUP BY metric ORDER BY startsWith(metric, 'span.') AND endsWith(metric, '}'), sum(p.count) DESC, metric LIMIT 40`,
}
