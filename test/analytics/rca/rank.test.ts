import { describe, expect, it } from 'vitest'
import { callEdges, declaredEdge, spanEdge, trustOf, type Edge, type Trace } from '../../../analytics/rca/graph.ts'
import { rank, type RankInput, type Ranked } from '../../../analytics/rca/rank.ts'
import { meaningOf, type ServiceSeries, type Values } from '../../../analytics/rca/series.ts'
import { FAULTS, randomShop } from './random-shop.ts'

const BUCKETS = 80
const ONSET = 60
const noise = (i: number): number => (Math.sin(i * 12.9898) * 43758.5453) % 1
const values = (before: number, after: number, spread = 0): Values =>
  Array.from({ length: BUCKETS }, (_, i) => Math.max(0, (i < ONSET ? before : after) + spread * noise(i)))
const service = (name: string, metrics: Record<string, Values>, weights?: ServiceSeries['weights']): ServiceSeries => ({
  service: name,
  metrics,
  weights,
})
const failing = (name: string, errors: number): ServiceSeries =>
  service(name, { 'log.rate': values(100, 100), 'log.error_rate': values(0, errors) })
const healthy = (name: string): ServiceSeries => service(name, { 'log.rate': values(100, 100), 'log.error_rate': values(0, 0) })

const ask = (series: readonly ServiceSeries[], over: Partial<RankInput> = {}): readonly Ranked[] =>
  rank({ series, meaningOf, moment: { onset: ONSET, recentFrom: 0 }, symptoms: [], calls: [], deploys: new Map(), outside: [], ...over })
    .ranked
const names = (ranked: readonly Ranked[]): string[] => ranked.map((one) => one.service)
const calls = (...pairs: (readonly [string, string])[]): Edge[] =>
  pairs.map(([from, to]) => spanEdge({ from, to, calls: 50, errors: 0, examples: ['t1'], isEstimate: false }))

