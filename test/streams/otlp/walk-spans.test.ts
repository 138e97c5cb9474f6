import { JsonTraceSerializer, ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseOtlpJsonSpans } from '../../../streams/otlp/otlp-json-spans.ts'
import { splitOtlpJsonSpans } from '../../../streams/otlp/split-json.ts'
import { splitProtobufSpans } from '../../../streams/otlp/split-protobuf.ts'
import { assemble } from '../../../streams/otlp/split.ts'
import { walkOtlpJsonSpans } from '../../../streams/otlp/walk-json.ts'
import { walkProtobufSpans } from '../../../streams/otlp/walk-protobuf.ts'
import { bytesField, encodeRequest, fixed32Field, tag, varintField } from '../../support/otlp-encode.ts'
import type { TestSpan, TestValue } from '../../support/otlp-encode.ts'

const traceId = new Uint8Array(16).fill(7)
const spanId = new Uint8Array(8).fill(8)
const good: TestSpan = { traceId, spanId, name: 'GET /cart', kind: 2, startTimeUnixNano: 1n, endTimeUnixNano: 3n }
const bodyOf = (...spans: TestSpan[]): Uint8Array => encodeRequest({ resourceSpans: [{ scopeSpans: [{ spans }] }] })
const json = (...spans: object[]): Uint8Array => Buffer.from(JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans }] }] }))
const nested = (levels: number): TestValue => (levels === 1 ? { stringValue: 'x' } : { arrayValue: { values: [nested(levels - 1)] } })
const nestedJson = (levels: number): object => (levels === 1 ? { stringValue: 'x' } : { arrayValue: { values: [nestedJson(levels - 1)] } })

describe('the walk of a protobuf trace request', () => {
  it('rejects a span for its ids alone, one by one', () => {
    const spans: TestSpan[] = [
      good,
      { ...good, traceId: new Uint8Array(15).fill(1) },
      { ...good, traceId: new Uint8Array(16) },
      { ...good, traceId: new Uint8Array(0) },
      { ...good, spanId: new Uint8Array(8) },
      { ...good, spanId: new Uint8Array(9).fill(1) },
      { ...good, parentSpanId: new Uint8Array(7).fill(1) },
      { ...good, parentSpanId: new Uint8Array(8) },
      { ...good, parentSpanId: spanId },
      { spanId, name: 'no trace' },
      { traceId, name: 'no id' },
    ]
    expect(walkProtobufSpans(bodyOf(...spans))).toMatchObject({
      ok: true,
      recordCount: 11,
      rejected: [1, 2, 3, 4, 5, 6, 9, 10],
      reasons: { invalid_trace_id: 4, invalid_span_id: 3, invalid_parent_span_id: 1 },
    })
  })

  it('takes the last of a repeated id', () => {
    expect(
      walkProtobufSpans(bodyOf({ ...good, traceId: [new Uint8Array(3), traceId] }, { ...good, spanId: [spanId, new Uint8Array(2)] })),
    ).toMatchObject({ rejected: [1] })
  })

  it('rejects a span that is too large or too deep, in attributes, events and links', () => {
    const deep = [{ key: 'k', value: nested(33) }]
    const spans: TestSpan[] = [
      { ...good, name: 'x'.repeat(1024 * 1024) },
      { ...good, attributes: deep },
      { ...good, events: [{ attributes: deep }] },
      { ...good, links: [{ attributes: deep }] },
      {
        ...good,
        attributes: [{ key: 'k', value: nested(32) }],
        events: [{ name: 'e', timeUnixNano: 5n, attributes: [{ key: 'k', value: nested(32) }] }],
        links: [{ traceId, spanId, flags: 3 }],
        status: { code: 2, message: 'no' },
        flags: 0x301,
      },
    ]
    expect(walkProtobufSpans(bodyOf(...spans))).toMatchObject({
      rejected: [0, 1, 2, 3],
      reasons: { record_too_large: 1, nesting_too_deep: 3 },
    })
    const resource = { attributes: deep }
    expect(
      walkProtobufSpans(
        encodeRequest({ resourceSpans: [{ resource, scopeSpans: [{ spans: [good, good] }] }, { scopeSpans: [{ spans: [good] }] }] }),
      ),
    ).toMatchObject({ rejected: [0, 1] })
  })

  it.each(['spec', 'collector', 'shuffled'] as const)('says the same in %s order, with unknown fields between', (order) => {
    const spans = [
      good,
      { ...good, spanId: new Uint8Array(3) },
      { ...good, attributes: [{ key: 'a', value: { intValue: 5n } }], status: { code: 2 } },
    ]
    expect(
      walkProtobufSpans(
        encodeRequest({ resourceSpans: [{ resource: {}, scopeSpans: [{ scope: { name: 's' }, spans }] }] }, { order, unknownFields: true }),
      ),
    ).toMatchObject({ recordCount: 3, rejected: [1] })
  })

  it.each(
    Object.entries({
      'a kind of wrong type': bodyOf({ ...good, raw: bytesField(6, 'x') }),
      'flags of wrong type': bodyOf({ ...good, raw: varintField(16, 1) }),
      'a group': bodyOf({ ...good, raw: tag(77, 3) }),
      'a name past the end': bodyOf({ ...good, raw: bytesField(5, 'x', 9) }),
      'an event of wrong shape': bodyOf({ ...good, events: [{ raw: varintField(3, 1) }] }),
      'a link past the end': bodyOf({ ...good, links: [{ raw: bytesField(1, 'x', 4) }] }),
      'a status code of wrong type': bodyOf({ ...good, status: { raw: bytesField(3, 'x') } }),
      'an event cut in its time': bodyOf({ ...good, events: [{ raw: Uint8Array.of(9, 1, 2) }] }),
      'link flags cut': bodyOf({ ...good, links: [{ raw: fixed32Field(6, 1).subarray(0, 3) }] }),
      'spans as varint': encodeRequest({ resourceSpans: [{ scopeSpans: [{ raw: varintField(2, 1) }] }] }),
    }),
  )('refuses a body with %s as a whole', (_name, body) => {
    expect(walkProtobufSpans(body)).toMatchObject({ ok: false, reason: 'malformed' })
  })

  it('never throws, whatever the bytes', () => {
    const whole = bodyOf(good, {
      ...good,
      attributes: [{ key: 'k', value: nested(4) }],
      events: [{ name: 'e' }],
      links: [{ traceId }],
      status: { code: 2 },
      flags: 1,
    })
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.uint8Array({ minLength: 1, maxLength: 4 }), (at, noise) => {
        const body = Uint8Array.from(whole)
        body.set(noise.subarray(0, whole.length - at), at)
        const walk = walkProtobufSpans(body)
        return !walk.ok || walk.rejected.length <= walk.recordCount
      }),
      { numRuns: 2000 },
    )
  })
})

