// Edges between services and how each is known: a span's parent is exact, what is declared is somebody's word, shared traces
// give a direction (the caller speaks first and is still there when the callee does), correlation gives none.
import type { EdgeSource } from '../../streams/contracts/rca.ts'
import { correlate } from './correlation.ts'
import type { ServiceSeries } from './series.ts'

export interface TraceVisit {
  readonly service: string
  readonly firstUs: number
  readonly lastUs: number
}
export interface Trace {
  readonly id: string
  readonly visits: readonly TraceVisit[]
}

export interface Edge {
  /** The caller where `directed`; else the lesser name. */
  readonly from: string
  readonly to: string
  readonly directed: boolean
  readonly kind: EdgeSource
  /** Calls or traces that show it in this direction, and in the other. */
  readonly count: number
  readonly against: number
  readonly examples: readonly string[]
  /** Of spans: calls that failed, and whether both numbers are scaled up from a sample of traces. */
  readonly failed?: number
  readonly isEstimate?: boolean
  /** Of the first of them. */ readonly firstMs?: number
  /** Strongest correlation between the two services' series, 0 when none is significant. */
  readonly r: number
  /** `to` follows `from` by this many buckets; negative: `to` moved first. */
  readonly lagBuckets: number
  readonly metric: string
}

const MIN_TRACES = 3
const MAJORITY = 0.7
const EXAMPLES = 3
/** Pairs grow with the square: a thousand services would take minutes. */
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

interface Tally {
  ab: number
  ba: number
  readonly examplesAb: string[]
  readonly examplesBa: string[]
}

export const traceEdges = (traces: readonly Trace[]): Edge[] => {
  const tallies = new Map<string, Tally>()
  for (const trace of traces) {
    for (const [caller, callee] of callsOf(trace)) {
      const forward = caller < callee
      const key = JSON.stringify(forward ? [caller, callee] : [callee, caller])
      let tally = tallies.get(key)
      if (tally === undefined) tallies.set(key, (tally = { ab: 0, ba: 0, examplesAb: [], examplesBa: [] }))
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
    return [
      {
        from: flipped ? b : a,
        to: flipped ? a : b,
        directed,
        kind: 'trace' as const,
        count,
        against: Math.min(ab, ba),
        examples: ab >= ba ? examplesAb : examplesBa,
        r: 0,
        lagBuckets: 0,
        metric: '',
      },
    ]
  })
}

const byName = (a: Edge, b: Edge): number => (a.from + a.to < b.from + b.to ? -1 : 1)
const known = (a: string, b: string): string => JSON.stringify(a < b ? [a, b] : [b, a])
const NO_CORRELATION = { r: 0, lagBuckets: 0, metric: '' } as const

/** A dependency that somebody has told. */
export const declaredEdge = (from: string, to: string): Edge => ({
  from,
  to,
  directed: true,
  kind: 'declared',
  count: 0,
  against: 0,
  examples: [],
  ...NO_CORRELATION,
})

/** Calls that spans show, parent and child. */
export interface SpanCalls {
  readonly from: string
  readonly to: string
  readonly calls: number
  readonly examples: readonly string[]
  /** Where they were counted. */ readonly errors?: number
  readonly firstMs?: number
  readonly lastMs?: number
  /** Scaled up from a sample of traces. */ readonly isEstimate?: boolean
}
export const spanEdge = ({ from, to, calls, errors, examples, firstMs, isEstimate }: SpanCalls): Edge => ({
  from,
  to,
  directed: true,
  kind: 'span',
  count: calls,
  against: 0,
  examples,
  failed: errors,
  isEstimate,
  firstMs,
  ...NO_CORRELATION,
})

/** How far an edge may be trusted to say who calls whom; a correlation says nothing about it. */
export const trustOf = ({ kind, directed, count, against }: Edge): number => {
  if (!directed || kind === 'correlation') return 0
  if (kind === 'span') return 1
  // Declarations grow old: nine in ten.
  return kind === 'declared' ? 0.9 : count / (count + against)
}

/** The order of records is a guess at who calls whom. Between two services that spans know, spans would show the call: what they do not is
 * none, such as two that are called one after the other, or a caller that logs when it is done. */
export const unlessSpansDeny = (guesses: readonly Edge[], spans: readonly Pick<Edge, 'from' | 'to'>[]): Edge[] => {
  const known = new Set(spans.flatMap(({ from, to }) => [from, to]))
  const shown = new Set(spans.map(({ from, to }) => JSON.stringify([from, to])))
  const isShown = ({ from, to, directed }: Edge): boolean =>
    shown.has(JSON.stringify([from, to])) || (!directed && shown.has(JSON.stringify([to, from])))
  return guesses.filter((edge) => !known.has(edge.from) || !known.has(edge.to) || isShown(edge))
}

/** One edge for each pair: the best known of several. Pairs that call each other both ways by their spans stay two. */
const merged = (edges: readonly Edge[]): Edge[] => {
  const spans = edges.filter((edge) => edge.kind === 'span')
  const best = new Map<string, Edge>()
  const taken = new Set(spans.map((edge) => known(edge.from, edge.to)))
  for (const edge of edges) {
    const pair = known(edge.from, edge.to)
    if (edge.kind !== 'span' && !taken.has(pair) && trustOf(edge) >= trustOf(best.get(pair) ?? edge)) best.set(pair, edge)
  }
  return [...spans, ...best.values()]
}

/** What the calls are known by: spans, shared traces, declarations. */
export const callEdges = (traces: readonly Trace[], more: readonly Edge[] = []): Edge[] => {
  const spans = more.filter(({ kind }) => kind === 'span')
  return merged([...unlessSpansDeny(traceEdges(traces), spans), ...more]).sort(byName)
}

/** Call edges with the correlation of their ends, and edges that only correlation shows, between the first of the series. */
export const withCorrelation = (calls: readonly Edge[], series: readonly ServiceSeries[]): Edge[] => {
  const edges = [...calls]
  const at = new Map<string, number[]>()
  edges.forEach((edge, i) => {
    const pair = known(edge.from, edge.to)
    const indexes = at.get(pair)
    if (indexes === undefined) at.set(pair, [i])
    else indexes.push(i)
  })
  const ordered = series.slice(0, MAX_CORRELATED).sort((a, b) => (a.service < b.service ? -1 : 1))
  for (let i = 0; i < ordered.length; i++) {
    for (let j = i + 1; j < ordered.length; j++) {
      const found = correlate(ordered[i], ordered[j])
      if (found === null) continue
      const indexes = at.get(known(ordered[i].service, ordered[j].service)) ?? []
      if (indexes.length === 0)
        edges.push({
          from: ordered[i].service,
          to: ordered[j].service,
          directed: false,
          kind: 'correlation',
          count: 0,
          against: 0,
          examples: [],
          ...found,
        })
      // `|| 0`: a lag of none has no sign.
      for (const index of indexes)
        edges[index] = {
          ...edges[index],
          ...found,
          lagBuckets: (edges[index].from === ordered[i].service ? found.lagBuckets : -found.lagBuckets) || 0,
        }
    }
  }
  return edges.sort(byName)
}
