// OTLP JSON, as the specification has it, to the test encoder's request: what a JSON body says in protobuf. Plain and trusting: for bodies of real clients.
import type { TestKeyValue, TestRecord, TestRequest, TestValue } from './otlp-encode.ts'

interface JsonValue {
  stringValue?: string
  boolValue?: boolean
  intValue?: string | number
  doubleValue?: number | string
  bytesValue?: string
  arrayValue?: { values?: JsonValue[] }
  kvlistValue?: { values?: JsonPair[] }
}
interface JsonPair {
  key: string
  value?: JsonValue
}
interface JsonRecord {
  timeUnixNano?: string | number
  observedTimeUnixNano?: string | number
  severityNumber?: number
  severityText?: string
  body?: JsonValue
  attributes?: JsonPair[]
  droppedAttributesCount?: number
  flags?: number
  traceId?: string
  spanId?: string
  eventName?: string
}
interface JsonRequest {
  resourceLogs?: {
    resource?: { attributes?: JsonPair[] }
    schemaUrl?: string
    scopeLogs?: { scope?: { name?: string; version?: string; attributes?: JsonPair[] }; schemaUrl?: string; logRecords?: JsonRecord[] }[]
  }[]
}

/** Only the keys that were sent: an absent field must stay absent. */
const given = <T extends object>(fields: T): T => Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T
const map = <T, R>(value: T | undefined, to: (value: T) => R): R | undefined => (value === undefined ? undefined : to(value))
const hex = (text: string): Uint8Array => Buffer.from(text, 'hex')

const toValue = (value: JsonValue): TestValue =>
  given({
    stringValue: value.stringValue,
    boolValue: value.boolValue,
    intValue: map(value.intValue, BigInt),
    doubleValue: map(value.doubleValue, Number),
    bytesValue: map(value.bytesValue, (text) => Buffer.from(text, 'base64')),
    arrayValue: map(value.arrayValue, ({ values = [] }) => ({ values: values.map(toValue) })),
    kvlistValue: map(value.kvlistValue, ({ values = [] }) => ({ values: toPairs(values) })),
  })
const toPairs = (pairs: readonly JsonPair[]): TestKeyValue[] => pairs.map(({ key, value }) => given({ key, value: map(value, toValue) }))
const toRecord = (record: JsonRecord): TestRecord =>
  given({
    ...record,
    timeUnixNano: map(record.timeUnixNano, BigInt),
    observedTimeUnixNano: map(record.observedTimeUnixNano, BigInt),
    body: map(record.body, toValue),
    attributes: map(record.attributes, toPairs),
    traceId: map(record.traceId, hex),
    spanId: map(record.spanId, hex),
  })

export const jsonToRequest = (text: string): TestRequest => ({
  resourceLogs: ((JSON.parse(text) as JsonRequest).resourceLogs ?? []).map(({ resource, schemaUrl, scopeLogs = [] }) =>
    given({
      schemaUrl,
      resource: map(resource, ({ attributes }) => given({ attributes: map(attributes, toPairs) })),
      scopeLogs: scopeLogs.map((one) =>
        given({
          schemaUrl: one.schemaUrl,
          logRecords: (one.logRecords ?? []).map(toRecord),
          scope: map(one.scope, ({ name, version, attributes }) => given({ name, version, attributes: map(attributes, toPairs) })),
        }),
      ),
    }),
  ),
})