describe('the walk of a JSON trace request', () => {
  const span = { traceId: '5B8EFFF798038103D269B633813FC60C', spanId: 'eee19b7ec3c1b174', name: 'n' }
  it('rejects the same spans as in protobuf', () => {
    const spans = [
      span,
      { ...span, traceId: 'ab' },
      { ...span, traceId: '0'.repeat(32) },
      { ...span, traceId: '' },
      { ...span, spanId: '0'.repeat(16) },
      { ...span, spanId: 'x'.repeat(16) },
      { ...span, parentSpanId: 'abc' },
      { ...span, parentSpanId: '0'.repeat(16) },
      { ...span, parentSpanId: null },
      { spanId: span.spanId },
      { traceId: span.traceId },
      { ...span, attributes: [{ key: 'k', value: nestedJson(33) }] },
      { ...span, events: [{ name: 'e', attributes: [{ key: 'k', value: nestedJson(33) }] }] },
      { ...span, name: 'x'.repeat(1024 * 1024 + 1) },
    ]
    expect(walkOtlpJsonSpans(json(...spans))).toMatchObject({ recordCount: 14, rejected: [1, 2, 3, 4, 5, 6, 9, 10, 11, 12, 13] })
  })

  it('reads both names of every field, and enums by name', () => {
    const camel = {
      traceId: span.traceId,
      spanId: span.spanId,
      parentSpanId: 'eee19b7ec3c1b175',
      name: 'n',
      kind: 2,
      startTimeUnixNano: '1',
      endTimeUnixNano: 2,
      flags: 769,
      status: { code: 2 },
    }
    const snake = {
      trace_id: span.traceId,
      span_id: span.spanId,
      parent_span_id: 'eee19b7ec3c1b175',
      name: 'n',
      kind: 'SPAN_KIND_SERVER',
      start_time_unix_nano: 1,
      end_time_unix_nano: '2',
      flags: 769,
      status: { code: 'STATUS_CODE_ERROR', message: null },
    }
    const parsed = [
      { resourceSpans: [{ scopeSpans: [{ spans: [camel] }] }] },
      { resource_spans: [{ scope_spans: [{ spans: [snake] }] }] },
    ].map((request) => parseOtlpJsonSpans(Buffer.from(JSON.stringify(request))))
    const [one, two] = parsed.map((each) => (each.ok ? each.value.resources[0].scopes[0].records[0] : null))
    expect(one).toMatchObject({
      startTimeUnixNano: 1n,
      endTimeUnixNano: 2n,
      kind: 2,
      statusCode: 2,
      flags: 769,
      traceId: span.traceId.toLowerCase(),
      reject: null,
    })
    expect(two).toEqual(one)
  })

  it('names the path of a wrong type', () => {
    const faults = [
      { ...span, name: 5 },
      { ...span, status: 'bad' },
      { ...span, status: { code: {} } },
      { ...span, events: {} },
      { ...span, startTimeUnixNano: -1 },
    ].map((one) => walkOtlpJsonSpans(json(one)))
    expect(
      faults.map((walk) =>
        walk.ok
          ? 'ok'
          : walk.message.replace('invalid OTLP JSON: resourceSpans[0].scopeSpans[0].spans[0].', '').replace(/: expected.*/, ''),
      ),
    ).toEqual(['name', 'status', 'status.code', 'events', 'startTimeUnixNano'])
  })
})

