// What an incident looks like as a graph: its ranked causes, what they reach, where it was noticed, and the edges between them. Pure.
import type { EdgeSource, IncidentGraph, IncidentGraphEdge, IncidentRef } from '../../streams/contracts/rca.ts'
import { analyse, edgesBetween, examine, type Loaded } from './analyse.ts'
import { blastOf } from './blast.ts'
import type { Edge } from './graph.ts'

/** More than this nobody reads in one picture. */
const MAX_SERVICES = 30

const pairsOf = (path: readonly string[]): string[] => path.slice(1).map((to, i) => JSON.stringify([path[i], to].sort()))

/** A service that no call leads to is tied to what it moves with most; beside calls, correlation would only be noise. */
const drawn = (services: readonly string[], edges: readonly Edge[]): Edge[] => {
  const calls = edges.filter((edge) => edge.kind !== 'correlation')
  const tied = new Set(calls.flatMap(({ from, to }) => [from, to]))
  const loose = services
    .filter((service) => !tied.has(service))
    .flatMap((service) =>
      edges
        .filter((edge) => edge.kind === 'correlation' && (edge.from === service || edge.to === service))
        .sort((a, b) => Math.abs(b.r) - Math.abs(a.r))
        .slice(0, 1),
    )
  return [...calls, ...new Set(loose)]
}

const toEdge = (edge: Edge, way: ReadonlySet<string>): IncidentGraphEdge => {
  const kind: EdgeSource = edge.kind
  return {
    from: edge.from,
    to: edge.to,
    directed: edge.directed,
    kind,
    calls: kind === 'span' || kind === 'trace' ? edge.count + edge.against : null,
    isEstimate: edge.isEstimate === true,
    correlation: edge.r === 0 ? null : Number(edge.r.toFixed(2)),
    way: way.has(JSON.stringify([edge.from, edge.to].sort())),
  }
}

export const incidentGraphOf = (incident: IncidentRef, loaded: Loaded, root: string): IncidentGraph => {
  const { verdict, causes, window } = analyse(incident, loaded, 0)
  const { impacted } = blastOf(incident, loaded, root)
  const all = [...new Set([...causes.map((cause) => cause.service), ...incident.services, ...impacted.map((one) => one.service)])].filter(
    (service) => service !== '',
  )
  const shown = all.slice(0, MAX_SERVICES)
  const inside = new Set(shown)
  const edges = edgesBetween(inside, examine(incident, loaded), loaded).filter((edge) => inside.has(edge.from) && inside.has(edge.to))
  const reached = new Map(impacted.map((one) => [one.service, one]))
  const way = new Set(incident.services.flatMap((service) => pairsOf(reached.get(service)?.path ?? [])))
  return {
    incidentId: incident.id,
    cause: verdict.cause,
    window,
    services: shown.map((service) => {
      const cause = causes.find((one) => one.service === service)
      return {
        service,
        owner: loaded.owners.get(service) ?? null,
        rank: cause?.rank ?? null,
        score: cause?.score ?? null,
        noticed: incident.services.includes(service),
        impacted: reached.get(service)?.relation === 'downstream',
      }
    }),
    edges: drawn(shown, edges).map((edge) => toEdge(edge, way)),
    omitted: all.length - shown.length,
  }
}
