// From spans alone to the cause: blocks in a real ClickHouse, the watchdog's series and anomalies, edges by span parents, the ranking.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { decodeBatch } from '../../analytics/decode/decode.ts'
import { blocksOf } from '../../analytics/range-blocks.ts'
import { createRca } from '../../analytics/rca/rca.ts'
import { startWatchdog } from '../../analytics/watchdog/watchdog.ts'
import type { ClickHouse } from '../../clickhouse/client.ts'
import type { IncidentRef } from '../../streams/contracts/rca.ts'
import type { SignalOpened } from '../../streams/contracts/signals.ts'
import { rangeOf } from '../analytics/decode/support.ts'
import { encodeRequest } from '../support/otlp-encode.ts'
import { CALLS, seededRandom, SERVICES, shopTraces, type Fault, type ShopSpan } from '../support/span-shop.ts'
import { openTestStore, type TestStore } from './clickhouse/store.ts'

const MINUTE_MS = 60_000
const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
let store: TestStore
let ch: ClickHouse

beforeAll(async () => {
  store = await openTestStore()
  ch = store.clickhouse
})
afterAll(() => store?.dispose())
beforeEach(async () => {
  for (const table of [
    'otel_spans',
    'otel_logs',
    'series_partials',
    'series_points',
    'anomalies',
    'watchdog_checkpoints',
    'seen_templates',
  ])
    await ch.command(`TRUNCATE TABLE ${table}`)
})

const nanosOf = (ms: number): bigint => BigInt(Math.round(ms * 1000)) * 1000n
const toRequest = (spans: readonly ShopSpan[]) => ({
  resourceSpans: [...Map.groupBy(spans, (span) => span.service)].map(([service, own]) => ({
    resource: { attributes: [{ key: 'service.name', value: { stringValue: service } }] },
    scopeSpans: [
      {
        spans: own.map((span) => ({
          traceId: Buffer.from(span.traceId, 'hex'),
          spanId: Buffer.from(span.spanId, 'hex'),
          parentSpanId: Buffer.from(span.parentSpanId, 'hex'),
          name: span.name,
          kind: span.kind === 'server' ? 2 : 3,
          startTimeUnixNano: nanosOf(span.startMs),
          endTimeUnixNano: nanosOf(span.endMs),
          status: { code: span.failed ? 2 : 0 },
          attributes: span.kind === 'client' ? [{ key: 'peer.service', value: { stringValue: span.name.slice('call '.length) } }] : [],
        })),
      },
    ],
  })),
})

/** Twenty minutes, the last three with the fault; what the watchdog makes of it. */
const play = async (
  fault: Omit<Fault, 'fromMs'> | null,
  seed: number,
): Promise<{ opened: SignalOpened[]; nowMs: number; fromMs: number }> => {
  const nowMs = Math.floor(Date.now() / 10_000) * 10_000
  const [fromMs, onsetMs] = [nowMs - 20 * MINUTE_MS, nowMs - 3 * MINUTE_MS]
  const traces = shopTraces({
    fromMs,
    toMs: nowMs,
    tracesPerSecond: 3,
    fault: fault === null ? null : { ...fault, fromMs: onsetMs },
    random: seededRandom(seed),
  })
  // As exporters send them: some seconds of traces at a time, several to a range.
  const bodies = Array.from({ length: Math.ceil(traces.length / 100) }, (_, i) =>
    encodeRequest(toRequest(traces.slice(100 * i, 100 * i + 100).flat())),
  )
  const output = decodeBatch(
    rangeOf(
      bodies.map((body) => ({ body, envelope: { signal: 'otlp_traces' as const, receivedAtMs: nowMs } })),
      { receiveDay: Math.floor(nowMs / 86_400_000) },
    ),
  )
  expect(output.poison).toEqual([])
  for (const [table, block] of blocksOf(output)) await ch.insert({ table, block, token: `${table} ${seed}` })
  const opened: SignalOpened[] = []
  let clockMs = nowMs
  const watchdog = await startWatchdog(
    { zThreshold: 3, cooldownMs: 300_000, pollMs: 3_600_000 },
    {
      clickhouse: ch,
      clock: () => clockMs,
      logger: silent,
      oldestUncommittedReceivedAtMs: async () => null,
      rules: async () => () => undefined,
      neighbours: async () => [],
      signals: {
        opened: async (signal) => {
          opened.push(signal)
        },
        resolved: async () => undefined,
      },
    },
  )
  // What was read first closes behind its quiet time, a service that fell silent half a minute later.
  for (const laterMs of [0, 30_000, 40_000]) {
    clockMs = nowMs + laterMs
    await watchdog.tick()
  }
  await watchdog.close()
  return { opened, nowMs: clockMs, fromMs }
}
const incidentOf = (opened: readonly SignalOpened[]): IncidentRef => ({
  id: 'inc_test',
  tenant: 'default',
  openedAtMs: Math.min(...opened.map((signal) => signal.startedAtMs)),
  services: [...new Set(opened.map((signal) => signal.service))],
  signals: opened.map(({ kind, id, service, summary, startedAtMs }) => ({ kind, id, service, summary, startedAtMs, endedAtMs: null })),
})

