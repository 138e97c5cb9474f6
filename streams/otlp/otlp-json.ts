// OTLP/JSON → plain records, checked against the protocol on the way: both names of every field, 64-bit integers as text
// or number, unknown fields ignored, null = absent. A wrong type makes the body malformed and names its path; the faults of
// one record stay with it. The walk and the decoder both read this form, so their record indices agree.
import { isJsonObject, readAttributes, readValue } from './otlp-json-value.ts'
import type { JsonAttributes, JsonValue, Reading } from './otlp-json-value.ts'
import { parseJson, textBytes } from './json-source.ts'
import type { JsonObject } from './json-source.ts'
import { MAX_RECORD_BYTES, MAX_RECORDS, malformed, tooLarge } from './walk.ts'
import type { Malformed, RejectReason } from './walk.ts'

export interface JsonRecord {
  /** 0n when absent. */
  readonly timeUnixNano: bigint
  readonly observedTimeUnixNano: bigint
  readonly severityNumber: number
  readonly severityText: string
  readonly body: JsonValue
  readonly attributes: JsonAttributes
  readonly flags: number
  /** Lower-case hex of the right length; empty when absent or all zero. */
  readonly traceId: string
  readonly spanId: string
  readonly eventName: string
  /** What it takes when stored, without its resource and scope. */
  readonly bytes: number
  readonly reject: RejectReason | null
}
export interface JsonScopeLogs {
  readonly name: string
  readonly version: string
  readonly attributes: JsonAttributes
  readonly schemaUrl: string
  readonly records: readonly JsonRecord[]
  /** Of the scope itself, for every record. */
  readonly bytes: number
}
export interface JsonResourceLogs { readonly attributes: JsonAttributes; readonly schemaUrl: string; readonly scopeLogs: readonly JsonScopeLogs[]; readonly bytes: number }
export interface JsonRequest { readonly resourceLogs: readonly JsonResourceLogs[] }

const MAX_UINT64 = (1n << 64n) - 1n

const field = (object: JsonObject, camel: string, snake: string): unknown => object[camel] ?? object[snake] ?? null

/** Notes the first wrong type; everything read after it is thrown away with the body. */
const wrong = (reading: Reading, path: string, expected: string): void => {
  reading.fault ??= { path, expected }
}
/** Puts the place of a part before the path of the fault found in it. */
const within = (reading: Reading, place: string): void => {
  if (reading.fault !== null) reading.fault = { ...reading.fault, path: `${place}${reading.fault.path === '' ? '' : '.'}${reading.fault.path}` }
}

const readText = (reading: Reading, object: JsonObject, camel: string, snake: string): string => {
  const value = field(object, camel, snake)
  if (value === null) return ''
  if (typeof value !== 'string') {
    wrong(reading, camel, 'a string')
    return ''
  }
  reading.bytes += textBytes(value)
  return value
}

const readUint64 = (reading: Reading, object: JsonObject, camel: string, snake: string): bigint => {
  const value = field(object, camel, snake)
  if (value === null || value === 0 || value === '') return 0n
  const exact = typeof value === 'bigint' ? value : typeof value === 'number' && Number.isInteger(value) ? BigInt(value)
    : typeof value === 'string' && /^\d{1,20}$/.test(value) ? BigInt(value) : -1n
  if (exact < 0n || exact > MAX_UINT64) wrong(reading, camel, 'an unsigned 64-bit integer as string or number')
  return exact
}

const readUint32 = (reading: Reading, object: JsonObject, camel: string, snake: string): number => {
  const value = field(object, camel, snake)
  if (value === null) return 0
  const exact = typeof value === 'number' ? value : typeof value === 'string' && /^\d{1,10}$/.test(value) ? Number(value) : -1
  if (!Number.isInteger(exact) || exact < 0 || exact > 0xffffffff) wrong(reading, camel, 'an unsigned 32-bit integer')
  return exact
}

const severityNames = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL']
  .flatMap((name) => [name, `${name}2`, `${name}3`, `${name}4`])
const severityByName = new Map([['UNSPECIFIED', 0] as const, ...severityNames.map((name, i) => [name, i + 1] as const)].map(([name, n]) => [`SEVERITY_NUMBER_${name}`, n]))

/** An integer by the protocol; the enum's names are what other JSON mappings write. */
const readSeverity = (reading: Reading, object: JsonObject): number => {
  const value = field(object, 'severityNumber', 'severity_number')
  if (typeof value === 'string' && severityByName.has(value)) return severityByName.get(value) as number
  if (typeof value === 'number' && Number.isInteger(value) && value >= -0x80000000 && value <= 0x7fffffff) return value
  return readUint32(reading, object, 'severityNumber', 'severity_number')
}

const hex = /^[0-9a-f]*$/
const zeros = /^0*$/
/** null = not an id: another length, or no hex. */
const readId = (reading: Reading, object: JsonObject, camel: string, snake: string, digits: number): string | null => {
  const id = readText(reading, object, camel, snake)
  if (id === '') return ''
  const lower = id.length === digits ? id.toLowerCase() : ''
  if (lower === '' || !hex.test(lower)) return null
  return zeros.test(lower) ? '' : lower
}

