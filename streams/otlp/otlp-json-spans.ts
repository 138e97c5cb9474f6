// OTLP/JSON traces → plain spans. A span is nothing without its ids: unlike those of a log record they must be there and not be zero.
import { isJsonObject, readAttributes } from './otlp-json-value.ts'
import type { JsonAttributes, Reading } from './otlp-json-value.ts'
import { asObject, readEnum, readId, readList, readText, readUint32, readUint64, within } from './otlp-json-fields.ts'
import { parseGroups, SPAN_NAMES } from './otlp-json-groups.ts'
import type { ParsedOtlp, RecordKind } from './otlp-json-groups.ts'
import type { JsonObject } from './json-source.ts'

export interface JsonSpan {
  /** 0n when absent. */
  readonly startTimeUnixNano: bigint
  readonly endTimeUnixNano: bigint
  /** Lower-case hex; the parent's is empty where there is none. */
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string
  readonly name: string
  readonly kind: number
  readonly statusCode: number
  readonly flags: number
  readonly attributes: JsonAttributes
}

const numbered = (prefix: string, names: readonly string[]): ReadonlyMap<string, number> =>
  new Map(names.map((name, n) => [`${prefix}_${name}`, n]))
const kinds = numbered('SPAN_KIND', ['UNSPECIFIED', 'INTERNAL', 'SERVER', 'CLIENT', 'PRODUCER', 'CONSUMER'])
const statusCodes = numbered('STATUS_CODE', ['UNSET', 'OK', 'ERROR'])

/** Events and links are not stored; what they hold counts, and must not lie too deep. */
const readInner = (reading: Reading, object: JsonObject): void => {
  readText(reading, object, 'name', 'name')
  readAttributes(reading, object.attributes, 'attributes', 1)
}
const readStatus = (reading: Reading, value: unknown): number => {
  const status = asObject(reading, value, 'status')
  readText(reading, status, 'message', 'message')
  const code = readEnum(reading, status, 'code', 'code', statusCodes)
  if (isJsonObject(value)) within(reading, 'status')
  return code
}

const SPANS: RecordKind<JsonSpan> = {
  names: SPAN_NAMES,
  read: (reading, object) => {
    const attributes = readAttributes(reading, object.attributes, 'attributes', 1)
    const traceId = readId(reading, object, 'traceId', 'trace_id', 32)
    const spanId = readId(reading, object, 'spanId', 'span_id', 16)
    const parentSpanId = readId(reading, object, 'parentSpanId', 'parent_span_id', 16)
    const record: JsonSpan = {
      startTimeUnixNano: readUint64(reading, object, 'startTimeUnixNano', 'start_time_unix_nano'),
      endTimeUnixNano: readUint64(reading, object, 'endTimeUnixNano', 'end_time_unix_nano'),
      traceId: traceId ?? '',
      spanId: spanId ?? '',
      parentSpanId: parentSpanId ?? '',
      attributes,
      name: readText(reading, object, 'name', 'name'),
      kind: readEnum(reading, object, 'kind', 'kind', kinds),
      statusCode: readStatus(reading, object.status),
      flags: readUint32(reading, object, 'flags', 'flags'),
    }
    readText(reading, object, 'traceState', 'trace_state')
    readList(reading, object, 'events', 'events', (event) => readInner(reading, event))
    readList(reading, object, 'links', 'links', (link) => readInner(reading, link))
    const fault =
      (traceId ?? '') === ''
        ? 'invalid_trace_id'
        : (spanId ?? '') === ''
          ? 'invalid_span_id'
          : parentSpanId === null
            ? 'invalid_parent_span_id'
            : null
    return { record, fault }
  },
}

export const parseOtlpJsonSpans = (body: Uint8Array): ParsedOtlp<JsonSpan> => parseGroups(body, SPANS)