describe('a rank', () => {
  it('goes to the anomalous service that has no anomalous callee, however the others scream', () => {
    const ranked = ask([failing('shop', 40), failing('cart', 40), failing('stock', 30), healthy('mail')], {
      symptoms: [{ service: 'shop', kind: 'errors' }],
      calls: calls(['shop', 'cart'], ['cart', 'stock'], ['shop', 'mail']),
    })
    expect(names(ranked)).toEqual(['stock', 'cart', 'shop'])
    expect(ranked[0].factors).toMatchObject({ unexplained: 1, changed: 0.8 })
    expect(ranked[0].factors.reached).toBeGreaterThan(0.95)
    expect(ranked[1].explainedBy).toEqual(['stock'])
    expect(ranked[2].factors.unexplained).toBeLessThan(0.2)
  })

  it('is the product of the factors that are told', () => {
    for (const { score, factors } of ask([failing('shop', 40), failing('cart', 20)], { calls: calls(['shop', 'cart']) })) {
      expect(Object.values(factors).reduce((a, b) => a * b)).toBeCloseTo(score, 12)
      for (const factor of Object.values(factors)) {
        expect(factor).toBeGreaterThanOrEqual(0)
        expect(factor).toBeLessThanOrEqual(1)
      }
    }
  })

  it('without a graph goes to where most of the damage is done', () => {
    expect(
      names(ask([failing('shop', 12), failing('cart', 20), failing('stock', 40)], { symptoms: [{ service: 'shop', kind: 'errors' }] })),
    ).toEqual(['stock', 'cart', 'shop'])
    const slow = (name: string, ms: number, perBucket: number): ServiceSeries =>
      service(name, { 'attr.duration_ms': values(20, ms, 2) }, { 'attr.duration_ms': values(perBucket, perBucket) })
    expect(names(ask([slow('shop', 90, 10), slow('search', 80, 80)]))[0]).toBe('search')
  })

  it('is not won by many signs of the lesser part, nor by an alert on it', () => {
    const part = (name: string, ms: number, added: number, errors: number): ServiceSeries =>
      service(
        name,
        { 'log.error_rate': values(0, errors), 'attr.duration_ms': values(ms, ms + added, 2) },
        { 'attr.duration_ms': values(5, 5) },
      )
    const ranked = ask([part('checkout', 60, 180, 2), part('payment', 60, 170, 3)], {
      symptoms: [{ service: 'checkout', kind: null }],
      outside: [{ service: 'checkout', kind: 'alert' }],
    })
    expect(names(ranked)).toEqual(['payment', 'checkout'])
  })

  it('is lower for a service that no unwell path leads to', () => {
    const series = [failing('shop', 20), failing('cart', 30), healthy('mail'), failing('post', 30)]
    const ranked = ask(series, {
      symptoms: [{ service: 'shop', kind: 'errors' }],
      calls: calls(['shop', 'cart'], ['shop', 'mail'], ['mail', 'post']),
    })
    expect(names(ranked)[0]).toBe('cart')
    expect(ranked.find((one) => one.service === 'post')!.factors.reached).toBeLessThan(0.6)
  })

  it('prefers trouble of the kind that was noticed, but not to what is never noticed as itself', () => {
    const slow = service('search', { 'log.rate': values(100, 100), 'attr.duration_ms': values(20, 60, 2) })
    const both = [healthy('shop'), failing('cart', 20), slow]
    expect(names(ask(both, { symptoms: [{ service: 'shop', kind: 'latency' }] }))[0]).toBe('search')
    expect(names(ask(both, { symptoms: [{ service: 'shop', kind: 'errors' }] }))[0]).toBe('cart')
    const dead = service('stock', { 'log.rate': values(100, 0), 'log.error_rate': values(0, 0) })
    expect(
      ask([failing('shop', 40), dead], { symptoms: [{ service: 'shop', kind: 'errors' }], calls: calls(['shop', 'stock']) })[0].service,
    ).toBe('stock')
  })

  it('takes a service that only lost its work as explained by the caller that lost it too', () => {
    const starved = (name: string): ServiceSeries => service(name, { 'log.rate': values(100, 5), 'log.error_rate': values(0, 0) })
    const ranked = ask([failing('shop', 40), starved('cart'), starved('stock')], {
      symptoms: [{ service: 'shop', kind: 'errors' }],
      calls: calls(['shop', 'cart'], ['cart', 'stock']),
    })
    expect(names(ranked)[0]).toBe('cart')
    expect(ranked.find((one) => one.service === 'stock')!.explainedBy).toEqual(['cart'])
  })

  it('does not blame who was never called before for being called now', () => {
    const served = (name: string, before: number, errors: number): ServiceSeries =>
      service(name, { 'span.rate': values(before, 50), 'span.error_rate': values(0, errors) })
    const ranked = ask([served('shop', 50, 20), served('cart', 50, 20), served('typo', 0, 20)], {
      symptoms: [{ service: 'shop', kind: 'errors' }],
      calls: calls(['shop', 'cart'], ['cart', 'typo']),
    })
    expect(names(ranked)[0]).toBe('cart')
    // A log that was silent says nothing of the kind: many speak only of errors.
    const quiet = service('stock', { 'log.rate': values(0, 20), 'log.error_rate': values(0, 20) })
    expect(
      names(ask([failing('shop', 20), quiet], { symptoms: [{ service: 'shop', kind: 'errors' }], calls: calls(['shop', 'stock']) }))[0],
    ).toBe('stock')
  })

  it('believes correlation with what was noticed, and that an effect is not before its cause', () => {
    const spikes = (at: (i: number) => boolean): Values => Array.from({ length: BUCKETS }, (_, i) => (i >= ONSET && at(i) ? 40 : 0))
    const series = [
      ['shop', (i: number) => i % 4 < 2],
      ['cart', (i: number) => i % 4 < 2],
      ['mail', (i: number) => i % 4 >= 2],
    ] as const
    const ranked = ask(
      series.map(([name, at]) => service(name, { 'log.error_rate': spikes(at) })),
      { symptoms: [{ service: 'shop', kind: 'errors' }] },
    )
    expect(ranked.find((one) => one.service === 'cart')!.factors.correlation).toBeGreaterThan(
      ranked.find((one) => one.service === 'mail')!.factors.correlation,
    )
    const late = service('late', { 'log.error_rate': Array.from({ length: BUCKETS }, (_, i) => (i >= ONSET + 8 ? 40 : 0)) })
    expect(
      ask([failing('shop', 20), late], { symptoms: [{ service: 'shop', kind: 'errors' }] }).find((one) => one.service === 'late')!.factors
        .inTime,
    ).toBe(0.5)
  })

  it('does not gain by correlation where there is too little to correlate', () => {
    const brief = (name: string, errors: number): ServiceSeries =>
      service(name, { 'log.error_rate': [...Array.from({ length: 20 }, () => 0), errors, errors] })
    const ranked = ask([brief('shop', 20), brief('cart', 24)], {
      moment: { onset: 20, recentFrom: 20 },
      symptoms: [{ service: 'shop', kind: 'errors' }],
    })
    expect(ranked.map((one) => one.factors.correlation)).toEqual([1, 1])
    expect(names(ranked)[0]).toBe('cart')
  })

  it('rises with a deploy just before, an alert and a missed heartbeat', () => {
    const series = [failing('cart', 20), failing('mail', 20)]
    const deploys = new Map([['mail', { service: 'mail', atMs: 0, version: '2', previous: '1' }]])
    expect(names(ask(series))).toEqual(['cart', 'mail'])
    expect(names(ask(series, { deploys }))).toEqual(['mail', 'cart'])
    expect(ask([healthy('cart')], { outside: [{ service: 'batch', kind: 'heartbeat' }] })).toMatchObject([
      { service: 'batch', kind: 'heartbeat' },
    ])
  })

  it('names nobody where all is well', () => {
    expect(
      ask([healthy('shop'), healthy('cart')], { symptoms: [{ service: 'shop', kind: 'errors' }], calls: calls(['shop', 'cart']) }),
    ).toEqual([])
  })
})

