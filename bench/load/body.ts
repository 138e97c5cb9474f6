// One ExportLogsServiceRequest whose records can be counted exactly afterwards: each record carries the id of the HTTP attempt and
// its index in it. The body is encoded once; an attempt only stamps its id and the times in place.
import { ATTEMPT_ID, contentSum, SCOPE, toResources, type Attribute, type BenchRecord, type BenchResource } from './records.ts'

export type BodyFormat = 'protobuf' | 'json'
export interface Corpus {
  readonly records: number
  readonly bytes: number
  readonly format: BodyFormat
  /** Of one attempt, see `contentSum`. */
  readonly content: number
  /** A body for this attempt. The buffer is the caller's to keep. */
  body(attempt: number, nowMs: number): Buffer
  /** Makes a buffer that `body` gave the body of another attempt. */
  stamp(buffer: Buffer, attempt: number, nowMs: number): void
  /** The attempt that these bytes are, to the last bit; null when they are none. */
  attemptOf(bytes: Buffer): number | null
}

export interface CorpusShape {
  readonly records: number
  readonly resources: number
  /** Written into the attempt id, so that several generators never share one. At most 8 characters. */
  readonly run: string
  readonly servicePrefix?: string
  readonly format?: BodyFormat
}

export const ATTEMPT_DIGITS = 10
export const attemptId = (run: string, attempt: number): string => `${run.padEnd(8, '_')}-${String(attempt).padStart(ATTEMPT_DIGITS, '0')}`

const varint = (value: number): number[] => {
  const out: number[] = []
  for (; value > 127; value = Math.floor(value / 128)) out.push((value % 128) | 128)
  out.push(value)
  return out
}
const field = (tag: number, bytes: Uint8Array): Buffer => Buffer.concat([Buffer.from([tag, ...varint(bytes.length)]), bytes])
const text = (tag: number, value: string): Buffer => field(tag, Buffer.from(value))
const attribute = (tag: number, [key, value]: Attribute): Buffer =>
  field(
    tag,
    Buffer.concat([text(0x0a, key), field(0x12, typeof value === 'string' ? text(0x0a, value) : Buffer.from([0x18, ...varint(value)]))]),
  )

const TIME_FIELD = 0x09
const OBSERVED_FIELD = 0x59
/** Both times come first, as zeros: 09 0…0 59 0…0. */
const TIMES = Buffer.concat([Buffer.from([TIME_FIELD]), Buffer.alloc(8), Buffer.from([OBSERVED_FIELD]), Buffer.alloc(8)])

const encodeRecord = (record: BenchRecord, id: string): Buffer =>
  Buffer.concat([
    TIMES,
    Buffer.from([0x10, record.severityNumber]),
    text(0x1a, record.severityText),
    field(0x2a, text(0x0a, record.body)),
    ...[[ATTEMPT_ID, id] as const, ...record.attributes].map((one) => attribute(0x32, one)),
    field(0x4a, Buffer.from(record.traceId, 'hex')),
    field(0x52, Buffer.from(record.spanId, 'hex')),
  ])
const encodeProtobuf = (resources: readonly BenchResource[], id: string): Buffer =>
  Buffer.concat(
    resources.map(({ attributes, records }) =>
      field(
        0x0a,
        Buffer.concat([
          field(0x0a, Buffer.concat(attributes.map((one) => attribute(0x0a, one)))),
          field(0x12, Buffer.concat([field(0x0a, text(0x0a, SCOPE)), ...records.map((record) => field(0x12, encodeRecord(record, id)))])),
        ]),
      ),
    ),
  )

const NO_TIME = '0'.repeat(19)
const toJsonAttributes = (attributes: readonly Attribute[]): object[] =>
  attributes.map(([key, value]) => ({ key, value: typeof value === 'string' ? { stringValue: value } : { intValue: String(value) } }))
