// The graph of services, asked of a real store: what one tenant's traces and series show in a window, and nothing else.
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createRca } from '../../../analytics/rca/rca.ts'
import { sampledTraces } from '../../../clickhouse/queries/topology.ts'
import type { TopologyQuestion } from '../../../streams/contracts/rca.ts'
import { openTestStore, toRow, type TestStore } from './store.ts'

const NOW = Math.floor(Date.now() / 3_600_000) * 3_600_000 - 3_600_000
const FROM = NOW - 1_800_000
const TRACES = 24
const traceId = (prefix: string, i: number): string => i.toString(16).padStart(32, prefix)

let store: TestStore
let offset = 0
const record = (tenant: string, service: string, ms: number, trace: string, severity = 9): object =>
  toRow({ tenant, service, ms, body: 'x', traceId: trace, severity, offset: offset++ })
const point = (tenant: string, service: string, metric: string, ms: number, count: number, version = 1): object => ({
  tenant,
  service,
  metric,
  bucket: ms / 1000,
  count,
  sum: count,
  min: 1,
  max: 1,
  sum_sq: count,
  version,
})
beforeAll(async () => {
  store = await openTestStore()
  const traced = (tenant: string, [caller, callee]: readonly [string, string], prefix: string, startMs: number): object[] =>
    Array.from({ length: TRACES }, (_, i) => [
      record(tenant, caller, startMs + i * 1000, traceId(prefix, i)),
      record(tenant, callee, startMs + i * 1000 + 10, traceId(prefix, i), i % 4 === 0 ? 17 : 9),
      record(tenant, caller, startMs + i * 1000 + 20, traceId(prefix, i)),
    ]).flat()
  await store.clickhouse.insertRows({
    table: 'otel_logs',
    rows: [
      ...traced('a', ['gateway', 'payments'], 'f', FROM + 60_000),
      ...traced('a', ['gateway', 'earlier'], 'e', FROM - 600_000),
      ...traced('b', ['spy', 'payments'], 'f', FROM + 60_000),
      ...traced('busy', ['gateway', 'payments'], 'd', FROM + 60_000),
      ...traced('huge', ['gateway', 'payments'], 'c', FROM + 5000),
      ...traced('huge', ['gateway', 'late'], 'b', FROM + 150_000),
    ],
  })
  await store.clickhouse.insertRows({
    table: 'series_points',
    rows: [
      point('a', 'gateway', 'log.rate', FROM + 60_000, 48),
      point('a', 'gateway', 'log.rate', FROM + 600_000, 5, 1),
      point('a', 'gateway', 'log.rate', FROM + 600_000, 6, 2),
      point('a', 'payments', 'log.rate', FROM + 60_000, 24),
      point('a', 'payments', 'log.error_rate', FROM + 60_000, 6),
      point('a', 'payments', 'attr.ms', FROM + 900_000, 24),
      point('a', 'earlier', 'log.rate', FROM - 600_000, 24),
      point('a', 'quiet', 'log.rate', FROM + 60_000, 0),
      point('b', 'spy', 'log.rate', FROM + 60_000, 48),
      point('busy', 'gateway', 'log.rate', FROM + 60_000, 400_000),
      point('huge', 'gateway', 'log.rate', FROM + 60_000, 4_000_000),
    ],
  })
})
afterAll(() => store.dispose())

const ask = (tenant: string, over: Partial<TopologyQuestion> = {}) =>
  createRca({
    clickhouse: store.clickhouse,
    now: () => NOW,
    topology: async (of) => ({
      owners: new Map(of === 'a' ? [['payments', 'team-money']] : []),
      declared: of === 'a' ? [{ from: 'payments', to: 'ledger' }] : [],
    }),
  }).topology(tenant, { service: null, depth: 1, fromMs: FROM, toMs: NOW, correlation: false, ...over })
const at = (ms: number): string => new Date(ms).toISOString()

it('has the services that spoke in the window with their counts, and the calls that its traces show', async () => {
  const { services, edges, traces, truncated } = await ask('a')
  expect(services).toEqual([
    {
      service: 'gateway',
      owner: null,
      seen: true,
      declared: false,
      records: 54,
      errors: 0,
      firstSeen: at(FROM + 60_000),
      lastSeen: at(FROM + 610_000),
    },
    {
      service: 'payments',
      owner: 'team-money',
      seen: true,
      declared: true,
      records: 24,
      errors: 6,
      firstSeen: at(FROM + 60_000),
      lastSeen: at(FROM + 60_010 + (TRACES - 1) * 1000),
    },
    { service: 'ledger', owner: null, seen: false, declared: true, records: 0, errors: 0, firstSeen: null, lastSeen: null },
  ])
  expect(edges).toMatchObject([
    {
      from: 'gateway',
      to: 'payments',
      directed: true,
      kind: 'trace',
      sources: ['trace'],
      calls: TRACES,
      errors: TRACES / 4,
      firstSeen: at(FROM + 60_010),
      lastSeen: at(FROM + 60_010 + (TRACES - 1) * 1000),
    },
    { from: 'payments', to: 'ledger', kind: 'declared', calls: null },
  ])
  expect([traces, truncated]).toEqual([{ examined: TRACES, found: TRACES }, false])
})

it('shows no other tenant, and what is outside the window only when the window reaches it', async () => {
  expect(JSON.stringify(await ask('a'))).not.toMatch(/spy|earlier/)
  expect((await ask('b')).edges).toMatchObject([{ from: 'spy', to: 'payments' }])
  expect((await ask('a', { fromMs: FROM - 900_000 })).edges.map(({ from, to }) => `${from}>${to}`)).toContain('gateway>earlier')
  expect(await ask('nobody')).toEqual({ services: [], edges: [], traces: { examined: 0, found: 0 }, truncated: false })
})

it('examines some of the traces where there are many, and says of how many', async () => {
  const { traces, edges } = await ask('busy')
  expect(traces.examined > 0 && traces.examined < TRACES).toBe(true)
  expect(traces.found).toBe(traces.examined * 3)
  if (traces.examined >= 3) expect(edges[0].calls).toBe(traces.examined)
})

it('reads but the start of each eighth of the window where all of it would be too much', async () => {
  const { clickhouse } = store
  const read = async (sliceMs: number) =>
    (await clickhouse.query(sampledTraces, { tenant: 'huge', fromMs: FROM, toMs: NOW, oneIn: 1, sliceMs })).map(({ services }) =>
      services.join(),
    )
  expect((await read(0)).toSorted()).toEqual([
    ...Array.from({ length: TRACES }, () => 'gateway,late'),
    ...Array.from({ length: TRACES }, () => 'gateway,payments'),
  ])
  expect(await read(100_000)).toEqual(Array.from({ length: TRACES }, () => 'gateway,payments'))
  const { traces, services } = await ask('huge')
  expect([services.map((one) => one.service).includes('late'), traces.found]).toEqual([false, Math.round((traces.examined * 14) / 0.5)])
})
