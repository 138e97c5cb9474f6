// OTLP/JSON → resources, their scopes, their records, checked on the way: what a signal calls them and how one of its records is read is
// all in which signals differ. A wrong type makes the body malformed and names its path; the faults of one record stay with it. The
// walk and the decoder both read this form, so their record indices agree.
import { isJsonObject, readAttributes } from './otlp-json-value.ts'
import type { JsonAttributes, Reading } from './otlp-json-value.ts'
import { asObject, readList, readText, within } from './otlp-json-fields.ts'
import { parseJson } from './json-source.ts'
import type { JsonObject } from './json-source.ts'
import { MAX_RECORD_BYTES, MAX_RECORDS, malformed, tooLarge } from './walk.ts'
import type { Malformed, RejectReason } from './walk.ts'

export interface Judged {
  /** What it takes when stored, without its resource and scope. */
  readonly bytes: number
  readonly reject: RejectReason | null
}
export interface JsonScope<T> {
  readonly name: string
  readonly version: string
  readonly attributes: JsonAttributes
  readonly schemaUrl: string
  readonly records: readonly T[]
  /** Of the scope itself, for every record. */
  readonly bytes: number
}
export interface JsonResource<T> {
  readonly attributes: JsonAttributes
  readonly schemaUrl: string
  readonly scopes: readonly JsonScope<T>[]
  readonly bytes: number
}
export interface JsonRequest<T> {
  readonly resources: readonly JsonResource<T>[]
}

type Names = readonly [camel: string, snake: string]
/** Lists of the request, of a resource in it, of a scope in that. */
export interface GroupNames {
  readonly resources: Names
  readonly scopes: Names
  readonly records: Names
}
export const LOG_NAMES: GroupNames = {
  resources: ['resourceLogs', 'resource_logs'],
  scopes: ['scopeLogs', 'scope_logs'],
  records: ['logRecords', 'log_records'],
}
export const SPAN_NAMES: GroupNames = {
  resources: ['resourceSpans', 'resource_spans'],
  scopes: ['scopeSpans', 'scope_spans'],
  records: ['spans', 'spans'],
}

export interface RecordKind<T> {
  readonly names: GroupNames
  /** One record, and what is wrong with it but for its size and depth. */
  readonly read: (reading: Reading, object: JsonObject) => { readonly record: T; readonly fault: RejectReason | null }
}

const readJudged = <T>(reading: Reading, object: JsonObject, read: RecordKind<T>['read']): T & Judged => {
  reading.count++
  reading.bytes = 0
  reading.tooDeep = false
  const { record, fault } = read(reading, object)
  const reject = reading.bytes > MAX_RECORD_BYTES ? 'record_too_large' : reading.tooDeep ? 'nesting_too_deep' : fault
  return { ...record, bytes: reading.bytes, reject }
}

/** What lies too deep in a resource or scope is every record's fault that carries it. */
const rejectDeep = <T extends Judged>(records: readonly T[], tooDeep: boolean): readonly T[] =>
  tooDeep ? records.map((record) => ({ ...record, reject: 'nesting_too_deep' as const })) : records

const readScope = <T>(reading: Reading, object: JsonObject, { names, read }: RecordKind<T>): JsonScope<T & Judged> => {
  const scope = asObject(reading, object.scope, 'scope')
  reading.bytes = 0
  reading.tooDeep = false
  const name = readText(reading, scope, 'name', 'name')
  const version = readText(reading, scope, 'version', 'version')
  const attributes = readAttributes(reading, scope.attributes, 'attributes', 1)
  if (isJsonObject(object.scope)) within(reading, 'scope')
  const schemaUrl = readText(reading, object, 'schemaUrl', 'schema_url')
  const { bytes, tooDeep } = reading
  const records = readList(reading, object, ...names.records, (item) => readJudged(reading, item, read))
  return { name, version, attributes, schemaUrl, bytes, records: rejectDeep(records, tooDeep) }
}

const readResource = <T>(reading: Reading, object: JsonObject, kind: RecordKind<T>): JsonResource<T & Judged> => {
  const resource = asObject(reading, object.resource, 'resource')
  reading.bytes = 0
  reading.tooDeep = false
  const attributes = readAttributes(reading, resource.attributes, 'attributes', 1)
  if (isJsonObject(object.resource)) within(reading, 'resource')
  const schemaUrl = readText(reading, object, 'schemaUrl', 'schema_url')
  const { bytes, tooDeep } = reading
  const scopes = readList(reading, object, ...kind.names.scopes, (item) => readScope(reading, item, kind))
  return { attributes, schemaUrl, bytes, scopes: scopes.map((scope) => ({ ...scope, records: rejectDeep(scope.records, tooDeep) })) }
}

export type ParsedOtlp<T> = { readonly ok: true; readonly value: JsonRequest<T & Judged> } | Malformed

/** Never throws. A fault of a record is in its `reject`. */
export const parseGroups = <T>(body: Uint8Array, kind: RecordKind<T>): ParsedOtlp<T> => {
  const parsed = parseJson(body)
  if (!parsed.ok) return parsed
  if (!isJsonObject(parsed.value)) return malformed('invalid OTLP JSON: the body is not an object')
  const reading: Reading = { fault: null, bytes: 0, tooDeep: false, count: 0 }
  const resources = readList(reading, parsed.value, ...kind.names.resources, (item) => readResource(reading, item, kind))
  if (reading.fault !== null) return malformed(`invalid OTLP JSON: ${reading.fault.path.slice(0, 300)}: expected ${reading.fault.expected}`)
  return reading.count > MAX_RECORDS ? tooLarge(`more than ${MAX_RECORDS} records in one request`) : { ok: true, value: { resources } }
}
