// Spans as rows of otel_spans: read back from the block, from protobuf in any field order and from JSON alike.
import { describe, expect, it } from 'vitest'
import { createDecoder, decodeBatch } from '../../../analytics/decode/decode.ts'
import type { DecodeOutput } from '../../../analytics/decode-contract.ts'
import { MAX_OPERATIONS } from '../../../analytics/series/span-partials.ts'
import { bytesField, encodeRequest } from '../../support/otlp-encode.ts'
import type { EncodeOptions, TestRequest, TestResourceSpans, TestSpan } from '../../support/otlp-encode.ts'
import { readNativeRows } from '../../support/native-read.ts'
import { nanos, NOW_MS, partialsOf, rangeOf, rowsOf } from './support.ts'

const traceId = Uint8Array.from({ length: 16 }, (_, i) => i + 1)
const idOf = (n: number): Uint8Array => Uint8Array.of(0, 0, 0, 0, 0, 0, n >> 8, n & 255)
const TRACE = Buffer.from(traceId).toString('hex')
const START = nanos(NOW_MS)
const of = (service: string, spans: readonly TestSpan[]): TestResourceSpans => ({
  resource: { attributes: [{ key: 'service.name', value: { stringValue: service } }] },
  scopeSpans: [{ scope: { name: 's' }, spans }],
})
const span = (n: number, changes: Partial<TestSpan> = {}): TestSpan => ({
  traceId,
  spanId: idOf(n),
  name: 'GET /cart',
  kind: 2,
  startTimeUnixNano: START,
  endTimeUnixNano: START + 5_000_000n,
  ...changes,
})
const decode = (request: TestRequest, options: EncodeOptions = {}, rejected: readonly number[] = []): DecodeOutput =>
  decodeBatch(rangeOf([{ body: encodeRequest(request, options), envelope: { signal: 'otlp_traces', rejected } }]))
const spansOf = (output: DecodeOutput): Record<string, unknown>[] => (output.spans === null ? [] : readNativeRows(output.spans))
const picked = (output: DecodeOutput, ...names: string[]): unknown[] => spansOf(output).map((row) => names.map((name) => row[name]))

