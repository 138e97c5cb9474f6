// A shop of random shape whose requests, times and errors follow from its calls, with one fault in it.
import type { Trace } from '../../../analytics/rca/graph.ts'
import type { ServiceSeries } from '../../../analytics/rca/series.ts'

export const FAULTS = ['latency', 'errors', 'silence'] as const
export type Fault = (typeof FAULTS)[number]
export interface Shop {
  readonly series: readonly ServiceSeries[]
  readonly traces: readonly Trace[]
  readonly truth: string
  readonly front: string
  readonly onset: number
}

const BUCKETS = 120
const ONSET = 92

/** mulberry32: the same numbers on every run. */
export const createRandom = (seed: number) => (): number => {
  seed = (seed + 0x6d2b79f5) | 0
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
}

interface Service {
  readonly name: string
  readonly callees: readonly number[]
  readonly ownMs: number
}

/** Service 0 is the front; every other one is called by one or two before it, at different rates. */
const shapeOf = (random: () => number, size: number): Service[] => {
  const callees: number[][] = Array.from({ length: size }, () => [])
  for (let i = 1; i < size; i++) for (const caller of new Set([Math.floor(random() * i), Math.floor(random() * i)])) callees[caller].push(i)
  return callees.map((list, i) => ({
    name: `service-${String.fromCharCode(97 + ((i * 7) % 26))}${i}`,
    callees: list,
    ownMs: 5 + 60 * random(),
  }))
}

export const randomShop = (seed: number, fault: Fault, size = 14): Shop => {
  const random = createRandom(seed)
  const poisson = (mean: number): number => {
    if (mean > 40) return Math.max(0, Math.round(mean + Math.sqrt(mean) * (random() + random() + random() - 1.5) * 2))
    let events = 0
    for (let left = Math.exp(-mean), p = random(); p > left; p *= random()) events++
    return events
  }
  const services = shapeOf(random, size)
  const broken = 1 + Math.floor(random() * (size - 1))
  const chance = services.map(() => 0.3 + 0.6 * random())
  const rows = services.map(() => ({ rate: [] as number[], errors: [] as number[], ms: [] as (number | null)[], calls: [] as number[] }))
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    const bad = bucket >= ONSET
    const calls = services.map((_, i) => (i === 0 ? poisson(120) : 0))
    for (const [i, service] of services.entries()) {
      const served = bad && fault === 'silence' && i === broken ? 0 : calls[i]
      for (const callee of service.callees) calls[callee] += poisson(served * chance[callee])
    }
    const ms = services.map(() => 0)
    const failed = services.map(() => 0)
    for (let i = size - 1; i >= 0; i--) {
      const hit = bad && i === broken
      const silent = hit && fault === 'silence'
      const waits = services[i].callees.reduce((sum, callee) => sum + chance[callee] * ms[callee], 0)
      ms[i] = (services[i].ownMs + (hit && fault === 'latency' ? 250 : 0)) * (0.9 + 0.2 * random()) + waits
      const share = (callee: number): number => chance[callee] * (bad && fault === 'silence' && callee === broken ? 0.9 : failed[callee])
      failed[i] = Math.min(
        1,
        (hit && fault === 'errors' ? 0.4 : 0) + 0.7 * services[i].callees.reduce((sum, callee) => sum + share(callee), 0),
      )
      rows[i].rate.push(silent ? 0 : calls[i] * 2)
      rows[i].errors.push(silent ? 0 : poisson(0.2 + failed[i] * calls[i]))
      rows[i].ms.push(silent || calls[i] === 0 ? null : ms[i])
      rows[i].calls.push(silent ? 0 : calls[i])
    }
  }
  const traces = Array.from({ length: 200 }, (_, t): Trace => {
    const visits: Trace['visits'][number][] = []
    const visit = (i: number, fromUs: number, toUs: number): void => {
      visits.push({ service: services[i].name, firstUs: fromUs, lastUs: toUs })
      const width = (toUs - fromUs - 2) / Math.max(1, services[i].callees.length)
      for (const [k, callee] of services[i].callees.entries())
        if (width > 20 && random() < chance[callee])
          visit(callee, Math.round(fromUs + 1 + k * width), Math.round(fromUs + (k + 1) * width - 1))
    }
    visit(0, 0, 1_000_000)
    return { id: `trace${t}`, visits: visits.filter((one, k) => visits.findIndex((other) => other.service === one.service) === k) }
  })
  const series = services.map(({ name }, i): ServiceSeries => ({
    service: name,
    metrics: { 'log.rate': rows[i].rate, 'log.error_rate': rows[i].errors, 'attr.duration_ms': rows[i].ms },
    weights: { 'attr.duration_ms': rows[i].calls },
  }))
  return { series, traces, truth: services[broken].name, front: services[0].name, onset: ONSET }
}
