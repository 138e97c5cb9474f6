import { describe, expect, it } from 'vitest'
import { BUCKET_MS, newDetector, step, type DetectorState, type Verdict } from '../../../analytics/anomaly/detector.ts'
import { judgementOf, type Judgement } from '../../../analytics/anomaly/metric.ts'

const config = { zThreshold: 3, cooldownMs: 300_000 }
const DAY_BUCKETS = 8640

/** mulberry32: the same traffic on every run. */
const random =
  (seed: number): (() => number) =>
  () => {
    seed = (seed + 0x6d2b79f5) | 0
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
const normal = (next: () => number): number => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next())
const poisson = (next: () => number, mean: number): number => {
  if (mean > 50) return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal(next)))
  let product = next()
  let count = 0
  for (const limit = Math.exp(-mean); product > limit; count++) product *= next()
  return count
}

interface Opened {
  readonly metric: string
  readonly atMs: number
  readonly verdict: Verdict
}
interface Service {
  readonly base: number
  readonly phase: number
  readonly errors: number
  readonly latency: number
  readonly metrics: Map<string, DetectorState>
}
type Fault = 'none' | 'errors and latency' | 'silence'

const judged = (metric: string): Judgement => judgementOf(metric)!
const feed = (service: Service, metric: string, atMs: number, value: number | null, opened: Opened[]): void => {
  const result = step(service.metrics.get(metric) ?? newDetector(), judged(metric), config, { atMs, value })
  service.metrics.set(metric, result.state)
  if (result.verdict.opens !== null) opened.push({ metric, atMs, verdict: result.verdict })
}
const bucketOf = (service: Service, next: () => number, i: number, fault: Fault, opened: Opened[]): void => {
  const atMs = i * BUCKET_MS
  const expected = service.base * (1 + 0.6 * Math.sin((2 * Math.PI * i) / DAY_BUCKETS + service.phase))
  const rate = fault === 'silence' ? 0 : poisson(next, expected)
  const faulty = fault === 'errors and latency'
  feed(service, 'log.rate', atMs, rate, opened)
  feed(service, 'log.error_rate', atMs, fault === 'silence' ? 0 : poisson(next, expected * service.errors * (faulty ? 10 : 1)), opened)
  feed(service, 'log.new_template_rate', atMs, poisson(next, i < 20 ? 2 : 0.001), opened)
  const latency = service.latency * (faulty ? 5 : 1) * Math.exp((0.6 * normal(next)) / Math.sqrt(Math.max(1, rate)))
  feed(service, 'attr.http.server.request.duration', atMs, rate === 0 ? null : latency, opened)
}
const makeServices = (next: () => number): Service[] =>
  Array.from({ length: 50 }, (_, i) => ({
    base: [2, 5, 12, 40, 150, 900][i % 6],
    phase: next() * 2 * Math.PI,
    errors: [0.002, 0.01, 0.03][i % 3],
    latency: 20 + 200 * next(),
    metrics: new Map(),
  }))

const run = (metric: string, values: readonly (number | null)[]): { state: DetectorState; verdicts: Verdict[] } => {
  let state = newDetector()
  const verdicts = values.map((value, i) => {
    const result = step(state, judged(metric), config, { atMs: (i + 1) * BUCKET_MS, value })
    state = result.state
    return result.verdict
  })
  return { state, verdicts }
}
const times = (n: number, value: number | null): (number | null)[] => Array.from({ length: n }, () => value)

