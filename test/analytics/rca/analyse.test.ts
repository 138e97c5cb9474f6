import { describe, expect, it } from 'vitest'
import { analyse, GRID_MS, type Loaded } from '../../../analytics/rca/analyse.ts'
import { blastOf, correlationsOf, neighboursOf, rootOf } from '../../../analytics/rca/blast.ts'
import { callEdges, callsOf, declaredEdge, spanEdge, withCorrelation, type Trace } from '../../../analytics/rca/graph.ts'
import { toDeploys } from '../../../analytics/rca/rca.ts'
import type { ServiceSeries } from '../../../analytics/rca/series.ts'
import type { IncidentRef } from '../../../streams/contracts/rca.ts'

const FROM_MS = 1_700_000_000_000
const BUCKETS = 110
const ONSET = 90
const ONSET_MS = FROM_MS + ONSET * GRID_MS
/** Noise that is the same on every run. */
const noise =
  (seed: number) =>
  (i: number): number =>
    (Math.sin(i * 12.9898 + seed * 78.233) * 43758.5453) % 1

interface Shape {
  readonly errors?: number
  readonly latency?: number
  readonly rate?: number
}
const series = (service: string, seed: number, after: Shape = {}): ServiceSeries => {
  const n = noise(seed)
  const grid = Array.from({ length: BUCKETS }, (_, i) => i)
  return {
    service,
    metrics: {
      'log.rate': grid.map((i) => Math.max(0, Math.round((100 + 10 * n(i)) * (i >= ONSET ? (after.rate ?? 1) : 1)))),
      'log.error_rate': grid.map((i) => Math.max(0, Math.round((i >= ONSET ? (after.errors ?? 1) : 1) + 0.8 * n(i + 500)))),
      'attr.duration_ms': grid.map((i) =>
        i >= ONSET && after.rate === 0 ? null : 50 * (1 + 0.05 * n(i + 900)) * (i >= ONSET ? (after.latency ?? 1) : 1),
      ),
    },
  }
}
// gateway calls orders and users one after the other; orders calls payments, payments calls ledger.
const trace = (i: number): Trace => ({
  id: `trace${String(i).padStart(3, '0')}`,
  visits: [
    { service: 'gateway', firstUs: 0, lastUs: 900 },
    { service: 'orders', firstUs: 100, lastUs: 600 },
    { service: 'payments', firstUs: 200, lastUs: 500 },
    { service: 'ledger', firstUs: 300, lastUs: 400 },
    { service: 'users', firstUs: 700, lastUs: 800 },
  ],
})
const traces = Array.from({ length: 20 }, (_, i) => trace(i))
const incident = (services: string[]): IncidentRef => ({
  id: 'inc_1',
  tenant: 't',
  openedAtMs: ONSET_MS + 30_000,
  services,
  signals: services.map((service, i) => ({
    kind: 'anomaly' as const,
    id: `anom-${i}`,
    service,
    summary: `${service}: errors up`,
    startedAtMs: ONSET_MS,
    endedAtMs: null,
  })),
})
const loaded = (all: ServiceSeries[], over: Partial<Loaded> = {}): Loaded => ({
  window: { fromMs: FROM_MS, toMs: FROM_MS + BUCKETS * GRID_MS },
  series: all,
  traces,
  calls: [],
  deploys: [],
  owners: new Map(),
  ...over,
})
const failingPayments = [
  series('gateway', 1, { errors: 12, latency: 2 }),
  series('orders', 2, { errors: 20, latency: 3 }),
  series('payments', 3, { errors: 30, latency: 5 }),
  series('ledger', 4),
  series('users', 5),
]

