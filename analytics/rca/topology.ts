// The graph of services in a window: who calls whom, how each edge is known, how often, and first and last when in it. Pure.
// Sources stand beside one another and are never mixed: an edge is of the best known one and names the others.
import type {
  EdgeSource,
  Evidence,
  ServiceTopology,
  Topology,
  TopologyEdge,
  TopologyQuestion,
  TopologyService,
} from '../../streams/contracts/rca.ts'
import { edgeEvidence, iso } from './evidence.ts'
import {
  callsOf,
  declaredEdge,
  spanEdge,
  traceEdges,
  unlessSpansDeny,
  withCorrelation,
  type Edge,
  type SpanCalls,
  type Trace,
} from './graph.ts'
import { edgesByService } from './paths.ts'
import type { ServiceSeries } from './series.ts'

const MAX_SERVICES = 500
const MAX_EDGES = 2000

export interface SeenService {
  readonly service: string
  readonly records: number
  readonly errors: number
  readonly firstMs: number
  readonly lastMs: number
}
/** `errors`: of each visit in turn, how many of its records are errors. */
export interface ExaminedTrace extends Trace {
  readonly errors: readonly number[]
}
export interface TopologyInput {
  readonly seen: readonly SeenService[]
  readonly traces: readonly ExaminedTrace[]
  /** How many there are, about. */
  readonly tracesFound: number
  readonly spans: readonly SpanCalls[]
  readonly told: Topology
  /** Empty unless correlation is asked for. */
  readonly series: readonly ServiceSeries[]
}

interface Use {
  calls: number
  errors: number
  firstMs: number
  lastMs: number
}
const keyOf = (from: string, to: string): string => JSON.stringify([from, to])
const pairOf = (a: string, b: string): string => (a < b ? keyOf(a, b) : keyOf(b, a))

/** Of each direction of each pair: in how many traces, in how many of them the called one had an error, and when. */
const usesOf = (traces: readonly ExaminedTrace[]): ReadonlyMap<string, Use> => {
  const uses = new Map<string, Use>()
  for (const trace of traces) {
    const at = new Map(trace.visits.map((visit, i) => [visit.service, i]))
    for (const [caller, callee] of callsOf(trace)) {
      const i = at.get(callee)!
      const ms = trace.visits[i].firstUs / 1000
      const use = uses.get(keyOf(caller, callee))
      const failed = trace.errors[i] > 0 ? 1 : 0
      if (use === undefined) uses.set(keyOf(caller, callee), { calls: 1, errors: failed, firstMs: ms, lastMs: ms })
      else {
        use.calls++
        use.errors += failed
        use.firstMs = Math.min(use.firstMs, ms)
        use.lastMs = Math.max(use.lastMs, ms)
      }
    }
  }
  return uses
}

const both = (a: Use | undefined, b: Use | undefined): Use | undefined =>
  a === undefined || b === undefined
    ? (a ?? b)
    : {
        calls: a.calls + b.calls,
        errors: a.errors + b.errors,
        firstMs: Math.min(a.firstMs, b.firstMs),
        lastMs: Math.max(a.lastMs, b.lastMs),
      }

interface Known {
  readonly edge: Edge
  readonly calls: number | null
  readonly errors: number | null
  readonly firstMs: number | null
  readonly lastMs: number | null
}
const ofSpans = (spans: SpanCalls): Known => ({
  edge: spanEdge(spans),
  calls: spans.calls,
  errors: spans.errors ?? null,
  firstMs: spans.firstMs ?? null,
  lastMs: spans.lastMs ?? null,
})
const ofTraces = (edge: Edge, uses: ReadonlyMap<string, Use>): Known => {
  const forward = uses.get(keyOf(edge.from, edge.to))
  const use = edge.directed ? forward : both(forward, uses.get(keyOf(edge.to, edge.from)))
  return { edge, calls: use?.calls ?? null, errors: use?.errors ?? null, firstMs: use?.firstMs ?? null, lastMs: use?.lastMs ?? null }
}
const untimed = (edge: Edge): Known => ({ edge, calls: null, errors: null, firstMs: null, lastMs: null })

/** Best known first. What says a direction goes before what says none. */
const ORDER: readonly EdgeSource[] = ['span', 'trace', 'declared', 'correlation']

/** Those of one direction are one edge; what has no direction joins every edge of its pair, or stands alone. */
const gather = (all: readonly Known[]): Known[][] => {
  const directed = new Map<string, Known[]>()
  const loose = new Map<string, Known[]>()
  for (const known of all) {
    const { from, to } = known.edge
    const [groups, key] = known.edge.directed ? ([directed, keyOf(from, to)] as const) : ([loose, pairOf(from, to)] as const)
    groups.set(key, [...(groups.get(key) ?? []), known])
  }
  const taken = new Set<string>()
  const groups = [...directed.values()].map((group) => {
    const pair = pairOf(group[0].edge.from, group[0].edge.to)
    taken.add(pair)
    return [...group, ...(loose.get(pair) ?? [])]
  })
  return [...groups, ...[...loose].filter(([pair]) => !taken.has(pair)).map(([, group]) => group)]
}

