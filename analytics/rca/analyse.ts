// From what was loaded to what is answered: ranking with evidence, blast radius, correlations. Pure and deterministic.
import type { Analysis, Blast, Cause, Correlation, Correlations, Direction, Evidence, Impacted, IncidentRef, TimelineEntry } from '../../streams/contracts/rca.ts'
import { anomaliesLink, changeEvidence, deployEvidence, edgeEvidence, iso, logsLink, type WindowMs } from './evidence.ts'
import { buildGraph, traceEdges, type Edge, type ServiceSeries, type Trace } from './graph.ts'
import { rank, type Deploy, type Ranked } from './rank.ts'
import { similarTo } from './similar.ts'
import { ANOMALOUS, strengthOf, type Strength } from './strength.ts'

export const GRID_MS = 10_000

export interface Loaded { readonly window: WindowMs; readonly series: readonly ServiceSeries[]; readonly traces: readonly Trace[]; readonly deploys: readonly Deploy[]; /** Messages of the errors of the incident's services, for what resembles it. */ readonly templates?: readonly string[] }

interface Ranking { readonly onsetMs: number; readonly edges: readonly Edge[]; readonly strengths: ReadonlyMap<string, Strength>; readonly ranked: readonly Ranked[] }

const onsetOf = (incident: IncidentRef): number => Math.min(incident.openedAtMs, ...incident.signals.map((signal) => signal.startedAtMs))

const rankIncident = (incident: IncidentRef, loaded: Loaded): Ranking => {
  const onsetMs = onsetOf(incident)
  // A bucket earlier: the fault began before the first bucket that exceeded anything.
  const onset = Math.max(0, Math.floor((onsetMs - loaded.window.fromMs) / GRID_MS) - 1)
  const edges = buildGraph(loaded.traces, loaded.series)
  const strengths = new Map(loaded.series.map((series) => [series.service, strengthOf(series, onset)]))
  const outside = incident.signals.flatMap((signal) => signal.kind === 'anomaly' ? [] : [{ service: signal.service, kind: signal.kind }])
  return { onsetMs, edges, strengths, ranked: rank({ symptoms: incident.services, strengths, edges, deploys: loaded.deploys, outside, onsetMs }) }
}

const causeOf = (item: Ranked, index: number, incident: IncidentRef, ranking: Ranking, loaded: Loaded): Cause => {
  const { window } = loaded
  const evidence: Evidence[] = item.strength.changes.slice(0, 4).map((change) => changeEvidence(item.service, change, window))
  for (const signal of incident.signals) {
    if (signal.service !== item.service || signal.kind === 'anomaly') continue
    evidence.push({ kind: signal.kind, statement: signal.summary, numbers: { seconds_after_onset: Math.round((signal.startedAtMs - ranking.onsetMs) / 1000) }, link: signal.kind === 'alert' ? anomaliesLink(signal.service, window) : `/api/v1/incidents/${incident.id}` })
  }
  if (item.deploy !== null) evidence.push(deployEvidence(item.deploy, ranking.onsetMs, window))
  const near = ranking.edges.filter((edge) => edge.from === item.service || edge.to === item.service)
    .filter((edge) => [edge.from, edge.to].some((name) => name !== item.service && ((ranking.strengths.get(name)?.score ?? 0) >= ANOMALOUS || incident.services.includes(name))))
  evidence.push(...near.slice(0, 4).flatMap((edge) => edgeEvidence(edge, window)))
  return { rank: index + 1, service: item.service, score: Number(item.score.toFixed(4)), evidence }
}

