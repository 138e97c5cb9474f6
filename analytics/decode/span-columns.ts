// The columns of otel_spans while a range is decoded. Rows are appended; a message that fails is taken back whole. Owned by one decoder
// and reused by its next range.
import { createDictionary, clearDictionary, indexOf, indexOfText } from './dictionary.ts'
import type { Source } from './bytes.ts'
import type { LowColumn } from './columns.ts'
import { isBelieved } from './event-time.ts'
import type { Receipt } from './event-time.ts'
import { growTo } from './pairs.ts'

export interface SpanColumns {
  rows: number
  capacity: number
  /** Low and high half of each row's nanoseconds: when it began, and how long it took (0: not known). */
  time: Uint32Array<ArrayBuffer>
  duration: Uint32Array<ArrayBuffer>
  /** 16, 8 and 8 bytes a row; a root's parent is all zero. */
  traceId: Uint8Array<ArrayBuffer>
  spanId: Uint8Array<ArrayBuffer>
  parentId: Uint8Array<ArrayBuffer>
  kind: Uint8Array<ArrayBuffer>
  status: Uint8Array<ArrayBuffer>
  /** 1: the service was asked to do it, or did it of its own accord; 0: a part of that. */
  entry: Uint8Array<ArrayBuffer>
  offsets: BigUint64Array<ArrayBuffer>
  recordIndex: Uint32Array<ArrayBuffer>
  readonly service: LowColumn
  readonly name: LowColumn
  /** Whom a call was for, as the caller says. */
  readonly peer: LowColumn
  readonly tenant: LowColumn
}

const INITIAL_ROWS = 1024
const lowNames = ['service', 'name', 'peer', 'tenant'] as const
/** Elements a row. */
const widths = {
  time: 2,
  duration: 2,
  traceId: 16,
  spanId: 8,
  parentId: 8,
  kind: 1,
  status: 1,
  entry: 1,
  offsets: 1,
  recordIndex: 1,
} as const

export const createSpanColumns = (): SpanColumns => {
  const low = (): LowColumn => ({ dictionary: createDictionary(), index: new Uint32Array(INITIAL_ROWS) })
  return {
    rows: 0,
    capacity: INITIAL_ROWS,
    time: new Uint32Array(2 * INITIAL_ROWS),
    duration: new Uint32Array(2 * INITIAL_ROWS),
    traceId: new Uint8Array(16 * INITIAL_ROWS),
    spanId: new Uint8Array(8 * INITIAL_ROWS),
    parentId: new Uint8Array(8 * INITIAL_ROWS),
    kind: new Uint8Array(INITIAL_ROWS),
    status: new Uint8Array(INITIAL_ROWS),
    entry: new Uint8Array(INITIAL_ROWS),
    offsets: new BigUint64Array(INITIAL_ROWS),
    recordIndex: new Uint32Array(INITIAL_ROWS),
    service: low(),
    name: low(),
    peer: low(),
    tenant: low(),
  }
}

export const clearSpanColumns = (columns: SpanColumns, seed: number): void => {
  columns.rows = 0
  for (const name of lowNames) clearDictionary(columns[name].dictionary, seed)
}

const growSpanRows = (columns: SpanColumns): void => {
  const size = 2 * columns.capacity
  for (const name of Object.keys(widths) as (keyof typeof widths)[])
    columns[name] = growTo<Uint8Array<ArrayBuffer> | Uint32Array<ArrayBuffer> | BigUint64Array<ArrayBuffer>>(
      columns[name],
      widths[name] * size,
    ) as never
  for (const name of lowNames) columns[name].index = growTo(columns[name].index, size)
  columns.capacity = size
}

/** What is in hand of a span before its row is written: fields by position, ids still in the source. */
export interface SpanFields {
  startLow: number
  startHigh: number
  endLow: number
  endHigh: number
  kind: number
  status: number
  flags: number
  traceFrom: number
  spanFrom: number
  /** Negative: none. */
  parentFrom: number
  nameFrom: number
  nameLength: number
  peerFrom: number
  peerLength: number
}