describe('the service graph', () => {
  it('takes the caller from nesting, not merely from who spoke before', () => {
    expect(callsOf(trace(0))).toEqual([
      ['gateway', 'orders'],
      ['orders', 'payments'],
      ['payments', 'ledger'],
      ['gateway', 'users'],
    ])
  })

  it('directs an edge by the majority of traces and keeps examples', () => {
    const edges = callEdges(traces)
    expect(edges.map((edge) => `${edge.from}>${edge.to}`)).toEqual([
      'gateway>orders',
      'gateway>users',
      'orders>payments',
      'payments>ledger',
    ])
    expect(edges.every((edge) => edge.directed && edge.count === 20 && edge.examples.length === 3)).toBe(true)
    const undecided = Array.from({ length: 10 }, (_, i): Trace => ({
      id: `${i}`,
      visits: [
        { service: i % 2 ? 'a' : 'b', firstUs: 0, lastUs: 9 },
        { service: i % 2 ? 'b' : 'a', firstUs: 1, lastUs: 2 },
      ],
    }))
    expect(callEdges(undecided)).toMatchObject([{ directed: false, count: 5, against: 5 }])
  })

  it('guesses no call between services whose spans show other ones, and goes on guessing beside them', () => {
    // `gateway` calls both, one after the other, and logs when it is done; `mailer` has no spans.
    const oneAfterTheOther = Array.from({ length: 20 }, (_, i): Trace => ({
      id: `${i}`,
      visits: [
        { service: 'orders', firstUs: 100, lastUs: 100 },
        { service: 'users', firstUs: 300, lastUs: 300 },
        { service: 'mailer', firstUs: 350, lastUs: 350 },
        { service: 'gateway', firstUs: 400, lastUs: 400 },
      ],
    }))
    const spans = ['orders', 'users'].map((to) => spanEdge({ from: 'gateway', to, calls: 20, examples: [] }))
    const drawn = (edges: readonly { from: string; to: string; kind: string }[]): string[] =>
      edges.map(({ from, to, kind }) => `${from}>${to} ${kind}`)
    expect(drawn(callEdges(oneAfterTheOther, spans))).toEqual([
      'gateway>orders span',
      'gateway>users span',
      'mailer>gateway trace',
      'users>mailer trace',
    ])
    expect(drawn(callEdges(oneAfterTheOther))).toContain('orders>users trace')
  })

  it('draws an undirected edge from correlation, with the lag where it is clear, and none from noise', () => {
    const wave = noise(7)
    const steps = Array.from({ length: 130 }, (_, i) => 50 + 20 * wave(Math.floor(i / 3)))
    const one = { service: 'a', metrics: { 'log.error_rate': steps.slice(6, 116) } }
    const late = { service: 'b', metrics: { 'log.error_rate': steps.slice(4, 114) } }
    const noisy = { service: 'c', metrics: { 'log.error_rate': Array.from({ length: 110 }, (_, i) => noise(99)(i)) } }
    const edges = withCorrelation([], [one, late, noisy])
    expect(edges).toHaveLength(1)
    expect(edges[0]).toMatchObject({ from: 'a', to: 'b', directed: false, kind: 'correlation', lagBuckets: 2 })
  })
})

