// The lenient JSON events of /api/v1/logs/ingest: what people, Vector and Fluent Bit send. Known keys and their aliases
// become the record, every other key an attribute; a fault costs its event only. The walk and the decoder both read this form.
import { parseJsonLines, parseJsonStream, textBytes, toJsonText } from './json-source.ts'
import type { JsonObject } from './json-source.ts'
import { toNanos } from './event-time.ts'
import { MAX_DEPTH, MAX_RECORD_BYTES, MAX_RECORDS, tooLarge } from './walk.ts'
import type { Malformed, RejectReason } from './walk.ts'

export interface JsonEvent {
  readonly ok: true
  /** Unix nanoseconds; null when the event gives no time that can be read. */
  readonly timeUnixNano: bigint | null
  /** As sent, empty when absent; `severityNumber` is OpenTelemetry's, 0 when unknown. */
  readonly level: string
  readonly severityNumber: number
  readonly service: string
  readonly message: string
  readonly host: string | null
  readonly source: string | null
  /** Lower-case hex, empty when absent or all zero. */
  readonly traceId: string
  readonly spanId: string
  /** No prototype. Values as parsed: nested, and BigInt for integers beyond a double (toJsonText writes them). */
  readonly attrs: Readonly<Record<string, unknown>>
  readonly bytes: number
}
export interface RejectedEvent {
  readonly ok: false
  readonly reject: RejectReason
}
export type ParsedEvent = JsonEvent | RejectedEvent

export const UNKNOWN_SERVICE = 'unknown_service'

const levels: Record<string, number> = {
  trace: 1,
  verbose: 1,
  debug: 5,
  info: 9,
  information: 9,
  informational: 9,
  log: 9,
  notice: 10,
  warn: 13,
  warning: 13,
  error: 17,
  err: 17,
  severe: 17,
  critical: 21,
  crit: 21,
  fatal: 21,
  alert: 21,
  emergency: 21,
  emerg: 21,
  panic: 21,
}
/** In order: OpenTelemetry gives each four numbers, pino and bunyan count them in tens. */
const levelNames = ['trace', 'debug', 'info', 'warn', 'error', 'fatal']

const toLevel = (value: unknown): { level: string; severityNumber: number } | null => {
  if (typeof value === 'string')
    return { level: value, severityNumber: Object.hasOwn(levels, value.toLowerCase()) ? levels[value.toLowerCase()] : 0 }
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 1 || value > 60) return null
  if (value % 10 === 0) return { level: levelNames[value / 10 - 1], severityNumber: levels[levelNames[value / 10 - 1]] }
  return value <= 24 ? { level: levelNames[Math.floor((value - 1) / 4)], severityNumber: value } : null
}

/** null = not an id, so it stays an attribute. */
const toId = (value: unknown, digits: number): string | null => {
  if (typeof value !== 'string' || (value !== '' && (value.length !== digits || !/^[0-9a-fA-F]+$/.test(value)))) return null
  return /^0*$/.test(value) ? '' : value.toLowerCase()
}

const toText = (value: unknown): string => (typeof value === 'string' ? value : toJsonText(value))
const toName = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null)

/** Takes the first of `names` that `read` can use out of the event; null leaves all of them as attributes. */
const take = <T>(rest: Set<string>, event: JsonObject, names: readonly string[], read: (value: unknown) => T | null): T | null => {
  for (const name of names) {
    if (!rest.has(name) || event[name] === null) continue
    const value = read(event[name])
    if (value === null) continue
    rest.delete(name)
    return value
  }
  return null
}

/** Stored size and depth of a value; stops counting once the event is too large or too deep. */
const measure = (value: unknown, depth: number, size: { bytes: number; tooDeep: boolean }): void => {
  size.bytes += typeof value === 'string' ? textBytes(value) + 2 : 6
  if (typeof value !== 'object' || value === null || size.bytes > MAX_RECORD_BYTES) return
  if (depth === MAX_DEPTH) {
    size.tooDeep = true
    return
  }
  for (const key of Object.keys(value)) {
    if (!Array.isArray(value)) size.bytes += textBytes(key)
    measure((value as JsonObject)[key], depth + 1, size)
    if (size.tooDeep || size.bytes > MAX_RECORD_BYTES) return
  }
}

const isObject = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value)

/** Unknown keys, then those of `attrs`, which win. null says nothing and is left out. */
const collectAttributes = (event: JsonObject, rest: Set<string>): Record<string, unknown> => {
  const attrs = Object.create(null) as Record<string, unknown>
  const given = ['attrs', 'attributes'].filter((name) => isObject(event[name]))
  for (const key of rest) if (!given.includes(key) && event[key] !== null) attrs[key] = event[key]
  for (const name of given) {
    for (const [key, value] of Object.entries(event[name] as JsonObject)) if (value !== null) attrs[key] = value
  }
  return attrs
}

const readEvent = (value: unknown): ParsedEvent => {
  if (!isObject(value)) return { ok: false, reject: 'not_an_object' }
  const size = { bytes: 0, tooDeep: false }
  measure(value, 0, size)
  if (size.bytes > MAX_RECORD_BYTES) return { ok: false, reject: 'record_too_large' }
  if (size.tooDeep) return { ok: false, reject: 'nesting_too_deep' }
  const rest = new Set(Object.keys(value))
  if (rest.size === 0) return { ok: false, reject: 'empty_event' }
  const timeUnixNano = take(rest, value, ['ts', '@timestamp', 'timestamp', 'time', 'date'], toNanos)
  const level = take(rest, value, ['level', 'severity'], toLevel)
  const service = take(rest, value, ['service', 'service_name', 'service.name'], toName)
  const message = take(rest, value, ['message', 'msg', 'log', 'body'], toText)
  const host = take(rest, value, ['host'], toName)
  const source = take(rest, value, ['source'], toName)
  const traceId = take(rest, value, ['trace_id', 'traceId'], (id) => toId(id, 32))
  const spanId = take(rest, value, ['span_id', 'spanId'], (id) => toId(id, 16))
  return {
    ok: true,
    timeUnixNano,
    level: level?.level ?? '',
    severityNumber: level?.severityNumber ?? 0,
    service: service ?? UNKNOWN_SERVICE,
    message: message ?? '',
    host,
    source,
    traceId: traceId ?? '',
    spanId: spanId ?? '',
    attrs: collectAttributes(value, rest),
    bytes: size.bytes,
  }
}

/**
 * `json`: an object, an array, or several of them in a row; `ndjson`: one per line, a broken line being one rejected event.
 * Events are numbered in order of appearance, the elements of an array one by one. Never throws.
 */
export const parseEvents = (
  body: Uint8Array,
  format: 'json' | 'ndjson',
): { readonly ok: true; readonly events: readonly ParsedEvent[] } | Malformed => {
  const documents = format === 'ndjson' ? parseJsonLines(body) : parseJsonStream(body)
  if (!documents.ok) return documents
  const events: ParsedEvent[] = []
  for (const document of documents.values) {
    const items: readonly unknown[] = document === null ? [null] : Array.isArray(document[0]) ? document[0] : document
    if (events.length + items.length > MAX_RECORDS) return tooLarge(`more than ${MAX_RECORDS} records in one request`)
    for (const item of items) events.push(document === null ? { ok: false, reject: 'invalid_json' } : readEvent(item))
  }
  return { ok: true, events }
}
