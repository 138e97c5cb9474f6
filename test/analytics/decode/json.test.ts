// OTLP JSON is stored as the same request in protobuf is; JSON events by their own mapping.
import { describe, expect, it } from 'vitest'
import { encodeRequest } from '../../support/otlp-encode.ts'
import type { TestKeyValue, TestRequest, TestValue } from '../../support/otlp-encode.ts'
import { RECEIVED_NS, decodeOne, request, rowsOf, stored } from './request.ts'

const hex = (bytes: unknown): string => Buffer.from(bytes as Uint8Array).toString('hex')
/** The test request by the JSON mapping of the specification. */
const toJson = (value: TestRequest): string =>
  JSON.stringify(value, function replace(this: Record<string, unknown>, key, item: unknown) {
    const raw = this[key]
    if (typeof raw === 'bigint') return String(raw)
    if (raw instanceof Uint8Array) return key === 'traceId' || key === 'spanId' ? hex(raw) : Buffer.from(raw).toString('base64')
    return item
  })

describe('OTLP JSON', () => {
  it('gives the rows that the same request gives in protobuf', () => {
    expect(rowsOf(decodeOne(Buffer.from(toJson(request)), { format: 'json' }))).toEqual(stored)
  })

  it('skips the rejected indices', () => {
    const rows = rowsOf(decodeOne(Buffer.from(toJson(request)), { format: 'json', rejected: [0] }))
    expect(rows.map((row) => row.record_index)).toEqual([1, 2])
  })

  it('sets a body aside that is no JSON', () => {
    expect(decodeOne(Buffer.from('{"resourceLogs":'), { format: 'json' })).toMatchObject({ logs: null, poison: [{ offset: 7 }] })
  })

  it('writes doubles and 64-bit integers of lists as protobuf does', () => {
    const values: TestValue[] = [
      { intValue: -9_223_372_036_854_775_808n },
      { doubleValue: 1e21 },
      { doubleValue: -0 },
      { doubleValue: 1e-7 },
      { stringValue: 'ü\u2028' },
    ]
    const attributes: TestKeyValue[] = [
      { key: 'list', value: { arrayValue: { values } } },
      ...values.map((value, i) => ({ key: `v${i}`, value })),
    ]
    const both: TestRequest = { resourceLogs: [{ scopeLogs: [{ logRecords: [{ attributes }] }] }] }
    const json = toJson(both)
      .replace('{"doubleValue":0},{"doubleValue":1e-7}', '{"doubleValue":-0},{"doubleValue":1e-7}')
      .replace('{"key":"v2","value":{"doubleValue":0}}', '{"key":"v2","value":{"doubleValue":-0}}')
    expect(rowsOf(decodeOne(Buffer.from(json), { format: 'json' }))).toEqual(rowsOf(decodeOne(encodeRequest(both))))
  })
})

const events = (body: string, format: 'json' | 'ndjson', rejected: readonly number[] = []) =>
  rowsOf(decodeOne(Buffer.from(body), { signal: 'json_logs', format, rejected }))

describe('JSON events', () => {
  it('maps the known names and keeps the rest as attributes', () => {
    const event = {
      ts: '2023-11-14T22:13:19Z',
      level: 'error',
      service: 'cart',
      message: 'no stock',
      host: 'web-1',
      source: 'stdout',
      trace_id: 'AB'.repeat(16),
      span_id: '01'.repeat(8),
      duration_ms: 12.5,
      user: { id: 7 },
      attrs: { order: 'o-1' },
    }
    expect(events(JSON.stringify(event), 'json')).toMatchObject([
      {
        Timestamp: RECEIVED_NS - 1_000_000_000n,
        SeverityText: 'error',
        SeverityNumber: 17,
        ServiceName: 'cart',
        Body: 'no stock',
        TraceId: 'ab'.repeat(16),
        SpanId: '01'.repeat(8),
        ResourceAttributes: { 'service.name': 'cart', 'host.name': 'web-1' },
        LogAttributes: { duration_ms: '12.5', user: '{"id":7}', order: 'o-1', source: 'stdout' },
      },
    ])
  })

  it('numbers events as the walk does, broken lines and rejected ones left out', () => {
    const rows = events('{"msg":"a"}\nnonsense\n{"msg":"b"}\n[{"msg":"c"},{"msg":"d"}]', 'ndjson', [1, 3])
    expect(rows.map((row) => [row.record_index, row.Body, row.ServiceName])).toEqual([
      [0, 'a', 'unknown_service'],
      [2, 'b', 'unknown_service'],
      [4, 'd', 'unknown_service'],
    ])
  })

  it('keeps a time that cannot be believed in an attribute', () => {
    expect(events('{"ts":"1999-01-01T00:00:00Z","msg":"a"}', 'json')).toMatchObject([
      { Timestamp: RECEIVED_NS, LogAttributes: { 'lapwing.original_timestamp': '915148800000000000' } },
    ])
  })
})