describe('root cause', () => {
  it('ranks the failing callee before the callers that suffer from it', () => {
    const answer = analyse(incident(['gateway', 'orders', 'payments']), loaded(failingPayments), ONSET_MS)
    expect(answer.causes.map((cause) => cause.service)).toEqual(['payments', 'orders', 'gateway'])
    expect(answer.verdict.cause).toMatchObject({ service: 'payments', kind: 'errors' })
    expect(answer.causes[0].evidence.map((e) => e.kind)).toEqual(expect.arrayContaining(['anomaly', 'trace']))
    for (const cause of answer.causes)
      for (const evidence of cause.evidence) {
        expect(evidence.link).toMatch(/^\/api\/v1\/[a-z/]+/)
        expect(Object.keys(evidence.numbers).length).toBeGreaterThan(0)
      }
  })

  it('finds a callee although only its caller raised a signal', () => {
    expect(analyse(incident(['gateway']), loaded(failingPayments), ONSET_MS).verdict.cause?.service).toBe('payments')
  })

  it('blames the service that fell silent, whether its callers fail or its callees starve', () => {
    const callee = [
      series('gateway', 1),
      series('orders', 2, { errors: 25 }),
      series('payments', 3, { rate: 0 }),
      series('ledger', 4, { rate: 0 }),
      series('users', 5),
    ]
    const answer = analyse(incident(['orders', 'payments', 'ledger']), loaded(callee), ONSET_MS)
    expect(answer.verdict.cause).toMatchObject({ service: 'payments', kind: 'traffic_drop' })
  })

  it('names nobody when nothing deviates', () => {
    const healthy = ['gateway', 'orders', 'payments', 'ledger', 'users'].map((name, i) => series(name, i))
    const answer = analyse(incident(['gateway']), loaded(healthy), ONSET_MS)
    expect(answer.verdict.cause).toBeNull()
    expect(answer.causes).toEqual([])
  })

  it('counts a deploy shortly before as evidence', () => {
    const deploys = toDeploys([
      { service: 'payments', version: '1.0', first_ms: String(FROM_MS) },
      { service: 'payments', version: '1.1', first_ms: String(ONSET_MS - 60_000) },
      { service: 'users', version: '7', first_ms: String(FROM_MS) },
    ])
    expect(deploys).toEqual([{ service: 'payments', atMs: ONSET_MS - 60_000, version: '1.1', previous: '1.0' }])
    const before = analyse(incident(['gateway']), loaded(failingPayments), ONSET_MS)
    const answer = analyse(incident(['gateway']), loaded(failingPayments, { deploys }), ONSET_MS)
    expect(answer.causes[0].score).toBeGreaterThan(before.causes[0].score)
    expect(answer.causes[0].evidence.find((e) => e.kind === 'deploy')?.numbers).toEqual({ seconds_before_onset: 60 })
  })

  it('tells a version that came back from one that still speaks while another rolls out', () => {
    const minute = 60_000
    const rows = ['1.0', '1.0', '1.1', '1.0', '1.1', '1.1', '1.1', '1.1', '1.0'].map((version, at) => ({
      service: 'payments',
      version,
      first_ms: String(FROM_MS + at * minute),
    }))
    expect(toDeploys(rows)).toEqual([
      { service: 'payments', atMs: FROM_MS + 2 * minute, version: '1.1', previous: '1.0' },
      { service: 'payments', atMs: FROM_MS + 8 * minute, version: '1.0', previous: '1.1' },
    ])
  })

  it('counts each deployment that was announced, the same once more too', () => {
    const rows = [1, 2].map((minute) => ({ service: 'users', version: 'event:7', first_ms: String(FROM_MS + minute * 60_000) }))
    expect(toDeploys(rows).map(({ atMs }) => atMs)).toEqual([FROM_MS + 60_000, FROM_MS + 120_000])
  })

  it('is deterministic, whatever the order of what was loaded, and takes milliseconds', () => {
    const start = performance.now()
    const one = analyse(incident(['gateway', 'orders']), loaded(failingPayments), ONSET_MS)
    expect(performance.now() - start).toBeLessThan(500)
    expect(analyse(incident(['gateway', 'orders']), loaded(failingPayments.toReversed()), ONSET_MS)).toEqual(one)
  })

  it('recalls past incidents that look alike', () => {
    const now = {
      ...incident(['payments']),
      past: [
        { id: 'inc_0', services: ['payments'], summaries: ['payments: errors up'], resolution: 'rolled back' },
        { id: 'inc_8', services: ['payments'], summaries: ['payments: errors up'], resolution: '' },
        { id: 'inc_9', services: ['mail'], summaries: ['queue full'], resolution: 'waited' },
      ],
    }
    const { similar, nextChecks } = analyse(now, loaded(failingPayments), ONSET_MS)
    expect(similar).toEqual([
      { incidentId: 'inc_0', similarity: 1, resolution: 'rolled back', because: expect.any(String) },
      { incidentId: 'inc_8', similarity: 1, resolution: '', because: expect.any(String) },
    ])
    expect(nextChecks.filter((check) => check.startsWith('Try'))).toEqual([expect.stringMatching(/inc_0.*rolled back/)])
    const unsaid = { ...now, past: now.past.slice(1) }
    expect(analyse(unsaid, loaded(failingPayments), ONSET_MS).nextChecks.join()).not.toMatch(/Try/)
  })
})

