// One protobuf ExportLogsServiceRequest whose records can be counted exactly afterwards: each record carries the id of
// the HTTP attempt and its index in it. The body is encoded once; an attempt only patches its id and the times in place.

export interface Corpus {
  readonly records: number
  readonly bytes: number
  /** A body for this attempt. The buffer is the caller's to keep. */
  body(attempt: number, nowMs: number): Buffer
}

export interface CorpusShape {
  readonly records: number
  readonly resources: number
  /** Written into the attempt id, so that several generators never share one. At most 8 characters. */
  readonly run: string
  readonly servicePrefix?: string
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
const attribute = (tag: number, key: string, value: string): Buffer => field(tag, Buffer.concat([text(0x0a, key), field(0x12, text(0x0a, value))]))
const integer = (tag: number, key: string, value: number): Buffer => field(tag, Buffer.concat([text(0x0a, key), field(0x12, Buffer.from([0x18, ...varint(value)]))]))

const words = ['checkout', 'payment', 'accepted', 'upstream', 'retry', 'cache', 'miss', 'session', 'opened', 'order', 'shipped', 'latency', 'budget', 'queue', 'drained', 'token']

const encodeRecord = (index: number, id: string): Buffer => {
  const severity = index % 50 === 0 ? 17 : 9
  const time = Buffer.alloc(9)
  time[0] = 0x09
  const observed = Buffer.alloc(9)
  observed[0] = 0x59
  const pick = (step: number): string => words[(index * step + step) % words.length]
  return Buffer.concat([
    time, observed, Buffer.from([0x10, severity]), text(0x1a, severity === 17 ? 'ERROR' : 'INFO'),
    field(0x2a, text(0x0a, `request ${1000 + (index % 777)} ${pick(3)} ${pick(5)} ${pick(7)} in ${index % 97} ms by worker ${index % 13}`)),
    attribute(0x32, 'attempt.id', id), integer(0x32, 'attempt.index', index), attribute(0x32, 'http.route', `/api/v1/${pick(11)}/{id}`),
    attribute(0x32, 'user.id', `u-${(index * 7919) % 100_000}`), integer(0x32, 'duration_ms', index % 97), attribute(0x32, 'http.request.method', 'GET'),
    field(0x4a, Buffer.from((index + 1).toString(16).padStart(32, 'a'), 'hex')), field(0x52, Buffer.from((index + 1).toString(16).padStart(16, 'b'), 'hex')),
  ])
}

export const createCorpus = (shape: CorpusShape): Corpus => {
  const id = attemptId(shape.run, 0)
  const perResource = Math.ceil(shape.records / shape.resources)
  const parts: Buffer[] = []
  for (let resource = 0, next = 0; next < shape.records; resource++) {
    const count = Math.min(perResource, shape.records - next)
    const records = Array.from({ length: count }, (_, index) => field(0x12, encodeRecord(next + index, id)))
    next += count
    const attributes = Buffer.concat([
      attribute(0x0a, 'service.name', `${shape.servicePrefix ?? 'service'}-${resource}`), attribute(0x0a, 'service.version', '1.4.2'),
      attribute(0x0a, 'deployment.environment.name', 'bench'), attribute(0x0a, 'host.name', `host-${resource}`), attribute(0x0a, 'telemetry.sdk.language', 'nodejs'),
    ])
    const scope = field(0x0a, text(0x0a, 'bench'))
    parts.push(field(0x0a, Buffer.concat([field(0x0a, attributes), field(0x12, Buffer.concat([scope, ...records]))])))
  }
  const template = Buffer.concat(parts)
  const ids = positionsOf(template, Buffer.from(id))
  const times = timePositions(template, ids.length)
  return {
    records: shape.records,
    bytes: template.length,
    body: (attempt, nowMs) => {
      const body = Buffer.from(template)
      const digits = Buffer.from(String(attempt).padStart(ATTEMPT_DIGITS, '0'))
      for (const position of ids) digits.copy(body, position + id.length - ATTEMPT_DIGITS)
      const nanos = BigInt(Math.floor(nowMs)) * 1_000_000n
      for (const position of times) body.writeBigUInt64LE(nanos, position)
      return body
    },
  }
}

const positionsOf = (haystack: Buffer, needle: Buffer): number[] => {
  const found: number[] = []
  for (let at = haystack.indexOf(needle); at >= 0; at = haystack.indexOf(needle, at + needle.length)) found.push(at)
  return found
}

/** Both times of a record are written first, as 9 zero-valued bytes each: 09 0…0 59 0…0. */
const timePositions = (template: Buffer, records: number): number[] => {
  const marker = Buffer.concat([Buffer.from([0x09]), Buffer.alloc(8), Buffer.from([0x59]), Buffer.alloc(8)])
  const starts = positionsOf(template, marker)
  if (starts.length !== records) throw new Error(`found ${starts.length} times for ${records} records`)
  return starts.flatMap((start) => [start + 1, start + 10])
}
