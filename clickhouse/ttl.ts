// How long rows are kept, where the tables say otherwise: schema/ makes them with 30 days, the setting may be another.
import type { ClickHouse, Query } from './client.ts'

interface TtlRow {
  readonly name: string
  readonly days: number
}
const kept: Query<TtlRow> = {
  name: 'all_tenants.kept_days',
  sql: `SELECT replaceOne(t.name, '_local', '') AS name, toUInt32OrZero(extract(engine_full, 'toIntervalDay\\\\((?:_CAST\\\\()?([0-9]+)')) AS days
FROM system.tables AS t WHERE database = currentDatabase() AND engine LIKE '%MergeTree'
  AND replaceOne(t.name, '_local', '') IN ('otel_logs', 'otel_spans', 'series_points', 'dead_letters', 'log_template_counts', 'log_templates')`,
}
const STATEMENTS: Readonly<Record<string, { readonly settings: string; readonly ttl: string }>> = {
  otel_logs: {
    settings: 'ALTER TABLE otel_logs MODIFY SETTING materialize_ttl_recalculate_only = 1',
    ttl: 'ALTER TABLE otel_logs MODIFY TTL receive_day + toIntervalDay({days:UInt16})',
  },
  otel_spans: {
    settings: 'ALTER TABLE otel_spans MODIFY SETTING materialize_ttl_recalculate_only = 1',
    ttl: 'ALTER TABLE otel_spans MODIFY TTL receive_day + toIntervalDay({days:UInt16})',
  },
  series_points: {
    settings: 'ALTER TABLE series_points MODIFY SETTING materialize_ttl_recalculate_only = 1',
    ttl: 'ALTER TABLE series_points MODIFY TTL bucket + toIntervalDay({days:UInt16})',
  },
  log_template_counts: {
    settings: 'ALTER TABLE log_template_counts MODIFY SETTING materialize_ttl_recalculate_only = 1',
    ttl: 'ALTER TABLE log_template_counts MODIFY TTL receive_day + toIntervalDay({days:UInt16})',
  },
  log_templates: {
    settings: 'ALTER TABLE log_templates MODIFY SETTING materialize_ttl_recalculate_only = 1',
    ttl: 'ALTER TABLE log_templates MODIFY TTL last_seen + toIntervalDay({days:UInt16})',
  },
  dead_letters: {
    settings: 'ALTER TABLE dead_letters MODIFY SETTING materialize_ttl_recalculate_only = 1',
    ttl: 'ALTER TABLE dead_letters MODIFY TTL toDateTime(received_at) + toIntervalDay({days:UInt16})',
  },
}

/** Resolves to the tables that were changed. Their parts learn it in the background, without being rewritten. */
export const keepDays = async (clickhouse: Pick<ClickHouse, 'query' | 'command'>, days: number): Promise<readonly string[]> => {
  const changed = (await clickhouse.query(kept, {})).filter((table) => table.days !== days).map((table) => table.name)
  for (const table of changed) {
    await clickhouse.command(STATEMENTS[table].settings)
    await clickhouse.command(STATEMENTS[table].ttl, { days })
  }
  return changed
}
