// The plain way from an ExportLogsServiceRequest to rows of otel_logs: every field an object, every number a BigInt, no
// thought of speed. Written from the protocol and the storage rules, to be compared with the product's decoder.

type Wire = { readonly field: number; readonly type: number; readonly value: bigint; readonly bytes: Uint8Array }
const NONE = new Uint8Array(0)

const fieldsOf = (bytes: Uint8Array): Wire[] => {
  const fields: Wire[] = []
  let at = 0
  const varint = (): bigint => {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      if (at >= bytes.length) throw new Error('short')
      const byte = bytes[at++]
      value |= BigInt(byte & 127) << shift
      if (byte < 128) return BigInt.asUintN(64, value)
    }
    throw new Error('long varint')
  }
  const take = (length: number): Uint8Array => {
    if (length > bytes.length - at) throw new Error('short')
    at += length
    return bytes.subarray(at - length, at)
  }
  const little = (part: Uint8Array): bigint => part.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
  while (at < bytes.length) {
    const tag = varint()
    const [field, type] = [Number(tag >> 3n), Number(tag & 7n)]
    if (type === 0) fields.push({ field, type, value: varint(), bytes: NONE })
    else if (type === 1) fields.push({ field, type, value: little(take(8)), bytes: NONE })
    else if (type === 2) fields.push({ field, type, value: 0n, bytes: take(Number(varint())) })
    else if (type === 5) fields.push({ field, type, value: little(take(4)), bytes: NONE })
    else throw new Error('bad wire type')
  }
  return fields
}

const text = (bytes: Uint8Array): string => new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)
const all = (fields: Wire[], field: number): Uint8Array[] => fields.filter((item) => item.field === field).map((item) => item.bytes)
const last = (fields: Wire[], field: number): Wire | undefined => fields.findLast((item) => item.field === field)
const textOf = (fields: Wire[], field: number): string => text(last(fields, field)?.bytes ?? NONE)
/** Parts of a message that is sent several times merge: as if their fields stood in one. */
const merged = (fields: Wire[], field: number): Wire[] => all(fields, field).flatMap(fieldsOf)

type Value =
  | { kind: 'none' }
  | { kind: 'string'; text: string }
  | { kind: 'bool'; flag: boolean }
  | { kind: 'int'; int: bigint }
  | { kind: 'double'; double: number }
  | { kind: 'bytes'; bytes: Uint8Array }
  | { kind: 'list'; items: Value[] }
  | { kind: 'map'; entries: [string, Value][] }

const readValue = (fields: Wire[]): Value => {
  let value: Value = { kind: 'none' }
  for (const { field, value: number, bytes } of fields) {
    switch (field) {
      case 1:
        value = { kind: 'string', text: text(bytes) }
        break
      case 2:
        value = { kind: 'bool', flag: number !== 0n }
        break
      case 3:
        value = { kind: 'int', int: BigInt.asIntN(64, number) }
        break
      case 4:
        value = { kind: 'double', double: new Float64Array(BigUint64Array.of(number).buffer)[0] }
        break
      case 5:
        value = {
          kind: 'list',
          items: [...(value.kind === 'list' ? value.items : []), ...all(fieldsOf(bytes), 1).map((item) => readValue(fieldsOf(item)))],
        }
        break
      case 6:
        value = { kind: 'map', entries: [...(value.kind === 'map' ? value.entries : []), ...readPairs(fieldsOf(bytes), 1)] }
        break
      case 7:
        value = { kind: 'bytes', bytes }
        break
      default:
    }
  }
  return value
}
const readPairs = (fields: Wire[], field: number): [string, Value][] =>
  all(fields, field).map((bytes) => {
    const pair = fieldsOf(bytes)
    return [textOf(pair, 1), readValue(merged(pair, 2))]
  })

const special = (double: number): string => (Number.isNaN(double) ? 'NaN' : double > 0 ? '+Inf' : '-Inf')
const plainDouble = (double: number): string => (Object.is(double, -0) ? '-0' : `${double}`)
const json = (value: Value): string => {
  switch (value.kind) {
    case 'none':
      return 'null'
    case 'string':
      return JSON.stringify(value.text)
    case 'double':
      return Number.isFinite(value.double) ? plainDouble(value.double) : JSON.stringify(special(value.double))
    case 'bytes':
      return JSON.stringify(stored(value))
    case 'list':
      return `[${value.items.map(json).join()}]`
    case 'map': {
      const keys = [...new Set(value.entries.map(([key]) => key))].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
      return `{${keys.map((key) => `${JSON.stringify(key)}:${json((value.entries.findLast((entry) => entry[0] === key) as [string, Value])[1])}`).join()}}`
    }
    default:
      return stored(value)
  }
}
/** As the Collector's exporter stores it. */
const stored = (value: Value): string => {
  switch (value.kind) {
    case 'none':
      return ''
    case 'string':
      return value.text
    case 'bool':
      return value.flag ? 'true' : 'false'
    case 'int':
      return value.int.toString()
    case 'double':
      return Number.isFinite(value.double) ? plainDouble(value.double) : `json: unsupported value: ${special(value.double)}`
    case 'bytes':
      return Buffer.from(value.bytes).toString('base64')
    default:
      return json(value)
  }
}
const toMap = (pairs: [string, Value][]): Record<string, string> => Object.fromEntries(pairs.map(([key, value]) => [key, stored(value)]))

