// What lies around a service: whom it depends on, who depends on it, and what of that an incident reaches.
import type { Blast, Correlation, Correlations, Direction, Impacted, IncidentRef } from '../../streams/contracts/rca.ts'
import { edgesBetween, GRID_MS, examine, type Loaded } from './analyse.ts'
import { changeEvidence, edgeEvidence } from './evidence.ts'
import { callEdges, withCorrelation, type Edge } from './graph.ts'
import { edgesByService } from './paths.ts'
import { ANOMALOUS, notable } from './strength.ts'

/** Further away, a path of calls explains little. */
const BLAST_DEPTH = 4

interface Reach {
  readonly service: string
  readonly path: readonly string[]
  readonly relation: Direction
  readonly score: number
  readonly lagBuckets: number
  readonly edge: Edge
}

/** How well calls are seen: by how many, and how many of them in this direction. */
const seenShare = ({ count, against }: Edge): number => (count === 0 ? 0 : (count / (count + against)) * (count / (count + 3)))

/** Breadth first. `relation` is kept only along a path that goes one way; scores multiply, lags add. */
const walk = (root: string, edges: readonly Edge[], depth: number): Reach[] => {
  const at = edgesByService(edges)
  const found = new Map<string, Reach>()
  let front: Omit<Reach, 'edge'>[] = [{ service: root, path: [root], relation: 'undirected', score: 1, lagBuckets: 0 }]
  for (let level = 0; level < depth && front.length > 0; level++) {
    const next: Reach[] = []
    for (const here of front) {
      for (const edge of at.get(here.service) ?? []) {
        const forward = edge.from === here.service
        const service = forward ? edge.to : edge.from
        if (service === root || found.has(service)) continue
        const own: Direction = edge.directed ? (forward ? 'upstream' : 'downstream') : 'undirected'
        const step: Reach = {
          service,
          path: [...here.path, service],
          relation: level === 0 || own === here.relation ? own : 'undirected',
          score: here.score * Math.max(Math.abs(edge.r), seenShare(edge)),
          lagBuckets: here.lagBuckets + (forward ? edge.lagBuckets : -edge.lagBuckets),
          edge,
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
  const calls = walk(
    root,
    edges.filter((edge) => edge.kind !== 'correlation'),
    depth,
  )
  const known = new Set(calls.map((found) => found.service))
  return [...calls, ...walk(root, edges, depth).filter((found) => !known.has(found.service))]
}

export const correlationsOf = (service: string, depth: number, loaded: Loaded): Correlations => ({
  service_id: service,
  // The one that is asked about comes first: of many series only some are compared.
  correlations: reach(
    service,
    withCorrelation(
      callEdges(loaded.traces, loaded.calls),
      loaded.series.toSorted((a, b) => Number(b.service === service) - Number(a.service === service) || (a.service < b.service ? -1 : 1)),
    ),
    depth,
  )
    .map((found): Correlation => ({
      related_service: found.service,
      correlation_score: Number(found.score.toFixed(4)),
      direction: found.relation,
      lag_minutes: Number(((found.lagBuckets * GRID_MS) / 60_000).toFixed(3)) || 0,
    }))
    .sort((a, b) => b.correlation_score - a.correlation_score || (a.related_service < b.related_service ? -1 : 1)),
})

export const neighboursOf = (service: string, loaded: Loaded): string[] =>
  walk(service, callEdges(loaded.traces, loaded.calls), 2)
    .map((found) => found.service)
    .sort()

/** Around what the blast radius is drawn: the first of the causes. */
export const rootOf = (incident: IncidentRef, loaded: Loaded): string =>
  examine(incident, loaded).ranked[0]?.service ?? incident.services[0] ?? ''

export const blastOf = (incident: IncidentRef, loaded: Loaded, root: string): Blast => {
  const ranking = examine(incident, loaded)
  const { strengths } = ranking
  const touched = (service: string): boolean => (strengths.get(service)?.score ?? 0) >= ANOMALOUS || incident.services.includes(service)
  // Callers depend on the root and are impacted, anything else along calls only where it is itself unwell. What merely moves
  // together with it is not reached, however well it does.
  const reached = walk(root, ranking.calls, BLAST_DEPTH).filter((found) => found.relation === 'downstream' || touched(found.service))
  const inside = new Set([root, ...reached.map((found) => found.service)])
  const edges = edgesBetween(inside, ranking, loaded).filter((edge) => inside.has(edge.from) && inside.has(edge.to))
  const evidenceOf = ({ service, edge }: Reach) => [
    ...edgeEvidence(edges.find((one) => one.from === edge.from && one.to === edge.to) ?? edge, loaded.window),
    ...[strengths.get(service)]
      .flatMap((strength) => (strength === undefined ? [] : notable(strength).slice(0, 1)))
      .map((change) => changeEvidence(service, change, loaded.window)),
  ]
  return {
    incidentId: incident.id,
    root,
    impacted: reached
      .map((found): Impacted => ({
        service: found.service,
        owner: loaded.owners.get(found.service) ?? null,
        path: found.path,
        relation: found.relation,
        evidence: evidenceOf(found),
      }))
      .sort((a, b) => a.path.length - b.path.length || (a.service < b.service ? -1 : 1)),
    edges: edges.map((edge) => ({
      from: edge.from,
      to: edge.to,
      kind: edge.kind === 'correlation' ? 'correlates' : 'calls',
      evidence: edgeEvidence(edge, loaded.window),
    })),
  }
}
