// Rows of otel_logs as the read-only user sees them, in the reference's form and grouped by the request that brought them.
import type { ReferenceRow } from './otlp-reference.ts'

const columns = `toString(toUnixTimestamp64Nano(Timestamp)) AS time, toString(toUnixTimestamp64Nano(ObservedTimestamp)) AS observed, TraceId, SpanId, TraceFlags, SeverityText, SeverityNumber,
  ServiceName, Body, ResourceSchemaUrl, ResourceAttributes, ScopeSchemaUrl, ScopeName, ScopeVersion, ScopeAttributes, LogAttributes, EventName, record_index, log_partition, log_offset`

type Select = <Row>(sql: string) => Promise<Row[]>

/** `where` is trusted SQL of a test. */
export const readStoredRequests = async (select: Select, where: string): Promise<ReferenceRow[][]> => {
  const rows = await select<
    Omit<ReferenceRow, 'Timestamp' | 'ObservedTimestamp'> & { time: string; observed: string; log_partition: number; log_offset: number }
  >(`SELECT ${columns} FROM otel_logs WHERE ${where} ORDER BY log_partition, log_offset, record_index`)
  const requests = new Map<string, ReferenceRow[]>()
  for (const { time, observed, log_partition: partition, log_offset: offset, ...row } of rows) {
    const key = `${partition}:${offset}`
    requests.set(key, [...(requests.get(key) ?? []), { ...row, Timestamp: BigInt(time), ObservedTimestamp: BigInt(observed) }])
  }
  return [...requests.values()]
}