const id = (bytes: Uint8Array, length: number): string =>
  bytes.length === length && bytes.some((byte) => byte !== 0) ? Buffer.from(bytes).toString('hex') : ''

export interface ReferenceContext {
  readonly receivedAtMs: number
  readonly maxAheadMs: number
  readonly retentionMs: number
  readonly rejected?: readonly number[]
}

export interface ReferenceRow {
  Timestamp: bigint
  ObservedTimestamp: bigint
  TraceId: string
  SpanId: string
  TraceFlags: number
  SeverityText: string
  SeverityNumber: number
  ServiceName: string
  Body: string
  ResourceSchemaUrl: string
  ResourceAttributes: Record<string, string>
  ScopeSchemaUrl: string
  ScopeName: string
  ScopeVersion: string
  ScopeAttributes: Record<string, string>
  LogAttributes: Record<string, string>
  EventName: string
  record_index: number
}

const toRow = (
  log: Wire[],
  context: ReferenceContext,
): Pick<
  ReferenceRow,
  | 'Timestamp'
  | 'ObservedTimestamp'
  | 'TraceId'
  | 'SpanId'
  | 'TraceFlags'
  | 'SeverityText'
  | 'SeverityNumber'
  | 'Body'
  | 'LogAttributes'
  | 'EventName'
> => {
  const received = BigInt(context.receivedAtMs) * 1_000_000n
  const time = last(log, 1)?.value ?? 0n
  const observed = last(log, 11)?.value ?? 0n
  const sent = time === 0n ? observed : time
  const isBelieved =
    sent >= received - BigInt(context.retentionMs) * 1_000_000n && sent <= received + BigInt(context.maxAheadMs) * 1_000_000n
  const severity = last(log, 2)?.value ?? 0n
  const replaced = sent !== 0n && !isBelieved
  return {
    Timestamp: sent !== 0n && isBelieved ? sent : received,
    ObservedTimestamp: observed === 0n || observed >= 1n << 63n ? received : observed,
    TraceId: id(last(log, 9)?.bytes ?? NONE, 16),
    SpanId: id(last(log, 10)?.bytes ?? NONE, 8),
    TraceFlags: Number((last(log, 8)?.value ?? 0n) & 255n),
    SeverityText: textOf(log, 3),
    SeverityNumber: severity > 255n ? 0 : Number(severity),
    Body: stored(readValue(merged(log, 5))),
    LogAttributes: { ...toMap(readPairs(log, 6)), ...(replaced ? { 'lapwing.original_timestamp': String(sent) } : {}) },
    EventName: textOf(log, 12),
  }
}

/** Rows of a well-framed request, rejected records left out but counted. Throws on broken framing. */
export const referenceRows = (body: Uint8Array, context: ReferenceContext): ReferenceRow[] => {
  const rows: ReferenceRow[] = []
  let index = -1
  for (const resourceLogs of all(fieldsOf(body), 1).map(fieldsOf)) {
    const resource = readPairs(merged(resourceLogs, 1), 1)
    const service = resource.findLast(([key]) => key === 'service.name')?.[1]
    for (const scopeLogs of all(resourceLogs, 2).map(fieldsOf)) {
      const scope = merged(scopeLogs, 1)
      for (const log of all(scopeLogs, 2)) {
        index++
        if (context.rejected?.includes(index)) continue
        rows.push({
          ...toRow(fieldsOf(log), context),
          ServiceName: service?.kind === 'string' && service.text !== '' ? service.text : 'unknown_service',
          ResourceSchemaUrl: textOf(resourceLogs, 3),
          ResourceAttributes: toMap(resource),
          ScopeSchemaUrl: textOf(scopeLogs, 3),
          ScopeName: textOf(scope, 1),
          ScopeVersion: textOf(scope, 2),
          ScopeAttributes: toMap(readPairs(scope, 3)),
          record_index: index,
        })
      }
    }
  }
  return rows
}
