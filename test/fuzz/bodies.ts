// Hostile requests, made from a seed: mutated and truncated protobuf, random bytes, nested JSON, bombs and wrong bytes in
// every encoding, odd times, odd paths, every operation of the API. Each says what it is, so that a failure can be repeated.
import { createCorpus } from '../../bench/load/body.ts'
import { compressors } from '../support/compress.ts'
import { encodeRequest } from '../support/otlp-encode.ts'

export interface HostileRequest {
  readonly what: string
  readonly target: 'otlp' | 'alerts' | 'api'
  readonly method: string
  readonly path: string
  readonly headers: Record<string, string>
  readonly body: Buffer | null
}
export type Random = () => number

export const createRandom = (seed: number): Random => {
  let state = seed >>> 0 || 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
}
const pick = <T>(random: Random, values: readonly T[]): T => values[Math.floor(random() * values.length)]
const bytes = (random: Random, length: number): Buffer => Buffer.from(Array.from({ length }, () => Math.floor(random() * 256)))

const corpus = createCorpus({ records: 20, resources: 3, run: 'fuzz' })
const bomb = Buffer.alloc(100 * 1024 * 1024)
const encoders = new Map([...Object.entries(compressors), ['zlib', compressors.deflate] as const])
const bombs = new Map(await Promise.all([...encoders].map(async ([name, encode]) => [name, await encode(bomb)] as const)))
const encodings = ['identity', ...encoders.keys(), 'gzip, gzip', 'made-up']
const times = [0n, 1n, 253_402_300_799_000_000_000n, 4_102_444_800_000_000_000n, 2n ** 63n, 2n ** 64n - 1n]

/** From 1970 to 2100, now and then now. */
const anyTimeMs = (random: Random): number => (random() < 0.3 ? Date.now() : Math.floor(random() * Date.UTC(2100, 0)))
const mutate = (random: Random, isTraces: boolean): Buffer => {
  const body = isTraces ? Buffer.from(traces) : corpus.body(Math.floor(random() * 1e6), anyTimeMs(random))
  for (let changes = Math.floor(random() * 8); changes > 0; changes--) body[Math.floor(random() * body.length)] = Math.floor(random() * 256)
  return random() < 0.3 ? body.subarray(0, Math.floor(random() * body.length)) : body
}
const nested = (depth: number): string =>
  `${'{"kvlistValue":{"values":[{"key":"k","value":'.repeat(depth)}{"stringValue":"x"}${'}]}}'.repeat(depth)}`
const otlpJson = (random: Random): string =>
  pick(random, [
    `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"${pick(random, times)}","body":{"stringValue":"x"}}]}]}]}`,
    `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":${nested(Math.floor(random() * 200))}}]}]}]}`,
    '{"resourceLogs":7}',
    '{"resourceLogs":[{"scopeLogs":"x"}]}',
    '[]',
    'null',
    '{',
    '"',
    '{"resourceLogs":[{"resource":{"attributes":[{"key":1,"value":2}]}}]}',
    `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"traceId":"${'f'.repeat(Math.floor(random() * 64))}","severityNumber":${random() * 1e12}}]}]}]}`,
    '['.repeat(50_000),
  ])
const spanJson = (random: Random): string =>
  pick(random, [
    `{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"${'f'.repeat(Math.floor(random() * 64))}","spanId":"${'0'.repeat(Math.floor(random() * 32))}","startTimeUnixNano":"${pick(random, times)}"}]}]}]}`,
    `{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"${'ab'.repeat(16)}","spanId":"${'cd'.repeat(8)}","attributes":[{"key":"k","value":${nested(Math.floor(random() * 200))}}],"kind":${Math.floor(random() * 1e10)}}]}]}]}`,
    `{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"${'ab'.repeat(16)}","spanId":"${'cd'.repeat(8)}","startTimeUnixNano":"${pick(random, times)}","endTimeUnixNano":"${pick(random, times)}","name":"${'\\u0000'.repeat(300)}","status":{"code":2}}]}]}]}`,
    '{"resourceSpans":7}',
    '{"resourceSpans":[{"scopeSpans":[{"spans":[{"status":"x"}]}]}]}',
    '{"resourceSpans":[{"scopeSpans":[{"spans":[null,7]}]}]}',
    '{"resourceSpans":[{"resource":{"attributes":[{"key":1,"value":2}]}}]}',
  ])
