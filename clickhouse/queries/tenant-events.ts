// How much each tenant sent, for whoever runs the installation.
import type { Query } from '../client.ts'

export interface TenantEventsRow {
  readonly tenant: string
  readonly events: string
}
/** Log records since the first of the month (UTC) that `nowMs` is in. Partitions are receive days: only this month's are read. */
export const eventsThisMonth: Query<TenantEventsRow> = {
  name: 'all_tenants.events_this_month',
  sql: `SELECT tenant, toString(count()) AS events FROM otel_logs
WHERE receive_day >= toStartOfMonth(toDate(fromUnixTimestamp64Milli({nowMs:Int64}, 'UTC'), 'UTC')) GROUP BY tenant`,
}