const toEdge = (group: readonly Known[], window: { fromMs: number; toMs: number }): TopologyEdge => {
  const sorted = group.toSorted(
    (a, b) => Number(b.edge.directed) - Number(a.edge.directed) || ORDER.indexOf(a.edge.kind) - ORDER.indexOf(b.edge.kind),
  )
  const [{ edge: best }] = sorted
  const counted = sorted.find(({ calls }) => calls !== null)
  const time = (ms: number | null | undefined): string | null => (typeof ms === 'number' ? iso(Math.floor(ms)) : null)
  const evidence: Evidence[] = sorted.flatMap(({ edge }) => edgeEvidence(edge, window))
  return {
    from: best.from,
    to: best.to,
    directed: best.directed,
    kind: best.kind,
    sources: sorted.map(({ edge }) => edge.kind),
    calls: counted?.calls ?? null,
    errors: counted?.errors ?? null,
    firstSeen: time(counted?.firstMs),
    lastSeen: time(counted?.lastMs),
    evidence,
  }
}

/** Services at most so many calls away, whichever way they go. */
const around = (service: string, edges: readonly Edge[], depth: number): Set<string> => {
  const at = edgesByService(edges)
  const found = new Set([service])
  let front = [service]
  for (let level = 0; level < depth && front.length > 0; level++) {
    front = [...new Set(front.flatMap((here) => (at.get(here) ?? []).map(({ from, to }) => (from === here ? to : from))))].filter(
      (name) => !found.has(name),
    )
    for (const name of front) found.add(name)
  }
  return found
}

/** Its series know a service from when their buckets are closed; its traces knew it half a minute before. */
const seenBy = (series: readonly SeenService[], traces: readonly ExaminedTrace[]): ReadonlyMap<string, SeenService> => {
  const seen = new Map(series.map((one) => [one.service, one]))
  for (const { service, firstUs, lastUs } of traces.flatMap((trace) => trace.visits)) {
    const [first, last] = [Math.floor(firstUs / 1000), Math.floor(lastUs / 1000)]
    const one = seen.get(service) ?? { service, records: 0, errors: 0, firstMs: first, lastMs: last }
    if (first < one.firstMs || last > one.lastMs || one.records === 0)
      seen.set(service, { ...one, firstMs: Math.min(one.firstMs, first), lastMs: Math.max(one.lastMs, last) })
  }
  return seen
}

const toService = (service: string, seen: SeenService | undefined, told: Topology, declared: ReadonlySet<string>): TopologyService => ({
  service,
  owner: told.owners.get(service) ?? null,
  seen: seen !== undefined,
  declared: declared.has(service),
  records: seen?.records ?? 0,
  errors: seen?.errors ?? 0,
  firstSeen: seen === undefined ? null : iso(seen.firstMs),
  lastSeen: seen === undefined ? null : iso(seen.lastMs),
})

export const topologyOf = ({ service, depth, fromMs, toMs }: TopologyQuestion, input: TopologyInput): ServiceTopology => {
  const { traces, told, spans } = input
  const uses = usesOf(traces)
  const calls = [
    ...spans.map(ofSpans),
    ...unlessSpansDeny(traceEdges(traces), spans).map((edge) => ofTraces(edge, uses)),
    ...told.declared.map(({ from, to }) => untimed(declaredEdge(from, to))),
  ]
  const declared = new Set([...told.owners.keys(), ...told.declared.flatMap(({ from, to }) => [from, to])])
  const seen = seenBy(input.seen, traces)
  // The busiest first, then those that are only spoken of.
  const all = [...new Set([...seen.keys(), ...calls.flatMap(({ edge }) => [edge.from, edge.to]), ...[...declared].sort()])]
  const near =
    service === null
      ? null
      : around(
          service,
          calls.map(({ edge }) => edge),
          depth,
        )
  const wanted = near === null ? all : [...new Set([service!, ...all])].filter((name) => near.has(name))
  const shown = new Set(wanted.slice(0, MAX_SERVICES))
  const inside = ({ edge }: Known): boolean => shown.has(edge.from) && shown.has(edge.to)
  const correlated = withCorrelation(
    [],
    input.series.filter((one) => shown.has(one.service)),
  ).map(untimed)
  const edges = gather([...calls, ...correlated].filter(inside))
    .map((group) => toEdge(group, { fromMs, toMs }))
    .sort(
      (a, b) =>
        ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind) || (b.calls ?? 0) - (a.calls ?? 0) || (a.from + a.to < b.from + b.to ? -1 : 1),
    )
  return {
    services: [...shown].map((name) => toService(name, seen.get(name), told, declared)),
    edges: edges.slice(0, MAX_EDGES),
    traces: { examined: traces.length, found: Math.max(traces.length, input.tracesFound) },
    truncated: wanted.length > MAX_SERVICES || edges.length > MAX_EDGES,
  }
}