describe('a span', () => {
  it.each(['spec', 'collector', 'shuffled'] as const)('is one row with what it says, its fields in %s order', (order) => {
    const output = decode(
      {
        resourceSpans: [
          of('cart', [
            span(1, {
              parentSpanId: idOf(9),
              kind: 3,
              status: { code: 2, message: 'no' },
              traceState: 'a=b',
              attributes: [
                { key: 'http.route', value: { stringValue: '/cart' } },
                { key: 'peer.service', value: { stringValue: 'db' } },
              ],
              events: [{ name: 'e', timeUnixNano: 1n }],
              links: [{ traceId, spanId: idOf(3) }],
              flags: 1,
            }),
          ]),
        ],
      },
      { order, unknownFields: true },
    )
    expect(output.poison).toEqual([])
    expect(spansOf(output)).toEqual([
      {
        Timestamp: START,
        Duration: 5_000_000n,
        TraceId: TRACE,
        SpanId: '0000000000000001',
        ParentSpanId: '0000000000000009',
        ServiceName: 'cart',
        SpanName: 'GET /cart',
        SpanKind: 'Client',
        StatusCode: 'Error',
        IsEntry: 0,
        PeerService: 'db',
        tenant: 'default',
        receive_day: Math.floor(NOW_MS / 86_400_000),
        log_id: '0123456789abcdef0123456789abcdef',
        log_partition: 1,
        log_offset: 100n,
        record_index: 0,
      },
    ])
  })

  it('is the same from JSON as from protobuf', () => {
    const request = (id: (bytes: Uint8Array) => unknown, time: (ns: bigint) => unknown) => ({
      resourceSpans: [
        {
          resource: { attributes: [{ key: 'service.name', value: { stringValue: 'a' } }] },
          scopeSpans: [
            {
              spans: [
                {
                  traceId: id(traceId),
                  spanId: id(idOf(1)),
                  name: 'ü'.repeat(200),
                  kind: 2,
                  startTimeUnixNano: time(START),
                  endTimeUnixNano: time(START + 7n),
                  status: { code: 1 },
                  flags: 0x301,
                  parentSpanId: id(idOf(4)),
                },
                {
                  traceId: id(traceId),
                  spanId: id(idOf(2)),
                  kind: 99,
                  startTimeUnixNano: time(0n),
                  endTimeUnixNano: time(9n),
                  status: { code: 77 },
                  attributes: [
                    { key: 'service.peer.name', value: { stringValue: 'x' } },
                    { key: 'peer.service', value: { intValue: 5n } },
                  ],
                },
                {
                  traceId: id(traceId),
                  spanId: id(idOf(3)),
                  name: 'n',
                  kind: 1,
                  parentSpanId: id(idOf(1)),
                  startTimeUnixNano: time(START),
                  endTimeUnixNano: time(START - 1n),
                },
              ],
            },
          ],
        },
        {
          scopeSpans: [
            { spans: [{ traceId: id(traceId), spanId: id(idOf(5)), startTimeUnixNano: time(START), endTimeUnixNano: time(START) }] },
          ],
        },
      ],
    })
    const protobuf = decode(
      request(
        (bytes) => bytes,
        (ns) => ns,
      ) as TestRequest,
    )
    const text = JSON.stringify(
      request((bytes) => Buffer.from(bytes).toString('hex'), String),
      (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value),
    )
    const json = decodeBatch(rangeOf([{ body: text, envelope: { signal: 'otlp_traces', format: 'json' } }]))
    expect(json.poison).toEqual([])
    expect(spansOf(json)).toEqual(spansOf(protobuf))
    expect(partialsOf(json)).toEqual(partialsOf(protobuf))
    expect(picked(json, 'ServiceName', 'SpanKind', 'StatusCode', 'IsEntry', 'PeerService', 'Duration')).toEqual([
      ['a', 'Server', 'Ok', 1, '', 7n],
      ['a', 'Unspecified', 'Unset', 1, 'x', 0n],
      ['a', 'Internal', 'Unset', 0, '', 0n],
      ['unknown_service', 'Unspecified', 'Unset', 1, '', 0n],
    ])
    expect(spansOf(json)[0].SpanName).toBe('ü'.repeat(100))
  })

  it('is an entry where its service was asked, or asked itself', () => {
    const kinds = [
      [0, 5],
      [1, 5],
      [2, 5],
      [3, 5],
      [4, 5],
      [5, 5],
      [1, 0],
      [3, 0],
    ].map(([kind, parent], i) => span(i + 1, { kind, parentSpanId: idOf(parent) }))
    const remote = [0x300, 0x100, 0x200].map((flags, i) => span(i + 20, { kind: 1, parentSpanId: idOf(5), flags }))
    expect(spansOf(decode({ resourceSpans: [of('a', [...kinds, ...remote])] })).map((row) => row.IsEntry)).toEqual([
      1, 0, 1, 0, 0, 1, 1, 1, 1, 0, 0,
    ])
  })

  it('begins when it was received where its time is not believed, and takes no time where it ends beyond belief', () => {
    const day = 86_400_000_000_000n
    const output = decode({
      resourceSpans: [
        of('a', [
          span(1, { startTimeUnixNano: START + 2n * day, endTimeUnixNano: START + 2n * day + 3n }),
          span(2, { startTimeUnixNano: START - 40n * day, endTimeUnixNano: START }),
          span(3, { startTimeUnixNano: 0n, endTimeUnixNano: START }),
          span(4, { endTimeUnixNano: START + 2n * day }),
          span(5, { startTimeUnixNano: 2n ** 64n - 1n, endTimeUnixNano: 2n ** 64n - 1n }),
          span(6, { startTimeUnixNano: START - 2n ** 33n, endTimeUnixNano: START }),
        ]),
      ],
    })
    expect(picked(output, 'Timestamp', 'Duration')).toEqual([
      [START, 3n],
      [START, 0n],
      [START, 0n],
      [START, 0n],
      [START, 0n],
      [START - 2n ** 33n, 2n ** 33n],
    ])
  })

  it('is left out where the walk rejected it, and keeps the number that it has there', () => {
    expect(
      picked(
        decode({ resourceSpans: [of('a', [span(1), span(2), span(3)]), of('b', [span(4), span(5)])] }, {}, [1, 3]),
        'SpanId',
        'record_index',
      ),
    ).toEqual([
      ['0000000000000001', 0],
      ['0000000000000003', 2],
      ['0000000000000005', 4],
    ])
  })
})

