import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { JsonLogsSerializer, ProtobufLogsSerializer } from '@opentelemetry/otlp-transformer'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { InMemoryLogRecordExporter, LoggerProvider, SimpleLogRecordProcessor } from '@opentelemetry/sdk-logs'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MAX_DEPTH, MAX_RECORDS } from '../../../streams/otlp/walk.ts'
import { parseOtlpJson } from '../../../streams/otlp/otlp-json-logs.ts'
import type { JsonRecord } from '../../../streams/otlp/otlp-json-logs.ts'
import { walkOtlpJson } from '../../../streams/otlp/walk-json.ts'
import { walkProtobuf } from '../../../streams/otlp/walk-protobuf.ts'

const bytes = (value: unknown): Uint8Array => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))
const withRecords = (...logRecords: unknown[]) => ({ resourceLogs: [{ scopeLogs: [{ logRecords }] }] })
const recordOf = (record: unknown): JsonRecord => {
  const parsed = parseOtlpJson(
    bytes(typeof record === 'string' ? `{"resourceLogs":[{"scopeLogs":[{"logRecords":[${record}]}]}]}` : withRecords(record)),
  )
  if (!parsed.ok) throw new Error(parsed.message)
  return parsed.value.resources[0].scopes[0].records[0]
}
const faultOf = (value: unknown): string => {
  const walk = walkOtlpJson(bytes(value))
  return walk.ok ? 'accepted' : walk.message
}
const traceId = '5B8EFFF798038103D269B633813FC60C'

describe('a record', () => {
  it('is read with lowerCamelCase and with the original names alike', () => {
    const camel = recordOf({
      timeUnixNano: '1',
      observedTimeUnixNano: '2',
      severityNumber: 9,
      severityText: 'INFO',
      traceId,
      spanId: 'EEE19B7EC3C1B174',
      eventName: 'e',
      flags: 1,
      body: { stringValue: 'b' },
      attributes: [{ key: 'k', value: { intValue: '7' } }],
    })
    const snake = recordOf({
      time_unix_nano: '1',
      observed_time_unix_nano: '2',
      severity_number: 9,
      severity_text: 'INFO',
      trace_id: traceId,
      span_id: 'EEE19B7EC3C1B174',
      event_name: 'e',
      flags: 1,
      body: { string_value: 'b' },
      attributes: [{ key: 'k', value: { int_value: 7 } }],
    })
    expect(camel).toEqual(snake)
    expect(camel).toMatchObject({
      timeUnixNano: 1n,
      observedTimeUnixNano: 2n,
      traceId: traceId.toLowerCase(),
      spanId: 'eee19b7ec3c1b174',
      attributes: [['k', 7n]],
      reject: null,
    })
  })

  it('keeps 64-bit integers exact, as text and as number', () => {
    const record = recordOf(
      '{"timeUnixNano":1700000000123456789,"observedTimeUnixNano":"18446744073709551615","attributes":[{"key":"a","value":{"intValue":-9223372036854775808}},{"key":"b","value":{"intValue":"9223372036854775807"}},{"key":"c","value":{"intValue":9007199254740993}}]}',
    )
    expect(record.timeUnixNano).toBe(1700000000123456789n)
    expect(record.observedTimeUnixNano).toBe(18446744073709551615n)
    expect(record.attributes.map(([, value]) => value)).toEqual([-9223372036854775808n, 9223372036854775807n, 9007199254740993n])
  })

  it('keeps every kind of value', () => {
    const values = [
      { stringValue: '' },
      { boolValue: false },
      { intValue: 0 },
      { doubleValue: 0 },
      { doubleValue: 'NaN' },
      { doubleValue: '-Infinity' },
      { doubleValue: '1e3' },
      { bytesValue: 'aGk=' },
      {},
      null,
      { arrayValue: { values: [{ stringValue: 'x' }, { arrayValue: {} }] } },
      { kvlistValue: { values: [{ key: 'n', value: { boolValue: true } }] } },
    ]
    expect(recordOf({ attributes: values.map((value, i) => ({ key: String(i), value })) }).attributes.map(([, value]) => value)).toEqual([
      '',
      false,
      0n,
      0,
      Number.NaN,
      Number.NEGATIVE_INFINITY,
      1000,
      new Uint8Array([104, 105]),
      null,
      null,
      ['x', []],
      { entries: [['n', true]] },
    ])
  })

  it('ignores unknown fields and takes null as absent', () => {
    const record = recordOf({
      timeUnixNano: null,
      severityText: null,
      body: null,
      attributes: null,
      traceId: null,
      flags: null,
      novelty: { deep: [1] },
    })
    expect(record).toEqual({
      timeUnixNano: 0n,
      observedTimeUnixNano: 0n,
      severityNumber: 0,
      severityText: '',
      body: null,
      attributes: [],
      flags: 0,
      traceId: '',
      spanId: '',
      eventName: '',
      bytes: 0,
      reject: null,
    })
    expect(
      walkOtlpJson(
        bytes({ resourceLogs: [null, { resource: null, scopeLogs: [null, { scope: null, logRecords: [null, {}] }] }], other: 1 }),
      ),
    ).toMatchObject({ ok: true, recordCount: 2, rejected: [] })
    expect(walkOtlpJson(bytes({}))).toMatchObject({ ok: true, recordCount: 0 })
  })

  it('has its ids judged alone: length and hex reject it, empty and all-zero mean absent', () => {
    const ids = [traceId, '', '0'.repeat(32), 'abc', 'x'.repeat(32), `${traceId}00`]
    expect(walkOtlpJson(bytes(withRecords(...ids.map((id) => ({ traceId: id })), { spanId: 'ab' })))).toMatchObject({
      recordCount: 7,
      rejected: [3, 4, 5, 6],
      reasons: { invalid_trace_id: 3, invalid_span_id: 1 },
    })
    expect(recordOf({ traceId: '0'.repeat(32) }).traceId).toBe('')
  })

  it('that nests beyond 32 or is above 1 MiB is rejected, the rest kept; a deep resource rejects its own', () => {
    const nested = (depth: number): unknown => (depth === 1 ? { stringValue: 'x' } : { arrayValue: { values: [nested(depth - 1)] } })
    expect(
      walkOtlpJson(
        bytes(
          withRecords(
            { body: nested(MAX_DEPTH) },
            { body: nested(MAX_DEPTH + 1) },
            { body: { stringValue: 'é'.repeat(600_000) } },
            { attributes: [{ key: 'a', value: nested(200) }] },
            {},
          ),
        ),
      ),
    ).toMatchObject({ recordCount: 5, rejected: [1, 2, 3], reasons: { nesting_too_deep: 2, record_too_large: 1 } })
    expect(
      walkOtlpJson(
        bytes({
          resourceLogs: [
            { resource: { attributes: [{ key: 'a', value: nested(33) }] }, scopeLogs: [{ logRecords: [{}, {}] }] },
            { scopeLogs: [{ logRecords: [{}] }] },
          ],
        }),
      ),
    ).toMatchObject({ recordCount: 3, rejected: [0, 1] })
  })
})

