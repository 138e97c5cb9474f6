// Envelope ↔ bytes: compact, versioned, stored beside the untouched body. Numbers are varints, texts length-prefixed UTF-8.
// Code tables are append-only: an index that was ever written keeps its meaning. Bytes that are not an envelope are LOG_CORRUPT.
import type { Compression, Envelope, Format, Signal } from './contracts/envelope.ts'
import { PermanentError } from './contracts/errors.ts'

const VERSION = 1
const SIGNALS: readonly Signal[] = ['otlp_logs', 'json_logs', 'heartbeat', 'alertmanager', 'prometheus_alerts', 'mark', 'otlp_traces']
const FORMATS: readonly Format[] = ['protobuf', 'json', 'ndjson', 'none']
const COMPRESSIONS: readonly Compression[] = ['identity', 'gzip', 'zstd', 'deflate', 'snappy', 'x-snappy-framed', 'lz4', 'br']
const FIXED_BYTES = 4
const MAX_VARINT_BYTES = 8
/** Records of one body are counted in three. */
const MAX_GAP_BYTES = 3

const indexOf = <T>(table: readonly T[], value: T): number => {
  const index = table.indexOf(value)
  if (index < 0) throw new RangeError(`not an envelope value: ${String(value)}`)
  return index
}

const assertCount = (value: number): void => {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`not a count: ${value}`)
}

/** At least what it takes encoded, at the price of an addition. */
export const maxEnvelopeBytes = ({
  tenant,
  tokenId,
  subject,
  rejected,
}: Pick<Envelope, 'tenant' | 'tokenId' | 'subject' | 'rejected'>): number =>
  FIXED_BYTES + 8 * MAX_VARINT_BYTES + 3 * (tenant.length + tokenId.length + subject.length) + MAX_GAP_BYTES * rejected.length

/** Position behind the varint. */
const putVarint = (bytes: Uint8Array, at: number, value: number): number => {
  assertCount(value)
  let rest = value
  // A remainder of what is no 32-bit integer would be a call of the C library.
  while (rest >= 0x80000000) {
    const next = Math.floor(rest / 128)
    bytes[at++] = (rest - 128 * next) | 128
    rest = next
  }
  while (rest >= 128) {
    bytes[at++] = (rest & 127) | 128
    rest >>>= 7
  }
  bytes[at++] = rest
  return at
}

/** Position behind the text. */
const putText = (bytes: Buffer, at: number, text: string): number => {
  const length = Buffer.byteLength(text)
  const start = putVarint(bytes, at, length)
  if (length === text.length) for (let i = 0; i < length; i++) bytes[start + i] = text.charCodeAt(i)
  else bytes.write(text, start)
  return start + length
}

/** Written once for each message: in one pass, into memory of Node's pool.
 * @throws RangeError for a value outside the contract (a bug of the caller). */
export const encodeEnvelope = (envelope: Envelope): Uint8Array => {
  const { rejected } = envelope
  const bytes = Buffer.allocUnsafe(maxEnvelopeBytes(envelope) + (MAX_VARINT_BYTES - MAX_GAP_BYTES) * rejected.length)
  bytes[0] = VERSION
  bytes[1] = indexOf(SIGNALS, envelope.signal)
  bytes[2] = indexOf(FORMATS, envelope.format)
  bytes[3] = indexOf(COMPRESSIONS, envelope.compression)
  let at = FIXED_BYTES
  at = putVarint(bytes, at, envelope.receivedAtMs)
  at = putVarint(bytes, at, envelope.recordCount)
  at = putVarint(bytes, at, envelope.inflatedBytes)
  at = putVarint(bytes, at, envelope.expandedBytes)
  at = putVarint(bytes, at, rejected.length)
  // Gaps between ascending indices: most fit one byte however high the index.
  for (let i = 0; i < rejected.length; i++) at = putVarint(bytes, at, i === 0 ? rejected[0] : rejected[i] - rejected[i - 1])
  at = putText(bytes, at, envelope.tenant)
  at = putText(bytes, at, envelope.tokenId)
  at = putText(bytes, at, envelope.subject)
  return bytes.subarray(0, at)
}

const corrupt = (message: string): PermanentError => new PermanentError('LOG_CORRUPT', `envelope: ${message}`)

const pick = <T>(table: readonly T[], index: number, what: string): T => {
  const value = table[index]
  if (value === undefined) throw corrupt(`unknown ${what} ${index}`)
  return value
}

/** @throws PermanentError LOG_CORRUPT */
export const decodeEnvelope = (bytes: Uint8Array): Envelope => {
  if (bytes.length < FIXED_BYTES) throw corrupt('too short')
  if (bytes[0] !== VERSION) throw corrupt(`unknown version ${bytes[0]}`)
  let at = FIXED_BYTES
  const varint = (): number => {
    let value = 0
    let scale = 1
    for (let read = 0; read < MAX_VARINT_BYTES; read++) {
      const byte = bytes[at++]
      if (byte === undefined) throw corrupt('ends inside a number')
      value += (byte & 127) * scale
      if (byte < 128) {
        if (!Number.isSafeInteger(value)) throw corrupt('number too large')
        return value
      }
      scale *= 128
    }
    throw corrupt('number too long')
  }
  const text = (): string => {
    const length = varint()
    if (at + length > bytes.length) throw corrupt('ends inside a text')
    at += length
    return Buffer.from(bytes.buffer, bytes.byteOffset + at - length, length).toString('utf8')
  }
  const [receivedAtMs, recordCount, inflatedBytes, expandedBytes, rejectedCount] = [varint(), varint(), varint(), varint(), varint()]
  if (rejectedCount > bytes.length - at) throw corrupt('more rejected records than bytes')
  const rejected: number[] = []
  let index = 0
  for (let n = 0; n < rejectedCount; n++) rejected.push((index += varint()))
  const [tenant, tokenId, subject] = [text(), text(), text()]
  if (at !== bytes.length) throw corrupt('bytes after the end')
  return {
    signal: pick(SIGNALS, bytes[1], 'signal'),
    format: pick(FORMATS, bytes[2], 'format'),
    compression: pick(COMPRESSIONS, bytes[3], 'compression'),
    tenant,
    tokenId,
    receivedAtMs,
    recordCount,
    inflatedBytes,
    expandedBytes,
    rejected,
    subject,
  }
}
