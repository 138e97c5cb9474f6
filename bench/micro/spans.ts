// Question: how much CPU does one million spans take, to be walked as ingest does and from wire bytes to ready Native blocks, partials
// included? And does the walk of logs cost more in a process that walks spans as well? Corpus: 1,000 spans over 8 services per request, as the
// JavaScript SDK writes them (ten attributes, one event in ten, half of them servers), 50 requests per range. Asserts that no span is lost.
// Run: node bench/micro/spans.ts [ranges]
import { ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { createDecoder } from '../../analytics/decode/decode.ts'
import type { DecodeInput } from '../../analytics/decode-contract.ts'
import { walkProtobuf, walkProtobufSpans } from '../../streams/otlp/walk-protobuf.ts'
import type { Walk } from '../../streams/otlp/walk.ts'
import { createCorpus } from '../load/body.ts'

const REQUESTS = 50
const SPANS = 1000
const ranges = Number(process.argv[2] ?? 20)
const nowMs = Date.now()

const hex = (n: number, digits: number): string =>
  (Math.imul(n + 1, 0x9e3779b1) >>> 0)
    .toString(16)
    .padStart(8, '0')
    .repeat(digits / 8)
const resources = Array.from({ length: 8 }, (_, n) =>
  resourceFromAttributes({
    'service.name': `service-${n}`,
    'service.version': '1.4.2',
    'host.name': `host-${n}`,
    'k8s.pod.name': `pod-${n}-abcde`,
  }),
)
const bodyOf = (request: number): Uint8Array =>
  ProtobufTraceSerializer.serializeRequest(
    Array.from({ length: SPANS }, (_, n) => {
      const id = request * SPANS + n
      const startMs = nowMs - 60_000 + n
      const isServer = n % 2 === 0
      return {
        name: isServer ? `GET /api/v1/items/${n % 12}` : 'SELECT shop.items',
        kind: isServer ? 1 : 2,
        spanContext: () => ({ traceId: hex(Math.floor(id / 10), 32), spanId: hex(id, 16), traceFlags: 1 }),
        ...(n % 10 === 0 ? {} : { parentSpanContext: { traceId: hex(Math.floor(id / 10), 32), spanId: hex(id - 1, 16), traceFlags: 1 } }),
        startTime: [Math.floor(startMs / 1000), (startMs % 1000) * 1e6] as [number, number],
        endTime: [Math.floor((startMs + 20) / 1000), ((startMs + 20) % 1000) * 1e6] as [number, number],
        duration: [0, 2e7] as [number, number],
        ended: true,
        status: { code: n % 50 === 0 ? 2 : 0 },
        links: [],
        events:
          n % 10 === 0
            ? [{ name: 'cache miss', time: [Math.floor(startMs / 1000), 0] as [number, number], attributes: { key: 'item' } }]
            : [],
        attributes: {
          'http.request.method': 'GET',
          'url.path': `/api/v1/items/${id}`,
          'url.scheme': 'https',
          'server.address': 'shop.example',
          'server.port': 443,
          'http.response.status_code': 200,
          'network.peer.address': '10.1.2.3',
          'user_agent.original': 'curl/8.5.0',
          'http.route': '/api/v1/items/:id',
          'thread.id': n,
        },
        resource: resources[Math.floor(n / 125)],
        instrumentationScope: { name: '@shop/http', version: '0.57.0' },
        droppedAttributesCount: 0,
        droppedEventsCount: 0,
        droppedLinksCount: 0,
      }
    }),
  ) as Uint8Array
const bodies = Array.from({ length: REQUESTS }, (_, request) => bodyOf(request))
const spanBytes = bodies.reduce((sum, body) => sum + body.length, 0) / (REQUESTS * SPANS)

const cpuPerMillion = (rows: number, work: () => number): number => {
  const before = process.cpuUsage()
  const done = work()
  const { user, system } = process.cpuUsage(before)
  if (done !== rows) throw new Error(`${done} rows of ${rows}`)
  return (user + system) / rows
}
const best = (rows: number, work: () => number): number => {
  for (let i = 0; i < 3; i++) work()
  return Number(Math.min(...Array.from({ length: 5 }, () => cpuPerMillion(rows, work))).toFixed(3))
}
const walked = (all: readonly Uint8Array[], walk: (body: Uint8Array) => Walk) => (): number =>
  all.reduce((sum, body) => {
    const result = walk(body)
    if (!result.ok || result.rejected.length > 0) throw new Error('a body of the corpus was not accepted whole')
    return sum + result.recordCount
  }, 0)

const decode = createDecoder()
const input: DecodeInput = {
  logId: 'ab'.repeat(16),
  partition: 0,
  receiveDay: Math.floor(nowMs / 86_400_000),
  maxAheadMs: 86_400_000,
  retentionMs: 30 * 86_400_000,
  messages: bodies.map((body, offset) => ({
    offset,
    body,
    envelope: {
      signal: 'otlp_traces',
      format: 'protobuf',
      compression: 'identity',
      tenant: 'default',
      tokenId: '',
      receivedAtMs: nowMs,
      recordCount: SPANS,
      inflatedBytes: body.length,
      expandedBytes: 0,
      rejected: [],
      subject: '',
    },
  })),
}
const count = Math.max(1, Math.round(ranges / 5))
const decoded = (): number => {
  let rows = 0
  for (let i = 0; i < count; i++) {
    const output = decode(input)
    if (output.poison.length > 0) throw new Error(output.poison[0].reason)
    rows += output.spanRows
  }
  return rows
}

const corpus = createCorpus({ records: SPANS, resources: 8, run: 'micro' })
const logs = Array.from({ length: REQUESTS }, (_, request) => corpus.body(request, nowMs))
const rows = REQUESTS * SPANS
const walkLogsAlone = best(rows, walked(logs, walkProtobuf))
const walkSpans = best(rows, walked(bodies, walkProtobufSpans))
const walkLogsBeside = best(rows, walked(logs, walkProtobuf))
console.log(
  JSON.stringify({
    bench: 'spans',
    spanBytes: Math.round(spanBytes),
    cpuSecondsPerMillion: {
      walk: walkSpans,
      decode: best(rows * count, decoded),
      walkOfLogs: { alone: walkLogsAlone, besideSpans: walkLogsBeside },
    },
  }),
)
