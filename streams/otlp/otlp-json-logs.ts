// OTLP/JSON logs → plain records.
import { readAttributes, readValue } from './otlp-json-value.ts'
import type { JsonAttributes, JsonValue } from './otlp-json-value.ts'
import { field, readEnum, readId, readText, readUint32, readUint64, within } from './otlp-json-fields.ts'
import { LOG_NAMES, parseGroups } from './otlp-json-groups.ts'
import type { Judged, ParsedOtlp, RecordKind } from './otlp-json-groups.ts'

export interface JsonLog {
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
}
export type JsonRecord = JsonLog & Judged

const severityNames = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'].flatMap((name) => [name, `${name}2`, `${name}3`, `${name}4`])
const severityByName = new Map(
  [['UNSPECIFIED', 0] as const, ...severityNames.map((name, i) => [name, i + 1] as const)].map(([name, n]) => [
    `SEVERITY_NUMBER_${name}`,
    n,
  ]),
)

const LOGS: RecordKind<JsonLog> = {
  names: LOG_NAMES,
  read: (reading, object) => {
    const body = readValue(reading, field(object, 'body', 'body'), 1)
    within(reading, 'body')
    const attributes = readAttributes(reading, object.attributes, 'attributes', 1)
    const traceId = readId(reading, object, 'traceId', 'trace_id', 32)
    const spanId = readId(reading, object, 'spanId', 'span_id', 16)
    const record: JsonLog = {
      timeUnixNano: readUint64(reading, object, 'timeUnixNano', 'time_unix_nano'),
      observedTimeUnixNano: readUint64(reading, object, 'observedTimeUnixNano', 'observed_time_unix_nano'),
      severityNumber: readEnum(reading, object, 'severityNumber', 'severity_number', severityByName),
      severityText: readText(reading, object, 'severityText', 'severity_text'),
      body,
      attributes,
      flags: readUint32(reading, object, 'flags', 'flags'),
      traceId: traceId ?? '',
      spanId: spanId ?? '',
      eventName: readText(reading, object, 'eventName', 'event_name'),
    }
    return { record, fault: traceId === null ? 'invalid_trace_id' : spanId === null ? 'invalid_span_id' : null }
  },
}

export const parseOtlpJson = (body: Uint8Array): ParsedOtlp<JsonLog> => parseGroups(body, LOGS)
