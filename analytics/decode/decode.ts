// One contiguous range of messages → Native blocks of its log rows, of its spans and of its partials. Pure and synchronous. A message that
// cannot be decoded leaves no row and is named with its reason; it never throws out of here.
import { inflateSync } from '../../streams/inflate.ts'
import { PermanentError } from '../../streams/contracts/errors.ts'
import { MAX_EXPANDED_BYTES } from '../../streams/otlp/walk.ts'
import type { Allocate, DecodeInput, DecodeMessage, DecodeOutput, Poison } from '../decode-contract.ts'
import { createPartials, type Folded } from '../series/partials.ts'
import { foldSpans } from '../series/span-partials.ts'
import { toSource } from './bytes.ts'
import { clearColumns, createColumns, heldBytes, KEEP_ROWS, takeMark } from './columns.ts'
import type { Columns } from './columns.ts'
import { indexOfText } from './dictionary.ts'
import { createReceipt } from './event-time.ts'
import type { Receipt } from './event-time.ts'
import { createJsonReader } from './json-logs.ts'
import { createJsonSpansReader } from './json-spans.ts'
import { toLogsBlock } from './logs-block.ts'
import { createLogsReader } from './protobuf-logs.ts'
import { createSpansReader } from './protobuf-spans.ts'
import { clearSpanColumns, createSpanColumns, takeSpanMark } from './span-columns.ts'
import type { SpanColumns } from './span-columns.ts'
import { toSpansBlock } from './spans-block.ts'

/** Memory that a decoder keeps for its next range; after a larger one it starts anew. */
const KEEP_BYTES = 128 * 1024 * 1024

/** The log's id is random and never leaves: its first half seeds the hashes. */
const seedOf = (logId: string): number => {
  let seed = 0x811c9dc5
  for (let i = 0; i < logId.length; i++) seed = Math.imul(seed ^ logId.charCodeAt(i), 0x01000193)
  return seed
}

const inflated = ({ envelope, body }: DecodeMessage): Uint8Array => {
  if (envelope.compression === 'identity') return body
  const result = inflateSync(body, envelope.compression, MAX_EXPANDED_BYTES)
  if (!result.ok) throw new PermanentError('DECODE_FAILED', result.message)
  return result.bytes
}

/** What rows of one table are gathered in. */
interface Rows {
  readonly columns: Pick<Columns, 'rows' | 'tenant' | 'offsets'>
  readonly takeMark: () => () => void
  readonly read: (message: DecodeMessage, input: DecodeInput) => void
}

const receiptOf = ({ envelope }: DecodeMessage, input: DecodeInput): Receipt =>
  createReceipt(envelope.receivedAtMs, input.maxAheadMs, input.retentionMs)
const noRecords = ({ envelope: { signal, format } }: DecodeMessage): PermanentError =>
  new PermanentError('DECODE_FAILED', `no records in ${signal} as ${format}`)

const logRowsIn = (columns: Columns): Rows => {
  const protobuf = createLogsReader(columns)
  const json = createJsonReader(columns)
  return {
    columns,
    takeMark: () => takeMark(columns),
    read: (message, input) => {
      const { signal, format, rejected } = message.envelope
      const body = inflated(message)
      const receipt = receiptOf(message, input)
      if (signal === 'otlp_logs' && format === 'protobuf') protobuf.read(toSource(body), rejected, receipt)
      else if (signal === 'otlp_logs' && format === 'json') json.readOtlp(body, rejected, receipt)
      else if (signal === 'json_logs' && (format === 'json' || format === 'ndjson')) json.readEvents(body, format, rejected, receipt)
      else throw noRecords(message)
    },
  }
}

const spanRowsIn = (columns: SpanColumns): Rows => {
  const protobuf = createSpansReader(columns)
  const json = createJsonSpansReader(columns)
  return {
    columns,
    takeMark: () => takeSpanMark(columns),
    read: (message, input) => {
      const { format, rejected } = message.envelope
      if (format === 'protobuf') protobuf.read(toSource(inflated(message)), rejected, receiptOf(message, input))
      else if (format === 'json') json.read(inflated(message), rejected, receiptOf(message, input))
      else throw noRecords(message)
    },
  }
}

const blockOf = (folded: Folded | undefined): Uint8Array | null => (folded === undefined || folded.rows === 0 ? null : folded.block)
const detailOf = (error: unknown): string => (error instanceof Error ? error.message : String(error)).slice(0, 500)

/** A decoder that keeps its memory from range to range: one per thread. */
export const createDecoder = (): ((input: DecodeInput, allocate?: Allocate) => DecodeOutput) => {
  let columns = createColumns()
  let spans = createSpanColumns()
  let logRows = logRowsIn(columns)
  let spanRows = spanRowsIn(spans)
  const partials = createPartials()
  const renew = (): void => {
    columns = createColumns()
    spans = createSpanColumns()
    logRows = logRowsIn(columns)
    spanRows = spanRowsIn(spans)
  }
  /** All of its rows, or none and why. */
  const readMessage = (message: DecodeMessage, input: DecodeInput): Poison | null => {
    const rows = message.envelope.signal === 'otlp_traces' ? spanRows : logRows
    const undo = rows.takeMark()
    const first = rows.columns.rows
    try {
      rows.read(message, input)
      const { tenant, offsets, rows: end } = rows.columns
      tenant.index.fill(indexOfText(tenant.dictionary, message.envelope.tenant), first, end)
      offsets.fill(BigInt(message.offset), first, end)
      return null
    } catch (error) {
      undo()
      return { offset: message.offset, reason: 'malformed', detail: detailOf(error) }
    }
  }
  return (input, allocate) => {
    const seed = seedOf(input.logId)
    clearColumns(columns, seed)
    clearSpanColumns(spans, seed)
    const poison = input.messages.flatMap((message) => readMessage(message, input) ?? [])
    const folded = columns.rows + spans.rows === 0 ? null : partials.fold(columns, foldSpans(spans), input)
    const output: DecodeOutput = {
      logs: columns.rows === 0 ? null : toLogsBlock(columns, input, allocate),
      logRows: columns.rows,
      spans: spans.rows === 0 ? null : toSpansBlock(spans, input),
      spanRows: spans.rows,
      // Spans of which none is an entry add to no series, and none of them has a message.
      partials: blockOf(folded?.partials),
      partialRows: folded?.partials.rows ?? 0,
      templateCounts: blockOf(folded?.templates),
      templateRows: folded?.templates.rows ?? 0,
      templates: folded?.templates.texts ?? [],
      poison,
    }
    if (columns.capacity > KEEP_ROWS || spans.capacity > KEEP_ROWS || heldBytes(columns) > KEEP_BYTES) renew()
    return output
  }
}

export const decodeBatch = (input: DecodeInput): DecodeOutput => createDecoder()(input)
