// One request with every kind of value, and what it must be stored as. The expectation is written by hand from the rules.
import type { DecodeInput, DecodeMessage, DecodeOutput } from '../../../analytics/decode-contract.ts'
import { decodeBatch } from '../../../analytics/decode/decode.ts'
import type { Envelope } from '../../../streams/contracts/envelope.ts'
import { createEnvelope } from '../../support/envelopes.ts'
import { readNativeRows } from '../../support/native-read.ts'
import type { TestKeyValue, TestRequest } from '../../support/otlp-encode.ts'

export const RECEIVED_MS = 1_700_000_000_000
export const RECEIVED_NS = BigInt(RECEIVED_MS) * 1_000_000n
export const AHEAD_MS = 86_400_000
export const RETENTION_MS = 30 * 86_400_000
const DAY = Math.floor(RECEIVED_MS / 86_400_000)

export const toInput = (messages: readonly DecodeMessage[]): DecodeInput => ({
  logId: 'log-1',
  partition: 3,
  receiveDay: DAY,
  maxAheadMs: AHEAD_MS,
  retentionMs: RETENTION_MS,
  messages,
})

export const toMessage = (body: Uint8Array, changes: Partial<Envelope> = {}, offset = 7): DecodeMessage => ({
  offset,
  body,
  envelope: createEnvelope(changes),
})

export const decodeOne = (body: Uint8Array, changes: Partial<Envelope> = {}): DecodeOutput =>
  decodeBatch(toInput([toMessage(body, changes)]))

export type StoredRow = Record<string, unknown>
/** Maps as objects, so that the order of attributes on the wire does not matter. */
export const rowsOf = (output: DecodeOutput): StoredRow[] =>
  (output.logs === null ? [] : readNativeRows(output.logs)).map((row) => ({
    ...row,
    ...Object.fromEntries(
      ['ResourceAttributes', 'ScopeAttributes', 'LogAttributes'].map((name) => [name, Object.fromEntries(row[name] as [string, string][])]),
    ),
  }))

const ids = (length: number, first: number): Uint8Array => Uint8Array.from({ length }, (_, i) => first + i)

export const everyValue: TestKeyValue[] = [
  { key: 'text', value: { stringValue: 'grüße' } },
  { key: 'long', value: { stringValue: 'x'.repeat(20_000) } },
  { key: 'empty', value: { stringValue: '' } },
  { key: 'yes', value: { boolValue: true } },
  { key: 'no', value: { boolValue: false } },
  { key: 'int', value: { intValue: 42n } },
  { key: 'zero', value: { intValue: 0n } },
  { key: 'negative', value: { intValue: -5n } },
  { key: 'int64', value: { intValue: 9_223_372_036_854_775_807n } },
  { key: 'int28', value: { intValue: 268_435_455n } },
  { key: 'int29', value: { intValue: 268_435_456n } },
  { key: 'double', value: { doubleValue: 0.25 } },
  { key: 'whole', value: { doubleValue: 3 } },
  { key: 'bytes', value: { bytesValue: Uint8Array.of(0, 1, 254, 255) } },
  {
    key: 'list',
    value: { arrayValue: { values: [{ stringValue: 'a"b' }, { intValue: 1n }, { boolValue: true }, { arrayValue: { values: [] } }] } },
  },
  {
    key: 'map',
    value: {
      kvlistValue: {
        values: [
          { key: 'b', value: { intValue: 2n } },
          { key: 'a', value: { doubleValue: 1.5 } },
        ],
      },
    },
  },
  { key: 'nothing', value: {} },
]
const everyText = {
  text: 'grüße',
  long: 'x'.repeat(20_000),
  empty: '',
  yes: 'true',
  no: 'false',
  int: '42',
  zero: '0',
  negative: '-5',
  int64: '9223372036854775807',
  int28: '268435455',
  int29: '268435456',
  double: '0.25',
  whole: '3',
  bytes: 'AAH+/w==',
  list: '["a\\"b",1,true,[]]',
  map: '{"a":1.5,"b":2}',
  nothing: '',
}

const resource = {
  attributes: [
    { key: 'service.name', value: { stringValue: 'checkout' } },
    { key: 'host.cores', value: { intValue: 8n } },
  ],
}
export const request: TestRequest = {
  resourceLogs: [
    {
      resource,
      schemaUrl: 'https://resource',
      scopeLogs: [
        {
          scope: { name: 'lib', version: '1.2', attributes: [{ key: 'short', value: { boolValue: true } }] },
          schemaUrl: 'https://scope',
          logRecords: [
            {
              timeUnixNano: RECEIVED_NS - 5n,
              observedTimeUnixNano: RECEIVED_NS - 3n,
              severityNumber: 17,
              severityText: 'ERROR',
              body: { stringValue: 'payment failed' },
              attributes: everyValue,
              flags: 1,
              traceId: ids(16, 1),
              spanId: ids(8, 0xf0),
              eventName: 'payment',
            },
            {
              observedTimeUnixNano: RECEIVED_NS - 9n,
              severityNumber: 9,
              body: { kvlistValue: { values: [{ key: 'k', value: { stringValue: 'v' } }] } },
              traceId: new Uint8Array(16),
              spanId: new Uint8Array(0),
            },
          ],
        },
      ],
    },
    { scopeLogs: [{ logRecords: [{}] }] },
  ],
}

const shared = {
  ServiceName: 'checkout',
  ResourceSchemaUrl: 'https://resource',
  ResourceAttributes: { 'service.name': 'checkout', 'host.cores': '8' },
  ScopeSchemaUrl: 'https://scope',
  ScopeName: 'lib',
  ScopeVersion: '1.2',
  ScopeAttributes: { short: 'true' },
}
const position = { tenant: 'default', receive_day: DAY, log_id: 'log-1', log_partition: 3, log_offset: 7n }
export const stored: StoredRow[] = [
  {
    ...shared,
    ...position,
    record_index: 0,
    Timestamp: RECEIVED_NS - 5n,
    ObservedTimestamp: RECEIVED_NS - 3n,
    SeverityNumber: 17,
    SeverityText: 'ERROR',
    Body: 'payment failed',
    LogAttributes: everyText,
    TraceFlags: 1,
    TraceId: '0102030405060708090a0b0c0d0e0f10',
    SpanId: 'f0f1f2f3f4f5f6f7',
    EventName: 'payment',
  },
  {
    ...shared,
    ...position,
    record_index: 1,
    Timestamp: RECEIVED_NS - 9n,
    ObservedTimestamp: RECEIVED_NS - 9n,
    SeverityNumber: 9,
    SeverityText: '',
    Body: '{"k":"v"}',
    LogAttributes: {},
    TraceFlags: 0,
    TraceId: '',
    SpanId: '',
    EventName: '',
  },
  {
    ...position,
    record_index: 2,
    ServiceName: 'unknown_service',
    ResourceSchemaUrl: '',
    ResourceAttributes: {},
    ScopeSchemaUrl: '',
    ScopeName: '',
    ScopeVersion: '',
    ScopeAttributes: {},
    Timestamp: RECEIVED_NS,
    ObservedTimestamp: RECEIVED_NS,
    SeverityNumber: 0,
    SeverityText: '',
    Body: '',
    LogAttributes: {},
    TraceFlags: 0,
    TraceId: '',
    SpanId: '',
    EventName: '',
  },
]