const timelineOf = (incident: IncidentRef, ranking: Ranking, loaded: Loaded): TimelineEntry[] => {
  const entries: { atMs: number; what: string; ref: string }[] = [
    ...loaded.deploys.map((deploy) => ({ atMs: deploy.atMs, what: `${deploy.service}: ${deploy.version} deployed`, ref: logsLink(deploy.service, loaded.window) })),
    ...ranking.ranked.flatMap(({ service, strength }) => strength.changes.slice(0, 1).map((change) => ({
      atMs: loaded.window.fromMs + change.firstIndex * GRID_MS, what: `${service}: first sign (${change.kind})`, ref: anomaliesLink(service, loaded.window),
    }))),
    ...incident.signals.flatMap((signal) => [
      { atMs: signal.startedAtMs, what: signal.summary, ref: signal.id },
      ...(signal.endedAtMs === null ? [] : [{ atMs: signal.endedAtMs, what: `${signal.service}: ${signal.kind} over`, ref: signal.id }]),
    ]),
    { atMs: incident.openedAtMs, what: 'incident opened', ref: `/api/v1/incidents/${incident.id}` },
  ]
  return entries.sort((a, b) => a.atMs - b.atMs || (a.what < b.what ? -1 : 1)).map(({ atMs, what, ref }) => ({ at: iso(atMs), what, ref }))
}

const nextChecks = (top: Ranked | undefined, window: WindowMs): string[] => {
  if (top === undefined) return ['No service stands out: widen the time range or look at the incident\'s own signals']
  const checks = [`Read the errors of ${top.service}: GET ${logsLink(top.service, window, { severity_min: '17' })}`]
  if (top.deploy !== null) checks.push(`Compare with the version before ${top.deploy.version}, or roll ${top.service} back`)
  if (top.kind === 'traffic_drop') checks.push(`Check that ${top.service} runs and that its logs still reach us`)
  if (top.kind === 'latency') checks.push(`Look at what ${top.service} waits for: pools, locks, its own dependencies outside the graph`)
  checks.push(`See its anomalies: GET ${anomaliesLink(top.service, window)}`)
  return checks
}

const fixedBefore = ({ incidentId, similarity, because, resolution }: Analysis['similar'][number]): string =>
  `Try what helped in ${incidentId}, which resembles it at ${similarity} (${because}): ${resolution.replace(/\s+/g, ' ').slice(0, 200)}`

export const analyse = (incident: IncidentRef, loaded: Loaded, nowMs: number): Analysis => {
  const ranking = rankIncident(incident, loaded)
  const [top, second] = ranking.ranked
  const confidence = top === undefined ? 0 : top.score * (1 - 0.5 * ((second?.score ?? 0) / top.score))
  const others = ranking.ranked.filter((item) => item.explainedBy.length > 0).map((item) => item.service)
  const [first] = top?.strength.changes ?? []
  const summary = top === undefined
    ? 'No service around the incident deviates enough to be named as its cause.'
    : `${top.service} is the most likely cause (${top.kind}${first === undefined ? '' : `: ${first.metric} ${Number(first.before.toPrecision(3))} → ${Number(first.after.toPrecision(3))}`})${others.length > 0 ? `; ${others.join(', ')} ${others.length === 1 ? 'is' : 'are'} explained by what they depend on` : ''}.`
  const similar = similarTo(incident, loaded.templates ?? [])
  return {
    incidentId: incident.id, generatedAt: iso(nowMs),
    verdict: { cause: top === undefined ? null : { service: top.service, kind: top.kind, confidence: Number(confidence.toFixed(3)) }, summary },
    causes: ranking.ranked.map((item, i) => causeOf(item, i, incident, ranking, loaded)),
    timeline: timelineOf(incident, ranking, loaded), similar, nextChecks: [...nextChecks(top, loaded.window), ...similar.slice(0, 1).filter((one) => one.resolution !== '').map(fixedBefore)],
    window: { from: iso(loaded.window.fromMs), to: iso(loaded.window.toMs) },
  }
}

interface Reach { readonly service: string; readonly path: readonly string[]; readonly relation: Direction; readonly score: number; readonly lagBuckets: number; readonly edge: Edge }

