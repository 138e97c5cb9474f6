// One contiguous range of messages → Native blocks of its rows and of its partials. Pure and synchronous. A message that
// cannot be decoded leaves no row and is named with its reason; it never throws out of here.
import { inflateSync } from '../../streams/inflate.ts'
import { PermanentError } from '../../streams/contracts/errors.ts'
import { MAX_EXPANDED_BYTES } from '../../streams/otlp/walk.ts'
import type { DecodeInput, DecodeMessage, DecodeOutput, Poison } from '../decode-contract.ts'
import { createPartials } from '../series/partials.ts'
import { toSource } from './bytes.ts'
import { clearColumns, createColumns, heldBytes, KEEP_ROWS, takeMark } from './columns.ts'
import type { Columns } from './columns.ts'
import { indexOfText } from './dictionary.ts'
import { createReceipt } from './event-time.ts'
import { createJsonReader } from './json-logs.ts'
import { toLogsBlock } from './logs-block.ts'
import { createLogsReader } from './protobuf-logs.ts'

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

type ReadMessage = (message: DecodeMessage, input: DecodeInput) => void

const createMessageReader = (columns: Columns): ReadMessage => {
  const protobuf = createLogsReader(columns)
  const json = createJsonReader(columns)
  return (message, input) => {
    const { signal, format, rejected, receivedAtMs } = message.envelope
    const receipt = createReceipt(receivedAtMs, input.maxAheadMs, input.retentionMs)
    const body = inflated(message)
    if (signal === 'otlp_logs' && format === 'protobuf') protobuf.read(toSource(body), rejected, receipt)
    else if (signal === 'otlp_logs' && format === 'json') json.readOtlp(body, rejected, receipt)
    else if (signal === 'json_logs' && (format === 'json' || format === 'ndjson')) json.readEvents(body, format, rejected, receipt)
    else throw new PermanentError('DECODE_FAILED', `no records in ${signal} as ${format}`)
  }
}

const detailOf = (error: unknown): string => (error instanceof Error ? error.message : String(error)).slice(0, 500)

/** A decoder that keeps its memory from range to range: one per thread. */
export const createDecoder = (): ((input: DecodeInput) => DecodeOutput) => {
  let columns = createColumns()
  let read = createMessageReader(columns)
  const partials = createPartials()
  const renew = (): void => {
    columns = createColumns()
    read = createMessageReader(columns)
  }
  return (input) => {
    clearColumns(columns, seedOf(input.logId))
    const poison: Poison[] = []
    for (const message of input.messages) {
      const undo = takeMark(columns)
      const first = columns.rows
      try {
        read(message, input)
        columns.tenant.index.fill(indexOfText(columns.tenant.dictionary, message.envelope.tenant), first, columns.rows)
        columns.offsets.fill(BigInt(message.offset), first, columns.rows)
      } catch (error) {
        undo()
        poison.push({ offset: message.offset, reason: 'malformed', detail: detailOf(error) })
      }
    }
    const folded = columns.rows === 0 ? null : partials.fold(columns, input)
    const output = {
      logs: columns.rows === 0 ? null : toLogsBlock(columns, input), logRows: columns.rows,
      partials: folded?.partials.block ?? null, partialRows: folded?.partials.rows ?? 0,
      templateCounts: folded?.templates.block ?? null, templateRows: folded?.templates.rows ?? 0, templates: folded?.templates.texts ?? [], poison,
    }
    if (columns.capacity > KEEP_ROWS || heldBytes(columns) > KEEP_BYTES) renew()
    return output
  }
}

export const decodeBatch = (input: DecodeInput): DecodeOutput => createDecoder()(input)