describe('a body', () => {
  it('of a wrong type is malformed and the message names the path', () => {
    expect(faultOf(withRecords({}, { severityText: 1 }))).toBe(
      'invalid OTLP JSON: resourceLogs[0].scopeLogs[0].logRecords[1].severityText: expected a string',
    )
    expect(faultOf(withRecords({ body: 'text' }))).toBe(
      'invalid OTLP JSON: resourceLogs[0].scopeLogs[0].logRecords[0].body: expected an object with one value',
    )
    expect(faultOf(withRecords({ attributes: [{ key: 'a', value: { arrayValue: { values: [{}, { intValue: 'x' }] } } }] }))).toBe(
      'invalid OTLP JSON: resourceLogs[0].scopeLogs[0].logRecords[0].attributes[0].value.arrayValue.values[1].intValue: expected a 64-bit integer as string or number',
    )
    expect(faultOf({ resourceLogs: [{ resource: { attributes: [{ key: 'a', value: { boolValue: 'yes' } }] } }] })).toBe(
      'invalid OTLP JSON: resourceLogs[0].resource.attributes[0].value.boolValue: expected true or false',
    )
    expect(faultOf({ resourceLogs: [{ resource: 5 }] })).toBe('invalid OTLP JSON: resourceLogs[0].resource: expected an object')
    expect(faultOf({ resourceLogs: {} })).toBe('invalid OTLP JSON: resourceLogs: expected an array')
    expect(faultOf({ resourceLogs: ['x'] })).toBe('invalid OTLP JSON: resourceLogs[0]: expected an object')
    for (const record of [
      { timeUnixNano: -1 },
      { timeUnixNano: '1.5' },
      { timeUnixNano: '18446744073709551616' },
      { flags: 'x' },
      { severityNumber: 'LOUD' },
      { traceId: 5 },
      { attributes: {} },
      { attributes: [{ key: 1 }] },
      { body: { bytesValue: '!' } },
      { body: { kvlistValue: [] } },
    ]) {
      expect(walkOtlpJson(bytes(withRecords(record))), JSON.stringify(record)).toMatchObject({ ok: false, reason: 'malformed' })
    }
  })

  it('that is no JSON object is malformed; invalid UTF-8 and a byte order mark are not', () => {
    for (const text of ['', 'x', '[]', 'null', '{"resourceLogs":[}', '{} {}', '"a"', '[1', '{"a":1e'])
      expect(walkOtlpJson(bytes(text)), text).toMatchObject({ ok: false, reason: 'malformed' })
    expect(walkOtlpJson(Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), bytes({})]))).toMatchObject({ ok: true })
    expect(
      walkOtlpJson(
        Buffer.concat([bytes('{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"severityText":"'), Buffer.from([0xff]), bytes('"}]}]}]}')]),
      ),
    ).toMatchObject({ ok: true, recordCount: 1 })
  })

  it('beyond the limits is refused before it is parsed', () => {
    for (const [open, close] of [
      ['[', ']'],
      ['{"a":', '}'],
    ]) {
      expect(walkOtlpJson(bytes(`{"x":${open.repeat(5000)}1${close.repeat(5000)}}`))).toMatchObject({
        ok: false,
        reason: 'malformed',
        message: expect.stringContaining('nested'),
      })
    }
    expect(walkOtlpJson(bytes(`{"x":${'['.repeat(5_000_000)}`))).toMatchObject({ ok: false })
    expect(walkOtlpJson(bytes(`{"x":[${'{},'.repeat(2_100_000)}1]}`))).toMatchObject({ ok: false, reason: 'too_large' })
    expect(walkOtlpJson(bytes(`{"x":[${'1,'.repeat(9_000_000)}1]}`))).toMatchObject({ ok: false, reason: 'too_large' })
    expect(walkOtlpJson(bytes(`{"resourceLogs":[{"scopeLogs":[{"logRecords":[${'{},'.repeat(MAX_RECORDS)}{}]}]}]}`))).toMatchObject({
      ok: false,
      reason: 'too_large',
    })
    expect(walkOtlpJson(bytes(`{"x":${'9'.repeat(2_000_000)},"y":["\\"[[","\\\\"]}`))).toMatchObject({ ok: true })
  })

  it('of any JSON or bytes never makes the walk throw', () => {
    const key = fc.constantFrom(
      'resourceLogs',
      'scopeLogs',
      'logRecords',
      'resource',
      'attributes',
      'key',
      'value',
      'body',
      'stringValue',
      'arrayValue',
      'values',
      'traceId',
      'timeUnixNano',
      '__proto__',
    )
    const tree = fc.letrec((tie) => ({
      node: fc.oneof(
        { depthSize: 'medium' },
        fc.jsonValue(),
        fc.array(tie('node'), { maxLength: 3 }),
        fc.dictionary(key, tie('node'), { maxKeys: 4 }),
      ),
    })).node
    fc.assert(
      fc.property(tree, fc.uint8Array({ maxLength: 40 }), fc.nat(200), (value, noise, at) => {
        const body = bytes(JSON.stringify({ resourceLogs: [{ scopeLogs: [{ logRecords: [value] }, value] }, value] }))
        for (const input of [body, noise, Buffer.concat([body.subarray(0, at), noise, body.subarray(at)])]) walkOtlpJson(input)
      }),
      { numRuns: 600 },
    )
  })
})