describe('a fault in one of six services, seen by spans alone', () => {
  it.each([
    ['payments', 'errors'],
    ['stock', 'errors'],
    ['cart', 'errors'],
    ['search', 'latency'],
    ['payments', 'latency'],
    ['orders', 'latency'],
    ['web', 'errors'],
    ['stock', 'silence'],
  ] as const)('%s, %s: is ranked first', async (service, kind) => {
    const { opened, nowMs } = await play({ service, kind }, 7)
    expect(opened.map((signal) => signal.service)).toContain(kind === 'silence' ? 'orders' : service)
    const rca = createRca({ clickhouse: ch, now: () => nowMs, topology: async () => ({ owners: new Map(), declared: [] }) })
    const analysis = await rca.analysis(incidentOf(opened))
    expect(analysis.causes[0]?.service, JSON.stringify(analysis.causes.map((cause) => [cause.service, cause.score, cause.factors]))).toBe(
      service,
    )
    expect(analysis.verdict.cause).toMatchObject({ service, kind: kind === 'silence' ? 'traffic_drop' : kind })
    // Edges are told to those who are unwell, too: nobody else is when the fault is where requests come in.
    if (service !== 'web') expect(analysis.causes[0].evidence.some((one) => one.kind === 'span')).toBe(true)
  })

  it('has exactly the edges of the shop, in blast radius and correlations', async () => {
    const { opened, nowMs } = await play({ service: 'stock', kind: 'errors' }, 11)
    const rca = createRca({ clickhouse: ch, now: () => nowMs, topology: async () => ({ owners: new Map(), declared: [] }) })
    const blast = await rca.blast(incidentOf(opened))
    expect(blast.root).toBe('stock')
    expect(blast.impacted.map(({ service, relation, path }) => [service, relation, path.join(' ')]).sort()).toEqual([
      ['cart', 'downstream', 'stock cart'],
      ['orders', 'downstream', 'stock orders'],
      ['web', 'downstream', 'stock cart web'],
    ])
    const edges = Object.entries(CALLS).flatMap(([from, to]) => to.map((one) => `${from} ${one}`))
    const calls = blast.edges.filter((edge) => edge.kind === 'calls')
    expect(calls.map((edge) => [edges.includes(`${edge.from} ${edge.to}`), edge.evidence[0].kind])).toEqual(calls.map(() => [true, 'span']))
    expect(calls.length).toBeGreaterThanOrEqual(4)
    const { correlations } = await rca.correlations('default', 'orders', 1, nowMs)
    expect(
      correlations
        .filter((one) => one.direction !== 'undirected')
        .map((one) => [one.related_service, one.direction])
        .sort(),
    ).toEqual([
      ['payments', 'upstream'],
      ['stock', 'upstream'],
      ['web', 'downstream'],
    ])
    expect((await rca.neighbours('default', 'payments', nowMs)).sort()).toEqual(['orders', 'stock', 'web'])
    expect(await rca.neighbours('other', 'payments', nowMs)).toEqual([])
  })

  it('opens nothing while nothing is wrong', async () => {
    expect((await play(null, 5)).opened).toEqual([])
  })

  it('leaves series of every service and operation', async () => {
    await play(null, 3)
    const rows = await ch.query<{ service: string; metrics: string[] }>(
      {
        name: 'test.series',
        sql: 'SELECT service, groupUniqArray(metric) AS metrics FROM series_points WHERE tenant = {tenant:String} GROUP BY service ORDER BY service',
      },
      { tenant: 'default' },
    )
    expect(rows.map(({ service }) => service)).toEqual(SERVICES.toSorted())
    for (const { service, metrics } of rows)
      for (const metric of ['span.rate', 'span.duration', `span.rate{serve ${service}}`, `span.duration{serve ${service}}`])
        expect(metrics).toContain(metric)
  })
})
