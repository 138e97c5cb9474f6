// What the store holds and how much room it takes, over all tenants: for status, metrics and retention. Read from the
// parts' own figures, so it costs nothing per row. Of a partition only its name and its sums leave, never a row.
// In a cluster the rows are in tables with `_local` behind their name, and one replica of each shard is asked.
import type { Query } from '../client.ts'

export interface StoreStatsRow {
  readonly bytes: string
  readonly rows: string
  readonly oldest_day: string
}
/** Bytes of the whole database; rows and oldest receive day (`YYYY-MM-DD`, empty when there is none) of the logs. */
export const storeStats: Query<StoreStatsRow> = {
  name: 'all_tenants.store_stats',
  sql: `SELECT toString(sum(bytes_on_disk)) AS bytes, toString(sumIf(p.rows, table IN ('otel_logs', 'otel_logs_local'))) AS rows, minIf(partition, table IN ('otel_logs', 'otel_logs_local') AND p.rows > 0) AS oldest_day
FROM system.parts AS p WHERE database = currentDatabase() AND active`,
}

export interface StoreDayRow {
  readonly name: string
  readonly day: string
  readonly bytes: string
  readonly rows: string
}
/** Every receive day of the tables that are written from the log, oldest first. */
export const storeDays: Query<StoreDayRow> = {
  name: 'all_tenants.store_days',
  sql: `SELECT replaceOne(p.table, '_local', '') AS name, partition AS day, toString(sum(bytes_on_disk)) AS bytes, toString(sum(p.rows)) AS rows
FROM system.parts AS p WHERE database = currentDatabase() AND active AND p.table IN ('otel_logs', 'otel_logs_local', 'otel_spans', 'otel_spans_local', 'series_partials', 'series_partials_local', 'log_template_counts', 'log_template_counts_local')
GROUP BY name, partition ORDER BY partition, name`,
}

export interface FreeSpaceRow {
  readonly free_bytes: string
}
/** Unreserved space of the disk that holds the data. */
export const freeSpace: Query<FreeSpaceRow> = {
  name: 'all_tenants.free_space',
  sql: 'SELECT toString(min(unreserved_space)) AS free_bytes FROM system.disks',
}
