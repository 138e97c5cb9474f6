// Edges between services and how each is known. Shared traces give direction (the caller speaks first and is still there when
// the callee does); correlation gives none unless its lag is clear.
import { sampleCorrelation } from 'simple-statistics'

export interface TraceVisit { readonly service: string; readonly firstUs: number; readonly lastUs: number }
export interface Trace { readonly id: string; readonly visits: readonly TraceVisit[] }

export interface Edge {
  /** The caller where `directed`; else the lesser name. */
  readonly from: string
  readonly to: string
  readonly directed: boolean
  readonly kind: 'trace' | 'correlation'
  /** Traces that show it in this direction, and in the other. */
  readonly count: number
  readonly against: number
  readonly examples: readonly string[]
  /** Strongest correlation between the two services' series, 0 when none is significant. */
  readonly r: number
  /** `to` follows `from` by this many buckets; negative: `to` moved first. */
  readonly lagBuckets: number
  readonly metric: string
}

/** Values of one service's metrics on a common grid of buckets; null = no data. */
export interface ServiceSeries { readonly service: string; readonly metrics: Readonly<Record<string, readonly (number | null)[]>> }

const MIN_TRACES = 3
const MAJORITY = 0.7
const EXAMPLES = 3
const MAX_LAG = 12
const MIN_PAIRS = 30
const MIN_R = 0.6
/** A peak away from lag 0 must beat it by this much to say who moved first. */
const LAG_GAIN = 0.15
const MAX_CORRELATED = 60

/** Who called whom in one trace: the caller is the latest to have started before that had not finished. */
export const callsOf = (trace: Trace): (readonly [string, string])[] => {
  const visits = trace.visits.toSorted((a, b) => a.firstUs - b.firstUs || b.lastUs - a.lastUs || (a.service < b.service ? -1 : 1))
  const calls: (readonly [string, string])[] = []
  for (let i = 1; i < visits.length; i++) {
    const earlier = visits.slice(0, i).filter((visit) => visit.firstUs < visits[i].firstUs)
    const caller = earlier.findLast((visit) => visit.lastUs >= visits[i].firstUs) ?? earlier.at(-1)
    if (caller !== undefined) calls.push([caller.service, visits[i].service])
  }
  return calls
}

interface Tally { ab: number; ba: number; readonly examplesAb: string[]; readonly examplesBa: string[] }

export const traceEdges = (traces: readonly Trace[]): Edge[] => {
  const tallies = new Map<string, Tally>()
  for (const trace of traces) {
    for (const [caller, callee] of callsOf(trace)) {
      const forward = caller < callee
      const key = JSON.stringify(forward ? [caller, callee] : [callee, caller])
      let tally = tallies.get(key)
      if (tally === undefined) tallies.set(key, tally = { ab: 0, ba: 0, examplesAb: [], examplesBa: [] })
      if (forward) tally.ab++
      else tally.ba++
      const examples = forward ? tally.examplesAb : tally.examplesBa
      if (examples.length < EXAMPLES) examples.push(trace.id)
    }
  }
  return [...tallies].flatMap(([key, { ab, ba, examplesAb, examplesBa }]) => {
    const [a, b] = JSON.parse(key) as [string, string]
    const count = Math.max(ab, ba)
    if (ab + ba < MIN_TRACES) return []
    const directed = count / (ab + ba) >= MAJORITY && Math.abs(ab - ba) / Math.sqrt(ab + ba) >= 1.64
    const flipped = directed && ba > ab
    return [{
      from: flipped ? b : a, to: flipped ? a : b, directed, kind: 'trace' as const, count, against: Math.min(ab, ba),
      examples: ab >= ba ? examplesAb : examplesBa, r: 0, lagBuckets: 0, metric: '',
    }]
  })
}

/** Pearson of a(t) with b(t + lag) where both have data; null when too few, or one does not vary. */
export const laggedCorrelation = (a: readonly (number | null)[], b: readonly (number | null)[], lag: number): { r: number; n: number } | null => {
  const xs: number[] = []
  const ys: number[] = []
  for (let i = Math.max(0, -lag); i < a.length && i + lag < b.length; i++) {
    const x = a[i]
    const y = b[i + lag]
    if (x !== null && y !== null && x !== undefined && y !== undefined) { xs.push(x); ys.push(y) }
  }
  if (xs.length < MIN_PAIRS) return null
  const r = sampleCorrelation(xs, ys)
  return Number.isFinite(r) ? { r, n: xs.length } : null
}

/** Strong, and by Fisher's transformation four and a half sigma from none: there are many pairs to choose from. */
const significant = ({ r, n }: { r: number; n: number }): boolean => Math.abs(r) >= MIN_R && Math.atanh(Math.min(Math.abs(r), 0.999999)) * Math.sqrt(n - 3) >= 4.5

export interface Correlated { readonly r: number; readonly lagBuckets: number; readonly metric: string }

export const correlate = (a: ServiceSeries, b: ServiceSeries): Correlated | null => {
  let best: Correlated | null = null
  for (const metric of Object.keys(a.metrics).sort()) {
    if (b.metrics[metric] === undefined) continue
    const at0 = laggedCorrelation(a.metrics[metric], b.metrics[metric], 0)
    if (at0 === null || Math.abs(at0.r) < 0.3) continue
    let peak = { ...at0, lag: 0 }
    for (let lag = -MAX_LAG; lag <= MAX_LAG; lag++) {
      const at = laggedCorrelation(a.metrics[metric], b.metrics[metric], lag)
      if (at !== null && Math.abs(at.r) > Math.abs(peak.r)) peak = { ...at, lag }
    }
    if (Math.abs(peak.r) - Math.abs(at0.r) < LAG_GAIN) peak = { ...at0, lag: 0 }
    if (significant(peak) && (best === null || Math.abs(peak.r) > Math.abs(best.r))) best = { r: peak.r, lagBuckets: peak.lag, metric }
  }
  return best
}

/** Trace edges, with the correlation of their ends; and edges that only correlation shows. */
export const buildGraph = (traces: readonly Trace[], series: readonly ServiceSeries[]): Edge[] => {
  const edges = traceEdges(traces)
  const known = new Map(edges.map((edge, i) => [JSON.stringify([edge.from, edge.to].sort()), i]))
  const ordered = series.toSorted((a, b) => (a.service < b.service ? -1 : 1)).slice(0, MAX_CORRELATED)
  for (let i = 0; i < ordered.length; i++) {
    for (let j = i + 1; j < ordered.length; j++) {
      const found = correlate(ordered[i], ordered[j])
      if (found === null) continue
      const index = known.get(JSON.stringify([ordered[i].service, ordered[j].service]))
      if (index === undefined) {
        edges.push({ from: ordered[i].service, to: ordered[j].service, directed: false, kind: 'correlation', count: 0, against: 0, examples: [], ...found })
      } else {
        const edge = edges[index]
        // `|| 0`: a lag of none has no sign.
        edges[index] = { ...edge, ...found, lagBuckets: (edge.from === ordered[i].service ? found.lagBuckets : -found.lagBuckets) || 0 }
      }
    }
  }
  return edges.sort((a, b) => (a.from + a.to < b.from + b.to ? -1 : 1))
}