it('what the SDK sends is accepted, in both encodings', () => {
  const exporter = new InMemorySpanExporter()
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'cart' }),
    spanProcessors: [new SimpleSpanProcessor({ exporter })],
  })
  const span = provider.getTracer('t', '1').startSpan('GET /', {
    kind: 1,
    attributes: { 'http.request.method': 'GET', sizes: [1, 2] },
    links: [{ context: { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 1 } }],
  })
  span.addEvent('cache miss', { key: 'k' })
  span.recordException(new Error('no'))
  span.setStatus({ code: 2, message: 'no' })
  span.end()
  const spans = exporter.getFinishedSpans()
  expect(spans).toHaveLength(1)
  expect(walkProtobufSpans(ProtobufTraceSerializer.serializeRequest(spans) as Uint8Array)).toMatchObject({
    ok: true,
    recordCount: 1,
    rejected: [],
  })
  expect(walkOtlpJsonSpans(JsonTraceSerializer.serializeRequest(spans) as Uint8Array)).toMatchObject({
    ok: true,
    recordCount: 1,
    rejected: [],
  })
})

describe('a trace request that is larger than a message', () => {
  const many = Array.from({ length: 200 }, (_, i): TestSpan => ({ ...good, name: `span ${i}` }))
  it('is cut between spans, each piece with its resource', () => {
    const body = encodeRequest({
      resourceSpans: [
        {
          resource: { attributes: [{ key: 'service.name', value: { stringValue: 'shop' } }] },
          scopeSpans: [{ scope: { name: 's' }, spans: many }],
        },
      ],
    })
    const cut = splitProtobufSpans(body, [3], 2000)
    if (!cut.ok) throw new Error(cut.message)
    const pieces = cut.pieces.map((piece) => Buffer.from(assemble(body, piece)))
    expect(pieces.length).toBeGreaterThan(5)
    expect(pieces.every((piece) => piece.length <= 2000 && piece.includes('shop'))).toBe(true)
    expect(cut.pieces.reduce((sum, piece) => sum + piece.recordCount, 0)).toBe(199)
  })
  it('is cut as JSON, too', () => {
    const body = Buffer.from(
      JSON.stringify({
        resourceSpans: [
          {
            resource: { attributes: [] },
            scopeSpans: [{ spans: many.map(({ name }) => ({ traceId: 'ab'.repeat(16), spanId: 'cd'.repeat(8), name })) }],
          },
        ],
      }),
    )
    const cut = splitOtlpJsonSpans(body, [], 2000)
    if (!cut.ok) throw new Error(cut.message)
    expect(cut.pieces.reduce((sum, piece) => sum + piece.recordCount, 0)).toBe(200)
    expect(cut.pieces.map((piece) => walkOtlpJsonSpans(assemble(body, piece))).every((walk) => walk.ok && walk.rejected.length === 0)).toBe(
      true,
    )
  })
})