/** Breadth first. `relation` is kept only along a path that goes one way; scores multiply, lags add. */
const walk = (root: string, edges: readonly Edge[], depth: number): Reach[] => {
  const found = new Map<string, Reach>()
  let front: Omit<Reach, 'edge'>[] = [{ service: root, path: [root], relation: 'undirected', score: 1, lagBuckets: 0 }]
  for (let level = 0; level < depth && front.length > 0; level++) {
    const next: Reach[] = []
    for (const at of front) {
      for (const edge of edges) {
        if (edge.from !== at.service && edge.to !== at.service) continue
        const forward = edge.from === at.service
        const service = forward ? edge.to : edge.from
        if (service === root || found.has(service)) continue
        const own: Direction = edge.directed ? (forward ? 'upstream' : 'downstream') : 'undirected'
        const share = edge.kind === 'trace' ? (edge.count / (edge.count + edge.against)) * (edge.count / (edge.count + 3)) : 0
        const step: Reach = {
          service, path: [...at.path, service], relation: level === 0 || own === at.relation ? own : 'undirected',
          score: at.score * Math.max(Math.abs(edge.r), share), lagBuckets: at.lagBuckets + (forward ? edge.lagBuckets : -edge.lagBuckets), edge,
        }
        found.set(service, step)
        next.push(step)
      }
    }
    front = next
  }
  return [...found.values()]
}

/** Calls first: what is correlated as well as called is reached by its call path. */
const reach = (root: string, edges: readonly Edge[], depth: number): Reach[] => {
  const calls = walk(root, edges.filter((edge) => edge.kind === 'trace'), depth)
  const known = new Set(calls.map((found) => found.service))
  return [...calls, ...walk(root, edges, depth).filter((found) => !known.has(found.service))]
}

export const correlationsOf = (service: string, depth: number, loaded: Loaded): Correlations => ({
  service_id: service,
  correlations: reach(service, buildGraph(loaded.traces, loaded.series), depth).map((found): Correlation => ({
    related_service: found.service, correlation_score: Number(found.score.toFixed(4)), direction: found.relation,
    lag_minutes: Number(((found.lagBuckets * GRID_MS) / 60_000).toFixed(3)) || 0,
  })).sort((a, b) => b.correlation_score - a.correlation_score || (a.related_service < b.related_service ? -1 : 1)),
})

export const neighboursOf = (service: string, loaded: Loaded): string[] =>
  walk(service, traceEdges(loaded.traces), 2).map((found) => found.service).sort()

/** Around what the blast radius is drawn: the first of the causes. */
export const rootOf = (incident: IncidentRef, loaded: Loaded): string => rankIncident(incident, loaded).ranked[0]?.service ?? incident.services[0] ?? ''

export const blastOf = (incident: IncidentRef, loaded: Loaded, root: string): Blast => {
  const { edges, strengths } = rankIncident(incident, loaded)
  const touched = (service: string): boolean => (strengths.get(service)?.score ?? 0) >= ANOMALOUS || incident.services.includes(service)
  // Callers depend on the root and are impacted. Anything else only where it is itself unwell: correlation alone draws no radius.
  const reached = reach(root, edges, 4).filter((found) => found.relation === 'downstream' || touched(found.service))
  const impacted = reached.map((found): Impacted => ({
    service: found.service, path: found.path, relation: found.relation,
    evidence: [...edgeEvidence(found.edge, loaded.window), ...(strengths.get(found.service)?.changes ?? []).slice(0, 1).map((change) => changeEvidence(found.service, change, loaded.window))],
  })).sort((a, b) => a.path.length - b.path.length || (a.service < b.service ? -1 : 1))
  const inside = new Set([root, ...impacted.map((item) => item.service)])
  return {
    incidentId: incident.id, root, impacted,
    edges: edges.filter((edge) => inside.has(edge.from) && inside.has(edge.to))
      .map((edge) => ({ from: edge.from, to: edge.to, kind: edge.kind === 'trace' ? 'calls' : 'correlates', evidence: edgeEvidence(edge, loaded.window) })),
  }
}