describe('what an edge is known by', () => {
  const trace = (i: number, first: string, second: string): Trace => ({
    id: `t${i}`,
    visits: [
      { service: first, firstUs: 0, lastUs: 9 },
      { service: second, firstUs: 1, lastUs: 2 },
    ],
  })
  const traces = Array.from({ length: 10 }, (_, i) => (i < 9 ? trace(i, 'a', 'b') : trace(i, 'b', 'a')))

  it('is trusted as far as it deserves', () => {
    const [shared] = callEdges(traces)
    expect(trustOf(spanEdge({ from: 'a', to: 'b', calls: 1, errors: 0, examples: [], isEstimate: false }))).toBe(1)
    expect(trustOf(declaredEdge('a', 'b'))).toBe(0.9)
    expect(trustOf(shared)).toBe(0.9)
    expect(trustOf({ ...shared, directed: false })).toBe(0)
    expect(trustOf({ ...shared, kind: 'correlation' })).toBe(0)
  })

  it('is the best of what is known of a pair', () => {
    expect(
      callEdges(traces, [declaredEdge('b', 'a'), spanEdge({ from: 'b', to: 'a', calls: 3, errors: 0, examples: [], isEstimate: false })]),
    ).toMatchObject([{ from: 'b', to: 'a', kind: 'span' }])
    expect(callEdges([], [declaredEdge('a', 'b')])).toMatchObject([{ kind: 'declared', directed: true }])
  })
})

describe('over shops of random shape', () => {
  const SHOPS = 25
  for (const fault of FAULTS) {
    it(`finds the service with a fault of ${fault} by its shared traces, and among the first three without`, () => {
      let [first, amongThree] = [0, 0]
      for (let seed = 1; seed <= SHOPS; seed++) {
        const { series, traces, truth, front, onset } = randomShop(seed, fault)
        const input = { moment: { onset, recentFrom: 0 }, symptoms: [{ service: front, kind: null }] }
        if (ask(series, { ...input, calls: callEdges(traces) })[0]?.service === truth) first++
        if (
          ask(series, input)
            .slice(0, 3)
            .some((one) => one.service === truth)
        )
          amongThree++
      }
      expect(first).toBeGreaterThanOrEqual(0.9 * SHOPS)
      expect(amongThree).toBeGreaterThanOrEqual(0.9 * SHOPS)
    })
  }
})
