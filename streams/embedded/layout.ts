// How the log lies in the store: keys and small values ↔ bytes. Keys sort by partition, then offset (big-endian).
// `before` counts the stored bytes of all earlier messages of the partition, so any range's size is one subtraction.
import { PermanentError } from '../contracts/errors.ts'
import type { GroupState } from '../contracts/consumer-group.ts'
import { packRange, unpackRange, type PackedRange } from '../contracts/open-range.ts'

/** One end of a partition: the offset there, and the stored bytes of everything ever appended before it. */
export interface Mark {
  readonly offset: number
  readonly before: number
}
export interface Entry {
  readonly before: number
  readonly bodyBytes: number
  /** Encoded. */ readonly envelope: Uint8Array
}

const PAGE_BYTES = 4096
const PAGE_HEADER_BYTES = 16
/** Values above this go to pages of their own. */
const INLINE_BYTES = 1980
const ENTRY_HEADER_BYTES = 12
const KEY_BYTES = 10

/** Disk that one message takes: whole pages for a large body, and its index entry. */
export const storedBytes = (bodyBytes: number, envelopeBytes: number): number => {
  const body = bodyBytes > INLINE_BYTES ? Math.ceil((bodyBytes + PAGE_HEADER_BYTES) / PAGE_BYTES) * PAGE_BYTES : bodyBytes + 24
  return body + ENTRY_HEADER_BYTES + envelopeBytes + 24
}

export const partitionKey = (partition: number): Buffer => {
  const key = Buffer.allocUnsafeSlow(2)
  key.writeUInt16BE(partition)
  return key
}

export const messageKey = (partition: number, offset: number): Buffer => {
  const key = Buffer.allocUnsafeSlow(KEY_BYTES)
  key.writeUInt16BE(partition)
  key.writeUInt32BE(Math.floor(offset / 2 ** 32), 2)
  key.writeUInt32BE(offset % 2 ** 32, 6)
  return key
}

export const groupKey = (group: string, partition: number): Buffer => Buffer.concat([partitionKey(partition), Buffer.from(group, 'utf8')])

export const encodeMark = (mark: Mark): Uint8Array => new Uint8Array(Float64Array.of(mark.offset, mark.before).buffer)

export const decodeMark = (bytes: Uint8Array): Mark => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return { offset: view.getFloat64(0, true), before: view.getFloat64(8, true) }
}

export const encodeEntry = (entry: Entry): Uint8Array => {
  const bytes = new Uint8Array(ENTRY_HEADER_BYTES + entry.envelope.length)
  const view = new DataView(bytes.buffer)
  view.setFloat64(0, entry.before, true)
  view.setUint32(8, entry.bodyBytes, true)
  bytes.set(entry.envelope, ENTRY_HEADER_BYTES)
  return bytes
}

export const decodeEntry = (bytes: Uint8Array): Entry => {
  if (bytes.byteLength < ENTRY_HEADER_BYTES) throw new PermanentError('LOG_CORRUPT', 'index entry too short')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return { before: view.getFloat64(0, true), bodyBytes: view.getUint32(8, true), envelope: bytes.subarray(ENTRY_HEADER_BYTES) }
}

export const encodeState = (state: GroupState): Uint8Array =>
  Buffer.from(JSON.stringify({ offset: state.offset, open: state.open.map(packRange), note: state.note }), 'utf8')

export const decodeState = (bytes: Uint8Array): GroupState => {
  const { offset, open, note } = JSON.parse(Buffer.from(bytes).toString('utf8')) as { offset: number; open: PackedRange[]; note: string }
  return { offset, open: open.map(unpackRange), note }
}
