// Traces over HTTP alone: what the JavaScript SDK's exporters send is stored as it was, and a shop that is known by spans only is
// explained by them.
import { context, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { OTLPTraceExporter as JsonExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { OTLPTraceExporter as ProtobufExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import { JsonTraceSerializer, ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { SimpleSpanProcessor, TracerProvider, type ReadableSpan } from '@opentelemetry/sdk-trace'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { until } from '../../bench/load/product.ts'
import { seededRandom, shopTraces, type ShopSpan } from '../support/span-shop.ts'
import { openTarget, type Target } from '../support/target.ts'

let product: Target
beforeAll(async () => {
  product = await openTarget()
})
afterAll(async () => {
  await product.dispose()
})
const read = async <T>(path: string): Promise<T> => {
  const response = await product.api(path)
  expect(response.status, await response.clone().text()).toBe(200)
  return (await response.json()) as T
}

describe("the SDK's exporters", () => {
  it.each([
    ['protobuf', ProtobufExporter],
    ['json', JsonExporter],
  ] as const)('%s: every span is stored once and as it was', async (encoding, Exporter) => {
    const [caller, callee] = [`sdk-web-${encoding}`, `sdk-cart-${encoding}`]
    const exporter = new Exporter({ url: `${product.addresses().otlp}/v1/traces`, headers: { Authorization: `Bearer ${product.token}` } })
    const tracerOf = (service: string) => {
      const provider = new TracerProvider({
        resource: resourceFromAttributes({ 'service.name': service }),
        spanProcessors: [new SimpleSpanProcessor({ exporter })],
      })
      return { provider, tracer: provider.getTracer('shop', '1') }
    }
    const [web, cart] = [tracerOf(caller), tracerOf(callee)]
    const startTime = Date.now() - 5000
    const root = web.tracer.startSpan('GET /cart', { kind: SpanKind.SERVER, startTime }, ROOT_CONTEXT)
    const out = web.tracer.startSpan(
      'call',
      { kind: SpanKind.CLIENT, startTime: startTime + 1, attributes: { 'peer.service': callee } },
      trace.setSpan(ROOT_CONTEXT, root),
    )
    const inside = cart.tracer.startSpan(
      'serve',
      { kind: SpanKind.SERVER, startTime: startTime + 2 },
      trace.setSpanContext(ROOT_CONTEXT, { ...out.spanContext(), isRemote: true }),
    )
    inside.addEvent('cache miss')
    inside.setStatus({ code: SpanStatusCode.ERROR, message: 'no' })
    inside.end(startTime + 30)
    out.end(startTime + 31)
    root.end(startTime + 32)
    for (const { provider } of [web, cart]) {
      await provider.forceFlush()
      await provider.shutdown()
    }
    const stored = () =>
      product.select<
        Record<string, unknown>
      >(`SELECT ServiceName, SpanName, toString(SpanKind) AS kind, toString(StatusCode) AS status, IsEntry, PeerService, Duration, toUnixTimestamp64Milli(Timestamp) AS at,
      lower(hex(TraceId)) AS trace, lower(hex(SpanId)) AS span, lower(hex(ParentSpanId)) AS parent FROM otel_spans WHERE tenant = 'default' AND ServiceName IN ('${caller}', '${callee}') ORDER BY Timestamp`)
    await until('the spans are stored', 15_000, async () => (await stored()).length >= 3)
    const { traceId } = root.spanContext()
    const [rootId, outId, insideId] = [root, out, inside].map((span) => span.spanContext().spanId)
    expect(await stored()).toEqual([
      {
        ServiceName: caller,
        SpanName: 'GET /cart',
        kind: 'Server',
        status: 'Unset',
        IsEntry: 1,
        PeerService: '',
        Duration: 32_000_000,
        at: startTime,
        trace: traceId,
        span: rootId,
        parent: '0'.repeat(16),
      },
      {
        ServiceName: caller,
        SpanName: 'call',
        kind: 'Client',
        status: 'Unset',
        IsEntry: 0,
        PeerService: callee,
        Duration: 30_000_000,
        at: startTime + 1,
        trace: traceId,
        span: outId,
        parent: rootId,
      },
      {
        ServiceName: callee,
        SpanName: 'serve',
        kind: 'Server',
        status: 'Error',
        IsEntry: 1,
        PeerService: '',
        Duration: 28_000_000,
        at: startTime + 2,
        trace: traceId,
        span: insideId,
        parent: outId,
      },
    ])
    context.disable()
  })
})

const hrTime = (ms: number): [number, number] => [Math.floor(ms / 1000), Math.round((ms % 1000) * 1e6)]
const readable = (span: ShopSpan): ReadableSpan => {
  const context = (spanId: string) => ({ traceId: span.traceId, spanId, traceFlags: 1 })
  return {
    name: span.name,
    kind: span.kind === 'server' ? SpanKind.SERVER : SpanKind.CLIENT,
    spanContext: () => context(span.spanId),
    startTime: hrTime(span.startMs),
    endTime: hrTime(span.endMs),
    duration: hrTime(span.endMs - span.startMs),
    ended: true,
    ...(span.parentSpanId === '' ? {} : { parentSpanContext: context(span.parentSpanId) }),
    status: { code: span.failed ? SpanStatusCode.ERROR : SpanStatusCode.UNSET },
    attributes: {},
    links: [],
    events: [],
    resource: resources.get(span.service)!,
    instrumentationScope: { name: 'shop' },
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  }
}
const named = (service: string): string => `spans-${service}`
const resources = new Map(
  ['web', 'cart', 'orders', 'search', 'payments', 'stock'].map((service) => [
    service,
    resourceFromAttributes({ 'service.name': named(service) }),
  ]),
)

describe('a shop that sends nothing but spans', () => {
  it('has its fault noticed, and the service at fault named first, with edges by spans', async () => {
    const nowMs = Math.floor(Date.now() / 10_000) * 10_000
    const traces = shopTraces({
      fromMs: nowMs - 20 * 60_000,
      toMs: nowMs,
      tracesPerSecond: 3,
      fault: { service: 'payments', kind: 'errors', fromMs: nowMs - 3 * 60_000 },
      random: seededRandom(7),
    })
    for (let at = 0; at < traces.length; at += 200) {
      const isJson = (at / 200) % 2 === 1
      const body = (isJson ? JsonTraceSerializer : ProtobufTraceSerializer).serializeRequest(
        traces
          .slice(at, at + 200)
          .flat()
          .map(readable),
      ) as Uint8Array<ArrayBuffer>
      const answer = await fetch(`${product.addresses().otlp}/api/v1/otlp/v1/traces`, {
        method: 'POST',
        headers: { authorization: `Bearer ${product.token}`, 'content-type': isJson ? 'application/json' : 'application/x-protobuf' },
        body,
      })
      expect([answer.status, isJson ? await answer.json() : (await answer.arrayBuffer()).byteLength]).toEqual([
        200,
        isJson ? { partialSuccess: {} } : 0,
      ])
    }
    const count = traces.flat().length
    await until(
      'the spans are stored',
      30_000,
      async () =>
        (
          await product.select<{ n: number }>(
            `SELECT count() AS n FROM otel_spans WHERE tenant = 'default' AND startsWith(ServiceName, 'spans-')`,
          )
        )[0].n === count,
    )

    interface Incident {
      readonly id: string
      readonly services: readonly string[]
    }
    let incident: Incident | undefined
    await until(
      'an incident is open',
      60_000,
      async () =>
        (incident = (await read<{ incidents: Incident[] }>('/api/v1/incidents')).incidents.find((one) =>
          one.services.includes(named('payments')),
        )) !== undefined,
    )
    interface Analysis {
      readonly verdict: { readonly cause: { readonly service: string; readonly kind: string } | null }
      readonly causes: readonly {
        readonly service: string
        readonly evidence: readonly { readonly kind: string; readonly statement: string; readonly link: string }[]
      }[]
    }
    // Signals of the callers join within the same rounds.
    await until(
      'the callers have joined',
      30_000,
      async () => (await read<Incident>(`/api/v1/incidents/${incident!.id}`)).services.length >= 2,
    )
    const analysis = await read<Analysis>(`/api/v1/incidents/${incident!.id}/analysis`)
    expect(analysis.verdict.cause).toMatchObject({ service: named('payments'), kind: 'errors' })
    expect(analysis.causes[0].service).toBe(named('payments'))
    expect(analysis.causes[0].evidence.map(({ statement }) => statement)).toContainEqual(
      expect.stringMatching(/^spans-orders calls spans-payments: \d+ calls, \d+ of which failed by their spans \(for example [0-9a-f]{32}/),
    )
    // Whatever is told as evidence can be asked for.
    for (const { link } of analysis.causes.flatMap((cause) => cause.evidence)) await read(link)

    const blast = await read<{
      root: string
      impacted: { service: string; relation: string }[]
      edges: { from: string; to: string; kind: string; evidence: { kind: string }[] }[]
    }>(`/api/v1/context/incident/${incident!.id}/blast`)
    expect(blast.root).toBe(named('payments'))
    expect(blast.impacted.map(({ service, relation }) => [service, relation])).toEqual([
      [named('orders'), 'downstream'],
      [named('web'), 'downstream'],
    ])
    expect(blast.edges.find((edge) => edge.from === named('orders') && edge.to === named('payments'))?.evidence[0].kind).toBe('span')

    const series = await read<{ points: { value: number }[] }>(
      `/api/v1/series?service=${named('payments')}&metric=${encodeURIComponent('span.error_rate{serve payments}')}&from=${new Date(nowMs - 180_000).toISOString()}&to=${new Date(nowMs).toISOString()}`,
    )
    expect(series.points.length).toBeGreaterThan(5)
  }, 180_000)
})
