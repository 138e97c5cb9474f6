// The columns of a range → the Native block of otel_spans: every column of the table, in the table's order.
import type { LowColumn } from './columns.ts'
import { putOrigin } from './logs-block.ts'
import type { BlockInput } from './logs-block.ts'
import { createBlock } from './native-block.ts'
import type { SpanColumns } from './span-columns.ts'

const COLUMNS = 17
const KIND_TYPE = "Enum8('Unspecified' = 0, 'Internal' = 1, 'Server' = 2, 'Client' = 3, 'Producer' = 4, 'Consumer' = 5)"
const STATUS_TYPE = "Enum8('Unset' = 0, 'Ok' = 1, 'Error' = 2)"

export const toSpansBlock = (columns: SpanColumns, input: BlockInput): Uint8Array => {
  const { rows } = columns
  const block = createBlock(COLUMNS, rows)
  const low = (name: string, column: LowColumn): void => block.lowCardinality(name, column.dictionary, column.index.subarray(0, rows))
  block.numbers('Timestamp', 'DateTime64(9)', columns.time.subarray(0, 2 * rows))
  block.numbers('Duration', 'UInt64', columns.duration.subarray(0, 2 * rows))
  block.numbers('TraceId', 'FixedString(16)', columns.traceId.subarray(0, 16 * rows))
  block.numbers('SpanId', 'FixedString(8)', columns.spanId.subarray(0, 8 * rows))
  block.numbers('ParentSpanId', 'FixedString(8)', columns.parentId.subarray(0, 8 * rows))
  low('ServiceName', columns.service)
  low('SpanName', columns.name)
  block.numbers('SpanKind', KIND_TYPE, columns.kind.subarray(0, rows))
  block.numbers('StatusCode', STATUS_TYPE, columns.status.subarray(0, rows))
  block.numbers('IsEntry', 'UInt8', columns.entry.subarray(0, rows))
  low('PeerService', columns.peer)
  putOrigin(block, columns, input)
  return block.finish()
}