const encodeJson = (resources: readonly BenchResource[], id: string): Buffer =>
  Buffer.from(
    JSON.stringify({
      resourceLogs: resources.map(({ attributes, records }) => ({
        resource: { attributes: toJsonAttributes(attributes) },
        scopeLogs: [
          {
            scope: { name: SCOPE },
            logRecords: records.map((one) => ({
              timeUnixNano: NO_TIME,
              observedTimeUnixNano: NO_TIME,
              severityNumber: one.severityNumber,
              severityText: one.severityText,
              body: { stringValue: one.body },
              attributes: toJsonAttributes([[ATTEMPT_ID, id], ...one.attributes]),
              traceId: one.traceId,
              spanId: one.spanId,
            })),
          },
        ],
      })),
    }),
  )

const positionsOf = (haystack: Buffer, needle: Buffer): number[] => {
  const found: number[] = []
  for (let at = haystack.indexOf(needle); at >= 0; at = haystack.indexOf(needle, at + needle.length)) found.push(at)
  return found
}

/** How a format writes a time, in place: 8 bytes, or 19 digits. */
interface Times {
  readonly marker: Buffer
  readonly offsets: readonly number[]
  encode(nanos: bigint): Buffer
  read(buffer: Buffer, at: number): bigint
}
/** A loop is quicker than a call for so few bytes. */
const put = (buffer: Buffer, at: number, bytes: Buffer): void => {
  for (let index = 0; index < bytes.length; index++) buffer[at + index] = bytes[index]
}
const TIMES_OF: Record<BodyFormat, Times> = {
  protobuf: {
    marker: TIMES,
    offsets: [1, 10],
    read: (buffer, at) => buffer.readBigUInt64LE(at),
    encode: (nanos) => {
      const bytes = Buffer.alloc(8)
      bytes.writeBigUInt64LE(nanos)
      return bytes
    },
  },
  json: {
    marker: Buffer.from(NO_TIME),
    offsets: [0],
    read: (buffer, at) => BigInt(buffer.toString('latin1', at, at + NO_TIME.length)),
    encode: (nanos) => Buffer.from(String(nanos).padStart(NO_TIME.length, '0')),
  },
}

export const createCorpus = (shape: CorpusShape): Corpus => {
  const id = attemptId(shape.run, 0)
  const format = shape.format ?? 'protobuf'
  const resources = toResources(shape)
  const template = format === 'protobuf' ? encodeProtobuf(resources, id) : encodeJson(resources, id)
  const digits = positionsOf(template, Buffer.from(id)).map((at) => at + id.length - ATTEMPT_DIGITS)
  const { marker, offsets, encode, read } = TIMES_OF[format]
  const times = positionsOf(template, marker).flatMap((at) => offsets.map((offset) => at + offset))
  if (digits.length !== shape.records || times.length !== 2 * shape.records)
    throw new Error(`found ${digits.length} ids and ${times.length} times in ${shape.records} records`)
  const stampNanos = (buffer: Buffer, attempt: string, nanos: bigint): void => {
    const [id, time] = [Buffer.from(attempt), encode(nanos)]
    for (const at of digits) put(buffer, at, id)
    for (const at of times) put(buffer, at, time)
  }
  const stamp = (buffer: Buffer, attempt: number, nowMs: number): void =>
    stampNanos(buffer, String(attempt).padStart(ATTEMPT_DIGITS, '0'), BigInt(Math.floor(nowMs)) * 1_000_000n)
  const scratch = Buffer.from(template)
  return {
    records: shape.records,
    bytes: template.length,
    format,
    content: contentSum(resources),
    stamp,
    body: (attempt, nowMs) => {
      const body = Buffer.from(template)
      stamp(body, attempt, nowMs)
      return body
    },
    attemptOf: (bytes) => {
      if (bytes.length !== template.length) return null
      const attempt = bytes.toString('latin1', digits[0], digits[0] + ATTEMPT_DIGITS)
      if (!/^\d+$/.test(attempt)) return null
      try {
        stampNanos(scratch, attempt, read(bytes, times[0]))
      } catch {
        return null
      }
      return bytes.equals(scratch) ? Number(attempt) : null
    },
  }
}