describe('real exporters', () => {
  it('the recorded bodies are read whole', () => {
    for (const [file, count] of [
      ['js/json_3', 3],
      ['js-node20/json_3', 3],
    ] as const) {
      expect(walkOtlpJson(readFileSync(join(import.meta.dirname, '../../fixtures/clients', `${file}.bin`)))).toMatchObject({
        ok: true,
        recordCount: count,
        rejected: [],
      })
    }
    expect(walkOtlpJson(readFileSync(join(import.meta.dirname, '../../fixtures/clients/otelcol/json_none.bin')))).toMatchObject({
      ok: true,
      rejected: [],
    })
  })

  it('what the OpenTelemetry SDK serialises is counted alike in protobuf and JSON', () => {
    const exporter = new InMemoryLogRecordExporter()
    const provider = new LoggerProvider({
      resource: resourceFromAttributes({ 'service.name': 'shop' }),
      processors: [new SimpleLogRecordProcessor({ exporter })],
    })
    for (const body of ['text', 5, 1.5, true, null, ['a', 1], { a: { b: new Uint8Array([1, 2]) } }])
      provider.getLogger('lib', '1').emit({ body, severityNumber: 9, attributes: { n: 1, list: ['a'], nested: { deep: [1, { x: 'y' }] } } })
    const finished = exporter.getFinishedLogRecords()
    const json = JsonLogsSerializer.serializeRequest(finished) as Uint8Array
    expect(walkOtlpJson(json)).toMatchObject({ ok: true, recordCount: 7, rejected: [] })
    expect(walkProtobuf(ProtobufLogsSerializer.serializeRequest(finished) as Uint8Array)).toMatchObject({
      ok: true,
      recordCount: 7,
      rejected: [],
    })
  })
})