describe('a range with spans and logs', () => {
  const logs = { resourceLogs: [{ scopeLogs: [{ logRecords: [{ timeUnixNano: START, severityNumber: 17 }] }] }] }
  it('gives a block of each and one of partials, and sets a broken message aside alone', () => {
    const decoder = createDecoder()
    const range = rangeOf([
      { body: encodeRequest(logs) },
      { body: encodeRequest({ resourceSpans: [of('a', [span(1)])] }), envelope: { signal: 'otlp_traces' } },
      {
        body: encodeRequest({ resourceSpans: [of('a', [span(2)]), { scopeSpans: [{ spans: [span(3)], raw: bytesField(2, 'x', 99) }] }] }),
        envelope: { signal: 'otlp_traces' },
      },
      { body: encodeRequest({ resourceSpans: [of('a', [span(4)])] }), envelope: { signal: 'otlp_traces', tenant: 'other' } },
      { body: encodeRequest(logs) },
    ])
    for (let round = 0; round < 2; round++) {
      const output = decoder(range)
      expect(output.poison).toMatchObject([{ offset: 102, reason: 'malformed' }])
      expect([output.logRows, output.spanRows, output.partialRows]).toEqual([2, 2, 3])
      expect(rowsOf(output).map((row) => row.log_offset)).toEqual([100n, 104n])
      expect(picked(output, 'log_offset', 'tenant', 'SpanId')).toEqual([
        [101n, 'default', '0000000000000001'],
        [103n, 'other', '0000000000000004'],
      ])
      expect(partialsOf(output).map((row) => [row.tenant, row.service, row.templates.length])).toEqual([
        ['default', 'unknown_service', 1],
        ['default', 'a', 0],
        ['other', 'a', 0],
      ])
    }
  })

  it('grows beyond its first capacity', () => {
    const output = decode({
      resourceSpans: [
        of(
          'a',
          Array.from({ length: 3000 }, (_, i) => span(i + 1, { name: `op ${i}` })),
        ),
      ],
    })
    expect(picked(output, 'SpanId', 'SpanName').at(-1)).toEqual(['0000000000000bb8', 'op 2999'])
  })
})

describe('series of spans', () => {
  const metricsOf = (output: DecodeOutput) =>
    partialsOf(output).map((row) => [
      row.service,
      row.bucket,
      Object.fromEntries(row.metric.map((name, i) => [name, [Number(row.count[i]), row.sum[i], row.min[i], row.max[i], row.sum_sq[i]]])),
    ])
  it('count entries, failures and milliseconds by the time when they end, of the service and of each operation', () => {
    const output = decode({
      resourceSpans: [
        of('a', [
          span(1),
          span(2, { status: { code: 2 }, endTimeUnixNano: START + 3_000_000n }),
          span(3, { name: 'POST /cart', endTimeUnixNano: START }),
          span(4, { kind: 1, parentSpanId: idOf(1) }),
          span(5, { name: 'POST /cart', startTimeUnixNano: START, endTimeUnixNano: START + 9_000_000_000n, status: { code: 1 } }),
        ]),
      ],
    })
    const bucket = Math.floor(NOW_MS / 10_000) * 10
    expect(metricsOf(output)).toEqual([
      [
        'a',
        bucket,
        {
          'span.rate': [3, 3, 1, 1, 3],
          'span.error_rate': [1, 1, 1, 1, 1],
          'span.duration': [2, 8, 3, 5, 34],
          'span.rate{GET /cart}': [2, 2, 1, 1, 2],
          'span.error_rate{GET /cart}': [1, 1, 1, 1, 1],
          'span.duration{GET /cart}': [2, 8, 3, 5, 34],
          'span.rate{POST /cart}': [1, 1, 1, 1, 1],
        },
      ],
      [
        'a',
        bucket + 10,
        {
          'span.rate': [1, 1, 1, 1, 1],
          'span.duration': [1, 9000, 9000, 9000, 81_000_000],
          'span.rate{POST /cart}': [1, 1, 1, 1, 1],
          'span.duration{POST /cart}': [1, 9000, 9000, 9000, 81_000_000],
        },
      ],
    ])
  })

  it('bound the operations of a service: what comes later, and what has no name, is other', () => {
    const output = decode({
      resourceSpans: [
        of('a', [span(1, { name: '' }), ...Array.from({ length: MAX_OPERATIONS + 9 }, (_, i) => span(i + 2, { name: `op ${i}` }))]),
        of('b', [span(99, { name: 'op 55' })]),
      ],
    })
    const [a, b] = partialsOf(output)
    expect(a.metric.filter((name) => name.startsWith('span.rate{'))).toHaveLength(MAX_OPERATIONS + 1)
    expect(Number(a.count[a.metric.indexOf('span.rate{other}')])).toBe(10)
    expect(b.metric).toContain('span.rate{op 55}')
  })

  it('have no row where no span is an entry', () => {
    const output = decode({ resourceSpans: [of('a', [span(1, { kind: 1, parentSpanId: idOf(3) })])] })
    expect([output.spanRows, output.partialRows, output.partials]).toEqual([1, 0, null])
  })
})