const traces = encodeRequest({
  resourceSpans: [
    {
      resource: { attributes: [{ key: 'service.name', value: { stringValue: 'fuzzed' } }] },
      scopeSpans: [
        {
          scope: { name: 's' },
          spans: Array.from({ length: 20 }, (_, n) => ({
            traceId: new Uint8Array(16).fill(n + 1),
            spanId: new Uint8Array(8).fill(n + 1),
            parentSpanId: new Uint8Array(8).fill(n),
            name: `operation ${n}`,
            kind: n % 6,
            startTimeUnixNano: BigInt(Date.now()) * 1_000_000n,
            endTimeUnixNano: BigInt(Date.now() + n) * 1_000_000n,
            attributes: [{ key: 'peer.service', value: { stringValue: 'db' } }],
            events: [{ name: 'e', attributes: [{ key: 'k', value: { intValue: 7n } }] }],
            links: [{ traceId: new Uint8Array(16) }],
            status: { code: n % 3 },
            flags: 0x301,
          })),
        },
      ],
    },
  ],
})

const otlp = async (random: Random): Promise<HostileRequest> => {
  const json = random() < 0.3
  const encoding = pick(random, encodings)
  const encode = random() < 0.7 ? encoders.get(encoding) : undefined
  const isBomb = random() < 0.02 && encode !== undefined
  // Now and then the body of one signal goes where the other's does.
  const isTraces = random() < 0.4
  const plain = json
    ? Buffer.from((isTraces ? spanJson : otlpJson)(random))
    : random() < 0.2
      ? bytes(random, Math.floor(random() * 400))
      : mutate(random, isTraces)
  const body = isBomb ? bombs.get(encoding)! : encode === undefined ? plain : await encode(plain)
  return {
    what: `otlp ${json ? 'json' : 'protobuf'} ${encoding}${isBomb ? ' bomb' : ''}`,
    target: 'otlp',
    method: random() < 0.95 ? 'POST' : pick(random, ['GET', 'PUT', 'DELETE', 'PATCH']),
    path:
      random() < 0.6
        ? pick(random, isTraces ? ['/v1/traces', '/api/v1/otlp/v1/traces'] : ['/v1/logs', '/api/v1/otlp/v1/logs'])
        : pick(random, ['/v1/logs', '/v1/traces', '/v1/metrics', '/v1/logs/', '//v1/logs']),
    headers: {
      'content-type':
        random() < 0.9
          ? json
            ? 'application/json'
            : 'application/x-protobuf'
          : pick(random, ['', 'text/html', 'application/json; charset=utf-16']),
      ...(encoding === 'identity' ? {} : { 'content-encoding': encoding }),
    },
    body,
  }
}
const events = (random: Random): HostileRequest => ({
  what: 'json events',
  target: 'otlp',
  method: 'POST',
  path: '/api/v1/logs/ingest',
  headers: { 'content-type': pick(random, ['application/json', 'application/x-ndjson', 'text/plain', 'image/png']) },
  body: Buffer.from(
    pick(random, [
      '{"message":"a"}',
      '[{"message":"a"},7,null]',
      '{"message":"a"}\n{"message":',
      '{"@timestamp":"2100-01-01T00:00:00Z","log":"x"}',
      '{"time":-1,"msg":{"a":[1]}}',
      'x',
      '[[[[]]]]',
      `{"message":"${'\\u0000'.repeat(200)}"}`,
      `{"ts":${random() * 1e20},"message":"n"}`,
    ]),
  ),
})
const alerts = (random: Random): HostileRequest => ({
  what: 'alerts',
  target: 'alerts',
  method: pick(random, ['POST', 'POST', 'POST', 'GET']),
  path: pick(random, ['/api/v1/alerts/webhook', '/api/v2/alerts', '/', '/api/v1/alerts']),
  headers: { 'content-type': 'application/json' },
  body: Buffer.from(
    pick(random, [
      '{}',
      '[]',
      '{"alerts":[]}',
      '{"alerts":[{}]}',
      '{"alerts":[{"status":"firing"}]}',
      '{"alerts":[{"status":"resolved","labels":{"alertname":"x"},"startsAt":"9999"}]}',
      '[{"labels":{}}]',
      '{"alerts":{"a":1}}',
      '{"alerts":[{"status":7,"labels":[]}]}',
      '{',
    ]),
  ),
})
const FILTER_PIECES = [
  'service',
  'severity',
  '=',
  '>=',
  '~',
  ':',
  '(',
  ')',
  '!',
  '-',
  '"',
  "'",
  '\\',
  'AND',
  'OR',
  'NOT',
  'IN',
  'EXISTS',
  'error',
  'attr.',
  '{f0:String}',
  '1',
  '*',
  'ä',
  '%',
  ' ',
]
/** An operation as /openapi.json has it. */
export interface ApiRoute {
  readonly method: string
  readonly path: string
  readonly query: readonly string[]
}
/** Some of what it asks for, all of it wrong. */
const pathOf = (random: Random, { path, query }: ApiRoute, value: string): string => {
  const asked = query.filter(() => random() < 0.3).map((name) => `${name}=${value}`)
  return path.replaceAll(/\{[^}]+\}/g, value).concat(asked.length === 0 ? '' : `?${asked.join('&')}`)
}
const api = (random: Random, routes: readonly ApiRoute[]): HostileRequest => {
  const filter = encodeURIComponent(
    Array.from({ length: 1 + Math.floor(random() * 12) }, () => pick(random, FILTER_PIECES)).join(random() < 0.7 ? ' ' : ''),
  )
  const value = pick(random, [
    '',
    '%00',
    'x'.repeat(3000),
    "'%20OR%201=1--",
    '-1',
    '1e400',
    '2026-13-45',
    'now-999999999d',
    '%F0%9F%92%A9',
    '..%2F..%2Fetc',
    '{}',
    'NaN',
  ])
  const odd = pick(random, [
    `/api/v1/logs/search?q=${value}`,
    `/api/v1/logs/search?from=${value}`,
    `/api/v1/logs/search?limit=${value}`,
    `/api/v1/logs/search?cursor=${value}`,
    `/api/v1/logs/search?attr=${value}`,
    `/api/v1/logs/search?trace_id=${value}`,
    `/api/v1/logs/search?filter=${value}`,
    `/api/v1/logs/search?filter=${filter}`,
    `/api/v1/logs/aggregate?filter=${filter}&by=${value}`,
    `/api/v1/logs/aggregate?metric=p95&field=${value}&step=${value}`,
    `/api/v1/logs/aggregate?by=${filter}&step=auto&from=now-${Math.floor(random() * 1e6)}h`,
    `/api/v1/anomalies?since=${value}`,
    `/api/v1/anomalies?page_token=${value}`,
    `/api/v1/rca/correlations?service_id=${value}&depth=${value}`,
    `/api/v1/incidents/${value || 'x'}`,
    `/api/v1/incidents/${value || 'x'}/analysis`,
    `/api/v1/context/incident/${value || 'x'}/blast`,
    `/api/v1/monitors/${value || 'x'}`,
    `/api/v1/monitors?tag=${value}`,
    `/api/v1/monitors/${value || 'x'}/checks?cursor=${value}`,
    `/api/v1/monitors/${value || 'x'}/timeline?from=${value}&buckets=${value}`,
    `/api/v1/audit-logs?from=${value}`,
    `/api/v1/${value}`,
    '/api/v1/monitors',
    '/api/v1/me/tokens',
    '/api/v1/incidents/inc_x/updates',
  ])
  const route = random() < 0.5 ? null : pick(random, routes)
  const path = route === null ? odd : pathOf(random, route, value || 'x')
  const method = route?.method ?? pick(random, ['GET', 'GET', 'GET', 'POST', 'PATCH', 'DELETE', 'PUT'])
  const body =
    method === 'GET' || method === 'DELETE'
      ? null
      : Buffer.from(
          pick(random, [
            '{}',
            '{',
            '[]',
            'null',
            '{"name":7}',
            '{"__proto__":{"a":1}}',
            `{"name":"${'x'.repeat(5000)}"}`,
            '{"name":"a","type":"https","intervalSec":60}',
            '{"status":"x","body":null}',
            '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","arguments":7}}',
            '{"jsonrpc":"2.0","id":1,"method":"tools/list"}',
          ]),
        )
  return {
    what: `api ${method}`,
    target: 'api',
    method,
    path,
    headers: body === null ? {} : { 'content-type': random() < 0.9 ? 'application/json' : 'text/plain' },
    body,
  }
}
const heartbeats = (random: Random): HostileRequest => ({
  what: 'heartbeat',
  target: 'otlp',
  method: pick(random, ['POST', 'GET', 'HEAD', 'PUT']),
  path: `/api/v1/heartbeats/${pick(random, ['x', '0'.repeat(64), 'f'.repeat(64), '%00', ''])}`,
  headers: {},
  body: null,
})

export const hostileRequest = async (random: Random, routes: readonly ApiRoute[]): Promise<HostileRequest> => {
  const dice = random()
  if (dice < 0.5) return otlp(random)
  if (dice < 0.6) return events(random)
  if (dice < 0.7) return alerts(random)
  if (dice < 0.73) return heartbeats(random)
  return api(random, routes)
}