describe('the blast radius', () => {
  it('holds the callers of the root, each with its path and how the edge is known', () => {
    const blast = blastOf(
      incident(['payments', 'orders']),
      loaded(failingPayments),
      rootOf(incident(['payments', 'orders']), loaded(failingPayments)),
    )
    expect(blast.root).toBe('payments')
    expect(blast.impacted.map((item) => [item.service, item.relation, item.path])).toEqual([
      ['orders', 'downstream', ['payments', 'orders']],
      ['gateway', 'downstream', ['payments', 'orders', 'gateway']],
    ])
    for (const item of blast.impacted) {
      expect(item.evidence.map((e) => e.kind)).toEqual(expect.arrayContaining(['trace', 'anomaly']))
      expect(item.evidence.find((e) => e.kind === 'anomaly')?.statement).toContain(`${item.service}: `)
    }
    expect(blast.edges.every((edge) => edge.evidence.length > 0)).toBe(true)
  })
})

describe('what moves together without a call', () => {
  // Errors that rise and fall together from bucket to bucket, and nobody who calls the other.
  const together = (service: string): ServiceSeries => ({
    service,
    metrics: { 'log.error_rate': Array.from({ length: BUCKETS }, (_, i) => (i < ONSET ? 0 : 10 + 10 * (i % 3))) },
  })
  const apart = loaded([together('payments'), together('mail')], { traces: [] })

  it('is told of, and draws no blast radius', () => {
    const both = incident(['payments', 'mail'])
    expect(correlationsOf('payments', 1, apart).correlations).toMatchObject([{ related_service: 'mail', direction: 'undirected' }])
    const blast = blastOf(both, apart, 'payments')
    expect(blast.impacted).toEqual([])
    expect(blast.edges).toEqual([])
    expect(analyse(both, apart, ONSET_MS).causes[0].evidence.map((e) => e.kind)).toContain('correlation')
  })

  it('is beside a path of calls no way of its own', () => {
    const mixed = loaded([...failingPayments, together('mail')])
    expect(blastOf(incident(['payments', 'mail']), mixed, 'payments').impacted.map((item) => item.service)).toEqual(['orders', 'gateway'])
  })
})

describe('what people and spans tell', () => {
  const calls = [
    declaredEdge('report', 'payments'),
    spanEdge({ from: 'orders', to: 'payments', calls: 40, errors: 3, examples: ['trace001'], isEstimate: false }),
  ]
  const told = loaded(failingPayments, { calls, owners: new Map([['orders', 'team-shop']]) })

  it('reaches further than the traces, with the owner where one is known', () => {
    const blast = blastOf(incident(['payments']), told, 'payments')
    expect(blast.impacted.map((item) => [item.service, item.owner, item.path])).toEqual([
      ['orders', 'team-shop', ['payments', 'orders']],
      ['report', null, ['payments', 'report']],
      ['gateway', null, ['payments', 'orders', 'gateway']],
    ])
    expect(blast.impacted[0].evidence.map((e) => e.kind)).toEqual(expect.arrayContaining(['span', 'anomaly']))
    expect(blast.impacted[1].evidence).toMatchObject([{ kind: 'declared', link: '/api/v1/context/services/report' }])
  })
})

describe('correlations', () => {
  it('call what a service depends on upstream and its callers downstream, up to a depth', () => {
    const of = (depth: number): string[] =>
      correlationsOf('orders', depth, loaded([]))
        .correlations.map((c) => `${c.related_service} ${c.direction}`)
        .sort()
    expect(of(1)).toEqual(['gateway downstream', 'payments upstream'])
    expect(of(3)).toEqual(['gateway downstream', 'ledger upstream', 'payments upstream', 'users undirected'])
    const scores = correlationsOf('orders', 3, loaded([])).correlations.map((c) => c.correlation_score)
    expect(scores).toEqual(scores.toSorted((a, b) => b - a))
    expect(neighboursOf('ledger', loaded([]))).toEqual(['orders', 'payments'])
  })
})
