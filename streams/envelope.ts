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

const varintBytes = (value: number): number => {
  let bytes = 1
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) bytes += 1
  return bytes
}

const indexOf = <T>(table: readonly T[], value: T): number => {
  const index = table.indexOf(value)
  if (index < 0) throw new RangeError(`not an envelope value: ${String(value)}`)
  return index
}

const assertCount = (value: number): void => {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`not a count: ${value}`)
}

/** Gaps between ascending indices: most fit one byte however high the index. */
const toGaps = (rejected: readonly number[]): number[] => rejected.map((index, at) => (at === 0 ? index : index - rejected[at - 1]))

/** At least what it takes encoded, at the price of an addition. */
export const maxEnvelopeBytes = ({
  tenant,
  tokenId,
  subject,
  rejected,
}: Pick<Envelope, 'tenant' | 'tokenId' | 'subject' | 'rejected'>): number =>
  FIXED_BYTES + 8 * MAX_VARINT_BYTES + 3 * (tenant.length + tokenId.length + subject.length) + MAX_GAP_BYTES * rejected.length

/** @throws RangeError for a value outside the contract (a bug of the caller). */
export const encodeEnvelope = (envelope: Envelope): Uint8Array => {
  const numbers = [envelope.receivedAtMs, envelope.recordCount, envelope.inflatedBytes, envelope.expandedBytes, envelope.rejected.length]
  const gaps = toGaps(envelope.rejected)
  const texts = [envelope.tenant, envelope.tokenId, envelope.subject].map((text) => Buffer.from(text, 'utf8'))
  let size = FIXED_BYTES
  for (const list of [numbers, gaps, texts.map((text) => text.length)]) {
    for (const value of list) {
      assertCount(value)
      size += varintBytes(value)
    }
  }
  for (const text of texts) size += text.length

  const bytes = new Uint8Array(size)
  let at = FIXED_BYTES
  const putVarint = (value: number): void => {
    let rest = value
    while (rest >= 128) {
      bytes[at++] = (rest % 128) | 128
      rest = Math.floor(rest / 128)
    }
    bytes[at++] = rest
  }
  bytes[0] = VERSION
  bytes[1] = indexOf(SIGNALS, envelope.signal)
  bytes[2] = indexOf(FORMATS, envelope.format)
  bytes[3] = indexOf(COMPRESSIONS, envelope.compression)
  for (const value of numbers) putVarint(value)
  for (const gap of gaps) putVarint(gap)
  for (const text of texts) {
    putVarint(text.length)
    bytes.set(text, at)
    at += text.length
  }
  return bytes
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
