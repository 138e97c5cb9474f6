// A growable run of bytes that is also ClickHouse's String column: varint length, then UTF-8. Source bytes are copied, and
// looked at only for their high bits: what is not UTF-8 is stored with U+FFFD. Reads stay within what the caller checked.
import { isUtf8 } from 'node:buffer'
import { PermanentError } from '../../streams/contracts/errors.ts'

export interface Bytes {
  buf: Buffer
  view: DataView
  length: number
}
/** A body being read. Both look at the same bytes; positions count from the body's start. */
export interface Source {
  readonly buf: Buffer
  readonly view: DataView
}

/** A range is bounded by its expanded size; this is only the wall behind that. */
const MAX_COLUMN_BYTES = 1024 * 1024 * 1024
/** Above this `Buffer.copy` beats a loop. */
const LOOP_BYTES = 160

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

export const createBytes = (capacity = 1024): Bytes => {
  const buf = Buffer.allocUnsafeSlow(capacity)
  return { buf, view: viewOf(buf), length: 0 }
}

export const toSource = (bytes: Uint8Array): Source => ({
  buf: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
  view: viewOf(bytes),
})

export const reserve = (bytes: Bytes, more: number): void => {
  if (bytes.length + more > bytes.buf.length) grow(bytes, bytes.length + more)
}

const grow = (bytes: Bytes, needed: number): void => {
  if (needed > MAX_COLUMN_BYTES) throw new PermanentError('DECODE_FAILED', 'a column would take more than 1 GiB')
  const buf = Buffer.allocUnsafeSlow(Math.max(needed, Math.min(bytes.buf.length * 2, MAX_COLUMN_BYTES)))
  bytes.buf.copy(buf, 0, 0, bytes.length)
  bytes.buf = buf
  bytes.view = viewOf(buf)
}

/** Position behind the varint. The caller has reserved 5 bytes. */
const writeVarint = (buf: Buffer, at: number, value: number): number => {
  while (value > 127) {
    buf[at++] = (value & 127) | 128
    value >>>= 7
  }
  buf[at++] = value
  return at
}

export const putEmpty = (bytes: Bytes): void => {
  reserve(bytes, 1)
  bytes.buf[bytes.length++] = 0
}

/** Plain copy of a run that is in column form already. */
export const putRaw = (bytes: Bytes, from: Bytes, start: number, end: number): void => {
  reserve(bytes, end - start)
  from.buf.copy(bytes.buf, bytes.length, start, end)
  bytes.length += end - start
}

export const putSlice = (bytes: Bytes, src: Source, from: number, length: number): void => {
  reserve(bytes, length + 5)
  const { buf, view } = bytes
  const start = bytes.length
  let at = start
  if (length < 128) buf[at++] = length
  else at = writeVarint(buf, at, length)
  const end = at + length
  let high = 0
  if (length > LOOP_BYTES) {
    src.buf.copy(buf, at, from, from + length)
    high = 128
  } else {
    const words = end - 3
    const source = src.view
    while (at < words) {
      const word = source.getInt32(from, true)
      view.setInt32(at, word, true)
      high |= word
      at += 4
      from += 4
    }
    while (at < end) high |= buf[at++] = src.buf[from++]
  }
  bytes.length = end
  if ((high & 0x80808080) !== 0 && !isUtf8(buf.subarray(end - length, end))) {
    const repaired = buf.toString('utf8', end - length, end)
    bytes.length = start
    putText(bytes, repaired)
  }
}

export const putText = (bytes: Bytes, text: string): void => {
  const length = Buffer.byteLength(text)
  reserve(bytes, length + 5)
  const at = writeVarint(bytes.buf, bytes.length, length)
  bytes.buf.write(text, at, 'utf8')
  bytes.length = at + length
}

/** An integer of up to 31 bits and its sign. */
export const putDecimal = (bytes: Bytes, value: number): void => {
  reserve(bytes, 12)
  const { buf } = bytes
  let digits = 1
  for (let rest = value; rest > 9; rest = (rest / 10) | 0) digits++
  buf[bytes.length++] = digits
  let at = bytes.length + digits
  bytes.length = at
  do {
    const next = (value / 10) | 0
    buf[--at] = 48 + value - next * 10
    value = next
  } while (value > 0)
}

/** Lower-case hex of `length` source bytes, without a length prefix of its own. */
const HEX = Uint16Array.from({ length: 256 }, (_, byte) => {
  const text = byte.toString(16).padStart(2, '0')
  return text.charCodeAt(0) | (text.charCodeAt(1) << 8)
})
export const putHex = (bytes: Bytes, src: Source, from: number, length: number): void => {
  reserve(bytes, 1 + 2 * length)
  const { buf, view } = bytes
  let at = bytes.length
  buf[at++] = 2 * length
  for (let i = 0; i < length; i++, at += 2) view.setUint16(at, HEX[src.buf[from + i]], true)
  bytes.length = at
}

/** Length of the String at `at`, whose bytes follow its varint: for reading back what was put. */
export const lengthAt = (bytes: Bytes, at: number): number => {
  let value = 0
  let shift = 0
  for (;;) {
    const byte = bytes.buf[at++]
    value |= (byte & 127) << shift
    if (byte < 128) return value
    shift += 7
  }
}
export const varintSize = (value: number): number => (value < 128 ? 1 : value < 16384 ? 2 : value < 2097152 ? 3 : value < 268435456 ? 4 : 5)
