// The columns of a range → the Native block of otel_logs: every column of the table but its alias, in the table's order.
import type { Allocate, DecodeInput } from '../decode-contract.ts'
import type { Columns, LowColumn, MapColumn } from './columns.ts'
import { clearDictionary, createDictionary, indexOfText } from './dictionary.ts'
import { createBlock } from './native-block.ts'
import type { Block } from './native-block.ts'

const COLUMNS = 23

export type BlockInput = Pick<DecodeInput, 'logId' | 'partition' | 'receiveDay'>

export const toLogsBlock = (columns: Columns, input: BlockInput, allocate?: Allocate): Uint8Array => {
  const { rows } = columns
  const block = createBlock(COLUMNS, rows)
  const low = (name: string, column: LowColumn): void => block.lowCardinality(name, column.dictionary, column.index.subarray(0, rows))
  const map = (name: string, { pairs, ends }: MapColumn): void =>
    block.map(name, ends.subarray(0, rows), pairs.dictionary, pairs.keys.subarray(0, pairs.count), pairs.values)
  block.numbers('Timestamp', 'DateTime64(9)', columns.time.subarray(0, 2 * rows))
  block.strings('TraceId', columns.traceId)
  block.strings('SpanId', columns.spanId)
  block.numbers('TraceFlags', 'UInt8', columns.flags.subarray(0, rows))
  low('SeverityText', columns.severityText)
  block.numbers('SeverityNumber', 'UInt8', columns.severity.subarray(0, rows))
  low('ServiceName', columns.service)
  block.strings('Body', columns.body)
  low('ResourceSchemaUrl', columns.resourceSchemaUrl)
  map('ResourceAttributes', columns.resource)
  low('ScopeSchemaUrl', columns.scopeSchemaUrl)
  block.strings('ScopeName', columns.scopeName)
  low('ScopeVersion', columns.scopeVersion)
  map('ScopeAttributes', columns.scope)
  map('LogAttributes', columns.attributes)
  low('EventName', columns.eventName)
  block.numbers('ObservedTimestamp', 'DateTime64(9)', columns.observed.subarray(0, 2 * rows))
  putOrigin(block, columns, input)
  return block.finish(allocate)
}

/** Whose rows these are and where each comes from in the log: the last columns of every table of records. */
export const putOrigin = (
  block: Block,
  { rows, tenant, offsets, recordIndex }: Pick<Columns, 'rows' | 'tenant' | 'offsets' | 'recordIndex'>,
  { logId, partition, receiveDay }: BlockInput,
): void => {
  block.lowCardinality('tenant', tenant.dictionary, tenant.index.subarray(0, rows))
  block.numbers('receive_day', 'Date', new Uint16Array(rows).fill(receiveDay))
  constantText(block, 'log_id', logId, rows)
  block.numbers('log_partition', 'UInt16', new Uint16Array(rows).fill(partition))
  block.numbers('log_offset', 'UInt64', offsets.subarray(0, rows))
  block.numbers('record_index', 'UInt32', recordIndex.subarray(0, rows))
}

/** A LowCardinality column with one value in every row. */
export const constantText = (block: Block, name: string, text: string, rows: number): void => {
  const dictionary = createDictionary()
  clearDictionary(dictionary, 0)
  block.lowCardinality(name, dictionary, new Uint32Array(rows).fill(indexOfText(dictionary, text)))
}