/** A part's own object: absent and null are an empty one. */
const asObject = (reading: Reading, value: unknown, path: string): JsonObject => {
  if (value === null || value === undefined) return {}
  if (isJsonObject(value)) return value
  wrong(reading, path, 'an object')
  return {}
}

const readList = <T>(reading: Reading, object: JsonObject, camel: string, snake: string, read: (item: JsonObject) => T): T[] => {
  const value = field(object, camel, snake)
  if (value === null) return []
  if (!Array.isArray(value)) {
    wrong(reading, camel, 'an array')
    return []
  }
  const items: T[] = []
  for (let i = 0; i < value.length && reading.fault === null; i++) {
    items.push(read(asObject(reading, value[i], '')))
    within(reading, `${camel}[${i}]`)
  }
  return items
}

const readRecord = (reading: Reading, object: JsonObject): JsonRecord => {
  reading.count++
  reading.bytes = 0
  reading.tooDeep = false
  const body = readValue(reading, field(object, 'body', 'body'), 1)
  within(reading, 'body')
  const attributes = readAttributes(reading, object.attributes, 'attributes', 1)
  const traceId = readId(reading, object, 'traceId', 'trace_id', 32)
  const spanId = readId(reading, object, 'spanId', 'span_id', 16)
  const record = {
    timeUnixNano: readUint64(reading, object, 'timeUnixNano', 'time_unix_nano'),
    observedTimeUnixNano: readUint64(reading, object, 'observedTimeUnixNano', 'observed_time_unix_nano'),
    severityNumber: readSeverity(reading, object), severityText: readText(reading, object, 'severityText', 'severity_text'),
    body, attributes, flags: readUint32(reading, object, 'flags', 'flags'), traceId: traceId ?? '', spanId: spanId ?? '',
    eventName: readText(reading, object, 'eventName', 'event_name'),
  }
  const reject = reading.bytes > MAX_RECORD_BYTES ? 'record_too_large' : reading.tooDeep ? 'nesting_too_deep'
    : traceId === null ? 'invalid_trace_id' : spanId === null ? 'invalid_span_id' : null
  return { ...record, bytes: reading.bytes, reject }
}

/** What lies too deep in a resource or scope is every record's fault that carries it. */
const rejectDeep = <T extends { readonly reject: RejectReason | null }>(records: readonly T[], tooDeep: boolean): readonly T[] =>
  tooDeep ? records.map((record) => ({ ...record, reject: 'nesting_too_deep' as const })) : records

const readScopeLogs = (reading: Reading, object: JsonObject): JsonScopeLogs => {
  const scope = asObject(reading, object.scope, 'scope')
  reading.bytes = 0
  reading.tooDeep = false
  const name = readText(reading, scope, 'name', 'name')
  const version = readText(reading, scope, 'version', 'version')
  const attributes = readAttributes(reading, scope.attributes, 'attributes', 1)
  if (isJsonObject(object.scope)) within(reading, 'scope')
  const schemaUrl = readText(reading, object, 'schemaUrl', 'schema_url')
  const { bytes, tooDeep } = reading
  const records = readList(reading, object, 'logRecords', 'log_records', (item) => readRecord(reading, item))
  return { name, version, attributes, schemaUrl, bytes, records: rejectDeep(records, tooDeep) }
}

const readResourceLogs = (reading: Reading, object: JsonObject): JsonResourceLogs => {
  const resource = asObject(reading, object.resource, 'resource')
  reading.bytes = 0
  reading.tooDeep = false
  const attributes = readAttributes(reading, resource.attributes, 'attributes', 1)
  if (isJsonObject(object.resource)) within(reading, 'resource')
  const schemaUrl = readText(reading, object, 'schemaUrl', 'schema_url')
  const { bytes, tooDeep } = reading
  const scopeLogs = readList(reading, object, 'scopeLogs', 'scope_logs', (item) => readScopeLogs(reading, item))
  return { attributes, schemaUrl, bytes, scopeLogs: scopeLogs.map((logs) => ({ ...logs, records: rejectDeep(logs.records, tooDeep) })) }
}

/** Never throws. A fault of a record is in its `reject`. */
export const parseOtlpJson = (body: Uint8Array): { readonly ok: true; readonly value: JsonRequest } | Malformed => {
  const parsed = parseJson(body)
  if (!parsed.ok) return parsed
  if (!isJsonObject(parsed.value)) return malformed('invalid OTLP JSON: the body is not an object')
  const reading: Reading = { fault: null, bytes: 0, tooDeep: false, count: 0 }
  const resourceLogs = readList(reading, parsed.value, 'resourceLogs', 'resource_logs', (item) => readResourceLogs(reading, item))
  if (reading.fault !== null) return malformed(`invalid OTLP JSON: ${reading.fault.path.slice(0, 300)}: expected ${reading.fault.expected}`)
  return reading.count > MAX_RECORDS ? tooLarge(`more than ${MAX_RECORDS} records in one request`) : { ok: true, value: { resourceLogs } }
}