describe('the detector', () => {
  it('opens at most one anomaly over a healthy seasonal day of 50 services, then finds faults within two minutes', () => {
    const next = random(7)
    const services = makeServices(next)
    const healthy: Opened[] = []
    for (const service of services) for (let i = 0; i < DAY_BUCKETS; i++) bucketOf(service, next, i, 'none', healthy)
    expect(healthy.length).toBeLessThanOrEqual(1)

    for (const [index, fault] of [
      [4, 'errors and latency'],
      [10, 'errors and latency'],
      [1, 'silence'],
      [17, 'silence'],
    ] as const) {
      const opened: Opened[] = []
      for (let i = DAY_BUCKETS; i < DAY_BUCKETS + 12; i++) bucketOf(services[index], next, i, fault, opened)
      const metrics = opened.map((o) => o.metric)
      if (fault === 'silence') expect(metrics).toEqual(['log.rate'])
      else expect(metrics).toEqual(expect.arrayContaining(['log.error_rate', 'attr.http.server.request.duration']))
      expect(opened[0].verdict.opens!.startedAtMs).toBeGreaterThanOrEqual((DAY_BUCKETS - 2) * BUCKET_MS)
    }
  })

  it('says nothing before it has seen 30 buckets', () => {
    const { verdicts } = run('log.rate', [...times(10, 5), ...times(20, 500)])
    expect(verdicts.every((verdict) => verdict.state === 'learning' && verdict.opens === null)).toBe(true)
  })

  it('ignores a single burst and a flat series that barely moves', () => {
    const burst = run('log.error_rate', [...times(60, 1), 80, 90, ...times(60, 1)])
    const flat = run('attr.duration_ms', [...times(200, 100), ...times(50, 130)])
    expect([...burst.verdicts, ...flat.verdicts].filter((verdict) => verdict.opens !== null)).toEqual([])
  })

  it('judges errors and latency upwards only', () => {
    const errors = run('log.error_rate', [...times(100, 40), ...times(40, 0)])
    const latency = run('attr.duration_ms', [...times(100, 40), ...times(40, 1)])
    expect([...errors.verdicts, ...latency.verdicts].filter((verdict) => verdict.opens !== null)).toEqual([])
  })

  it('explains an anomaly by what it saw, expected, its band and its history', () => {
    const { verdicts } = run('log.error_rate', [...times(100, 4), ...times(6, 40)])
    const opening = verdicts.find((verdict) => verdict.opens !== null)!
    expect(opening.opens).toEqual({ direction: 1, startedAtMs: 101 * BUCKET_MS })
    expect(opening.observed).toBe(40)
    expect(opening.expected).toBeGreaterThan(3.5)
    expect(opening.expected).toBeLessThan(6)
    expect(opening.upper).toBeLessThan(40)
    expect(opening.lower).toBeLessThan(4)
    expect(opening).toMatchObject({ signal: 'rolling_z', state: 'ready' })
    expect(opening.history).toBeGreaterThanOrEqual(100)
    expect(opening.z).toBeGreaterThan(3)
    expect(opening.score).toBeGreaterThan(0.5)
    expect(opening.score).toBeLessThanOrEqual(1)
  })

  it('resolves after six buckets in the band and stays quiet for the cooldown', () => {
    const { verdicts } = run('log.error_rate', [
      ...times(100, 4),
      ...times(10, 60),
      ...times(7, 4),
      ...times(10, 60),
      ...times(90, 4),
      ...times(12, 60),
    ])
    const resolved = verdicts.flatMap((verdict, i) => (verdict.resolves === null ? [] : [i]))
    const opened = verdicts.flatMap((verdict, i) => (verdict.opens === null ? [] : [i]))
    expect(resolved[0]).toBe(115)
    expect(opened[0]).toBeLessThan(110)
    expect(opened[1]).toBeGreaterThanOrEqual(115 + 30)
  })

  it('lets gaps pass without alarm or reset, and resolves after 30 minutes without data', () => {
    const gaps = run('attr.duration_ms', [...times(60, 100), ...times(100, null), ...times(60, 100)])
    expect(gaps.verdicts.filter((verdict) => verdict.opens !== null)).toEqual([])
    expect(gaps.state.n).toBe(120)
    const silent = run('attr.duration_ms', [...times(60, 100), ...times(8, 900), ...times(180, null)])
    expect(silent.verdicts.flatMap((verdict, i) => (verdict.resolves === null ? [] : [i]))).toEqual([247])
  })

  it('expects nothing of a series in which nothing happens', () => {
    expect(run('log.error_rate', times(300, 0)).state.mean).toBe(0)
    const { verdicts } = run('log.error_rate', [...times(300, 0), ...times(6, 8)])
    expect(verdicts.flatMap((verdict, i) => (verdict.opens === null ? [] : [i]))).toEqual([302])
  })

  it('sees a slow series fail, and stop, in sums over minutes', () => {
    const pattern = (n: number, every: number): number[] => Array.from({ length: n }, (_, i) => (i % every === 0 ? 1 : 0))
    const errors = run('log.error_rate', [...pattern(400, 100), ...pattern(40, 2)])
    const silent = run('log.rate', [...pattern(400, 1), ...times(40, 0)])
    expect(errors.verdicts.filter((verdict) => verdict.opens !== null)).toHaveLength(1)
    const stops = silent.verdicts.flatMap((verdict, i) => (verdict.opens === null ? [] : [{ at: i, ...verdict.opens }]))
    expect(stops).toMatchObject([{ direction: -1, startedAtMs: 401 * BUCKET_MS }])
    expect(stops[0].at).toBeLessThan(430)
  })

  it('takes what repeats every hour for a habit after its first time, unless it grows, lasts, or is of errors', () => {
    const hour = (burst: number, buckets = 4): (number | null)[] => [...times(buckets, burst), ...times(360 - buckets, 5)]
    const count = (metric: string, values: readonly (number | null)[]): number =>
      run(metric, values).verdicts.filter((verdict) => verdict.opens !== null).length
    const hourly = [...hour(5), ...hour(60), ...hour(60), ...hour(50), ...hour(70)]
    expect(count('log.rate', hourly)).toBe(1)
    expect(count('log.rate', [...hourly, ...hour(400)])).toBe(2)
    expect(count('log.rate', [...hourly, ...hour(60, 40)])).toBe(2)
    expect(count('log.rate', [...hourly, ...times(120, 5), ...hour(60)])).toBe(2)
    expect(count('log.error_rate', hourly)).toBe(4)
  })

  it('accepts a new level as normal in the end', () => {
    const { state, verdicts } = run('log.rate', [...times(100, 100), ...times(700, 400)])
    expect(verdicts.filter((verdict) => verdict.opens !== null)).toHaveLength(1)
    expect(state.open).toBeNull()
    expect(state.mean).toBeGreaterThan(300)
  })

  it('has a state that survives JSON, and equal states give equal verdicts', () => {
    const { state } = run('log.error_rate', [...times(100, 4), ...times(4, 60)])
    const copy = JSON.parse(JSON.stringify(state)) as DetectorState
    const point = { atMs: 105 * BUCKET_MS, value: 60 }
    expect(step(copy, judged('log.error_rate'), config, point)).toEqual(step(state, judged('log.error_rate'), config, point))
  })
})
