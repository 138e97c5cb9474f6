import { expect, it } from 'vitest'
import { GRID_MS, type Loaded } from '../../../analytics/rca/analyse.ts'
import { rootOf } from '../../../analytics/rca/blast.ts'
import { declaredEdge, type Trace } from '../../../analytics/rca/graph.ts'
import { incidentGraphOf } from '../../../analytics/rca/incident-graph.ts'
import type { ServiceSeries } from '../../../analytics/rca/series.ts'
import type { IncidentRef } from '../../../streams/contracts/rca.ts'

const FROM_MS = 1_700_000_000_000
const [BUCKETS, ONSET] = [110, 90]
const noise = (seed: number, i: number): number => (Math.sin(i * 12.9898 + seed * 78.233) * 43758.5453) % 1
const series = (service: string, seed: number, errors: number): ServiceSeries => ({
  service,
  metrics: {
    'log.rate': Array.from({ length: BUCKETS }, (_, i) => Math.round(100 + 10 * noise(seed, i))),
    'log.error_rate': Array.from({ length: BUCKETS }, (_, i) =>
      Math.max(0, Math.round((i >= ONSET ? errors : 1) + 0.8 * noise(seed, i + 500))),
    ),
  },
})
/** gateway calls orders, orders calls payments, payments calls ledger; report is said to need payments; mail fails with payments and nobody knows why. */
const traces = Array.from({ length: 20 }, (_, i): Trace => ({
  id: `trace${i}`,
  visits: ['gateway', 'orders', 'payments', 'ledger'].map((service, n) => ({ service, firstUs: n * 100, lastUs: 900 - n * 100 })),
}))
const loaded: Loaded = {
  window: { fromMs: FROM_MS, toMs: FROM_MS + BUCKETS * GRID_MS },
  series: [series('gateway', 1, 12), series('orders', 2, 20), series('payments', 3, 30), series('ledger', 4, 1), series('mail', 3, 22)],
  traces,
  calls: [declaredEdge('report', 'payments')],
  deploys: [],
  owners: new Map([['payments', 'team-money']]),
}
const incident: IncidentRef = {
  id: 'inc_1',
  tenant: 't',
  openedAtMs: FROM_MS + ONSET * GRID_MS + 30_000,
  services: ['gateway', 'payments', 'mail'],
  signals: ['gateway', 'payments', 'mail'].map((service, i) => ({
    kind: 'anomaly' as const,
    id: `anom-${i}`,
    service,
    summary: 'errors up',
    startedAtMs: FROM_MS + ONSET * GRID_MS,
    endedAtMs: null,
  })),
}
const graph = incidentGraphOf(incident, loaded, rootOf(incident, loaded))

it('has the ranked causes, what depends on the first of them, and where it was noticed', () => {
  expect(graph.services.find((one) => one.service === 'payments')).toMatchObject({
    owner: 'team-money',
    rank: 1,
    noticed: true,
    impacted: false,
  })
  expect(
    graph.services
      .filter((one) => one.impacted)
      .map((one) => one.service)
      .sort(),
  ).toEqual(['gateway', 'orders', 'report'])
  expect(graph.services.map((one) => one.service)).not.toContain('ledger')
  expect(graph).toMatchObject({ incidentId: 'inc_1', cause: { service: 'payments' }, omitted: 0 })
})

it('has the edges between them and how each is known; what merely moves together only where no call leads to', () => {
  expect(graph.edges.map((edge) => [edge.from, edge.to, edge.kind, edge.directed, edge.calls])).toEqual([
    ['gateway', 'orders', 'trace', true, 20],
    ['orders', 'payments', 'trace', true, 20],
    ['report', 'payments', 'declared', true, null],
    ['mail', 'payments', 'correlation', false, null],
  ])
  expect(graph.edges.at(-1)!.correlation).toBeGreaterThan(0.9)
})

it('marks the way from where it was noticed to the first of the causes', () => {
  expect(graph.edges.filter((edge) => edge.way).map((edge) => `${edge.from}>${edge.to}`)).toEqual(['gateway>orders', 'orders>payments'])
})

it('leaves services out when there are too many, and says how many', () => {
  const many = incidentGraphOf(
    incident,
    { ...loaded, calls: Array.from({ length: 50 }, (_, i) => declaredEdge(`caller-${i}`, 'payments')) },
    'payments',
  )
  expect([many.services.length, many.omitted]).toEqual([30, 24])
  expect(many.services[0].rank).toBe(1)
})
