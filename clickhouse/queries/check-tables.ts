// Tables that take what their models take, with the same columns and constraints, and keep nothing of it: an INSERT there
// tells whether the rows are refused without leaving one. Made anew before each use, so they follow their models.
import type { Query } from '../client.ts'

export interface CheckTable {
  readonly table: string
  readonly create: Query<never>
}

export const createLogsCheck: Query<never> = {
  name: 'all_tenants.create_logs_check',
  sql: 'CREATE OR REPLACE TABLE otel_logs_check AS otel_logs ENGINE = Null',
}
export const createSpansCheck: Query<never> = {
  name: 'all_tenants.create_spans_check',
  sql: 'CREATE OR REPLACE TABLE otel_spans_check AS otel_spans ENGINE = Null',
}
export const createPartialsCheck: Query<never> = {
  name: 'all_tenants.create_partials_check',
  sql: 'CREATE OR REPLACE TABLE series_partials_check AS series_partials ENGINE = Null',
}

export const CHECK_TABLES: Readonly<Record<'otel_logs' | 'otel_spans' | 'series_partials', CheckTable>> = {
  otel_logs: { table: 'otel_logs_check', create: createLogsCheck },
  otel_spans: { table: 'otel_spans_check', create: createSpansCheck },
  series_partials: { table: 'series_partials_check', create: createPartialsCheck },
}