const HALF = 4294967296
/** With the name of its metric around it an operation must be one that the API takes. */
const MAX_NAME_BYTES = 200
const KINDS = 6
const STATUSES = 3
const SERVER = 2
const CONSUMER = 5
/** The parent is known to be in another process: bits 8 and 9 of the flags. */
const IS_REMOTE = 0x300

/** Cut between characters. */
const boundedLength = (src: Source, from: number, length: number): number => {
  if (length <= MAX_NAME_BYTES) return length
  let bounded = MAX_NAME_BYTES
  while (bounded > 0 && (src.buf[from + bounded] & 0xc0) === 0x80) bounded--
  return bounded
}

/** Begins where it says unless that is not believed; takes what it says unless it would end beyond belief. */
const putSpanTimes = (columns: SpanColumns, receipt: Receipt, { startLow, startHigh, endLow, endHigh }: SpanFields): void => {
  const at = 2 * columns.rows
  const believed = isBelieved(receipt, startLow, startHigh)
  const low = believed ? startLow : receipt.low
  const high = believed ? startHigh : receipt.high
  columns.time[at] = low
  columns.time[at + 1] = high
  // Exact below 2^53 ns, which is 104 days.
  const took = startLow === 0 && startHigh === 0 ? 0 : (endHigh - startHigh) * HALF + (endLow - startLow)
  const isKnown = took > 0 && high * HALF + low + took <= receipt.latestNs
  columns.duration[at] = isKnown ? took % HALF : 0
  columns.duration[at + 1] = isKnown ? Math.floor(took / HALF) : 0
}

export interface SpanWriter {
  put(src: Source, fields: SpanFields, recordIndex: number, receipt: Receipt): void
}

/** The service is filled in behind the rows of its resource. */
export const createSpanWriter = (columns: SpanColumns): SpanWriter => {
  let lastName = 0
  let lastPeer = 0
  return {
    put: (src, fields, recordIndex, receipt) => {
      if (columns.rows === columns.capacity) growSpanRows(columns)
      const row = columns.rows
      putSpanTimes(columns, receipt, fields)
      const { kind, parentFrom } = fields
      copyId(columns.traceId, row, src, fields.traceFrom, 16)
      copyId(columns.spanId, row, src, fields.spanFrom, 8)
      const hasParent = copyId(columns.parentId, row, src, parentFrom, 8)
      columns.kind[row] = kind < KINDS ? kind : 0
      columns.status[row] = fields.status < STATUSES ? fields.status : 0
      columns.entry[row] =
        kind === SERVER || kind === CONSUMER || kind === 0 || !hasParent || (fields.flags & IS_REMOTE) === IS_REMOTE ? 1 : 0
      columns.recordIndex[row] = recordIndex
      lastName = indexOf(columns.name.dictionary, src, fields.nameFrom, boundedLength(src, fields.nameFrom, fields.nameLength), lastName)
      columns.name.index[row] = lastName
      lastPeer = indexOf(columns.peer.dictionary, src, fields.peerFrom, boundedLength(src, fields.peerFrom, fields.peerLength), lastPeer)
      columns.peer.index[row] = lastPeer
      columns.rows = row + 1
    },
  }
}

/** False for an id of zeros, which is none. */
const copyId = (column: Uint8Array, row: number, src: Source, from: number, length: number): boolean => {
  const at = row * length
  let any = 0
  for (let i = 0; i < length; i++) {
    const byte = from < 0 ? 0 : src.buf[from + i]
    column[at + i] = byte
    any |= byte
  }
  return any !== 0
}

export const fillService = (columns: SpanColumns, service: number, first: number): void => {
  columns.service.index.fill(service, first, columns.rows)
}
export const serviceNumber = (columns: SpanColumns, name: string): number => indexOfText(columns.service.dictionary, name)

/** Undoes every row appended after it was taken. */
export const takeSpanMark = (columns: SpanColumns): (() => void) => {
  const { rows } = columns
  return () => {
    columns.rows = rows
  }
}
