// A shop of any size, for time: services in layers that call some of the layer below, traces of logs, and one service that fails
// with everything above it. It asks for the whole answer, as the API does.
import { analyse, GRID_MS, type Loaded } from '../../analytics/rca/analyse.ts'
import type { Trace } from '../../analytics/rca/graph.ts'
import type { ServiceSeries } from '../../analytics/rca/series.ts'
import type { IncidentRef } from '../../streams/contracts/rca.ts'
import { cpuMs } from './case.ts'

const BUCKETS = 120
const ONSET = 90
const LAYERS = 5
/** As many as an analysis loads. */
const TRACES = 3000
const FROM_MS = 1_700_000_000_000

/** The same numbers on every run. */
const createRandom = (seed: number) => (): number => {
  seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
  return seed / 2 ** 32
}

export interface Synthetic {
  readonly incident: IncidentRef
  readonly loaded: Loaded
  readonly truth: string
}

export const synthetic = (services: number): Synthetic => {
  const random = createRandom(services)
  const name = (i: number): string => `service-${String(i).padStart(4, '0')}`
  const perLayer = Math.ceil(services / LAYERS)
  const callees = Array.from({ length: services }, (_, i) =>
    i + perLayer >= services
      ? []
      : [0, 1, 2].map((k) => Math.min(services - 1, (Math.floor(i / perLayer) + 1) * perLayer + ((i + k * 7) % perLayer))),
  )
  // One that is called: below the first two layers.
  const broken = perLayer * 2
  const unwell = new Set([broken])
  for (let i = services - 1; i >= 0; i--) if (callees[i].some((callee) => unwell.has(callee))) unwell.add(i)
  const series = Array.from({ length: services }, (_, i): ServiceSeries => {
    const bad = unwell.has(i) ? (i === broken ? 30 : 10) : 0
    const grid = (f: (bucket: number) => number): number[] => Array.from({ length: BUCKETS }, (_, bucket) => f(bucket))
    return {
      service: name(i),
      metrics: {
        'log.rate': grid(() => Math.round(200 + 30 * random())),
        'log.error_rate': grid((bucket) => Math.round(2 * random()) + (bucket >= ONSET ? bad : 0)),
        'log.new_template_rate': grid((bucket) => (bucket >= ONSET && i === broken ? 1 : 0)),
        'attr.duration_ms': grid((bucket) => (40 + 8 * random()) * (bucket >= ONSET && bad > 0 ? 2 : 1)),
      },
    }
  })
  const traces = Array.from({ length: TRACES }, (_, t): Trace => {
    const visits: Trace['visits'][number][] = []
    for (let i: number | undefined = t % perLayer, depth = 0; i !== undefined; depth++, i = callees[i][t % Math.max(1, callees[i].length)])
      visits.push({ service: name(i), firstUs: depth * 100, lastUs: 10_000 - depth * 100 })
    return { id: `trace${t}`, visits }
  })
  const front = [...unwell]
    .filter((i) => i < perLayer)
    .slice(0, 3)
    .map(name)
  const onsetMs = FROM_MS + ONSET * GRID_MS
  return {
    truth: name(broken),
    incident: {
      id: 'inc_1',
      tenant: 't',
      openedAtMs: onsetMs + 60_000,
      services: front,
      signals: front.map((service, i) => ({
        kind: 'anomaly' as const,
        id: `anom-${i}`,
        service,
        summary: `${service}: errors up`,
        startedAtMs: onsetMs,
        endedAtMs: null,
      })),
    },
    loaded: { window: { fromMs: FROM_MS, toMs: FROM_MS + BUCKETS * GRID_MS }, series, traces, calls: [], deploys: [], owners: new Map() },
  }
}

const ROUNDS = 5

/** Median of some answers; the first, which compiles, is not counted. */
export const timeSynthetic = (services: number): { readonly ms: number; readonly right: boolean } => {
  const { incident, loaded, truth } = synthetic(services)
  let right = true
  const times = Array.from({ length: ROUNDS + 1 }, () => {
    const begun = process.cpuUsage()
    right &&= analyse(incident, loaded, 0).causes[0]?.service === truth
    return cpuMs(begun)
  })
    .slice(1)
    .sort((a, b) => a - b)
  return { ms: times[Math.floor(ROUNDS / 2)], right }
}
