// One log record by its place in the event log, which is unique. The index of offsets narrows the read to a few granules.
import type { Query } from '../client.ts'
import { COLUMNS, type LogRow } from './logs-search.ts'

export const logByPosition: Query<LogRow> = {
  name: 'logs.by_position',
  sql: 'SELECT '.concat(
    COLUMNS,
    ` FROM otel_logs
WHERE tenant = {tenant:String} AND otel_logs.log_offset = {offset:UInt64} AND otel_logs.record_index = {index:UInt32} AND otel_logs.log_partition = {partition:UInt16} AND log_id = {logId:String}
LIMIT 1 SETTINGS max_execution_time = 4`,
  ),
}
