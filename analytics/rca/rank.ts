// Which anomalous service explains the others: the one that has no anomalous callee and is reached by an anomalous path.
// Every service is ranked by the same sum, so an answer can be argued with.
import type { CauseKind } from '../../streams/contracts/rca.ts'
import type { Edge } from './graph.ts'
import { ANOMALOUS, weightedZ, type Strength } from './strength.ts'

export interface Deploy { readonly service: string; readonly atMs: number; readonly version: string; readonly previous: string }
/** An alert or a missed heartbeat of the incident: what others saw of the service. */
export interface Outside { readonly service: string; readonly kind: 'alert' | 'heartbeat' }
export interface Ranked { readonly service: string; readonly score: number; readonly kind: CauseKind; readonly strength: Strength; readonly explainedBy: readonly string[]; readonly deploy: Deploy | null }

export interface RankInput {
  readonly symptoms: readonly string[]
  readonly strengths: ReadonlyMap<string, Strength>
  readonly edges: readonly Edge[]
  readonly deploys: readonly Deploy[]
  readonly outside: readonly Outside[]
  readonly onsetMs: number
}

const DEPLOY_BEFORE_MS = 15 * 60_000
const OUTSIDE_STRENGTH = 8
const MAX_CAUSES = 10

const failing = (strength: Strength | undefined): boolean => strength?.changes.some((c) => c.kind === 'errors' || c.kind === 'latency' || c.kind === 'new_messages') ?? false
const starved = (strength: Strength | undefined): boolean => strength?.changes.some((c) => c.kind === 'traffic_drop') ?? false

/** Anomalous services that stand for this one's trouble: failing or fallen silent callees; for one that only lost traffic, its callers. */
const explanations = (service: string, input: RankInput): string[] => {
  const own = input.strengths.get(service)
  const anomalous = (name: string): boolean => (input.strengths.get(name)?.score ?? 0) >= ANOMALOUS
  const found = input.edges.filter((edge) => edge.directed).flatMap((edge) => {
    if (edge.from === service && anomalous(edge.to)) {
      const callee = input.strengths.get(edge.to)
      return failing(callee) || (failing(own) && starved(callee)) ? [edge.to] : []
    }
    if (edge.to === service && anomalous(edge.from) && !failing(own) && starved(own)) return starved(input.strengths.get(edge.from)) ? [edge.from] : []
    return []
  })
  return [...new Set(found)].sort()
}

/** Everything on an anomalous path down from the symptoms. */
const reachedFrom = (input: RankInput): ReadonlySet<string> => {
  const reached = new Set(input.symptoms)
  const queue = [...input.symptoms]
  for (let service = queue.shift(); service !== undefined; service = queue.shift()) {
    for (const edge of input.edges) {
      if (!edge.directed || edge.from !== service || reached.has(edge.to) || (input.strengths.get(edge.to)?.score ?? 0) < ANOMALOUS) continue
      reached.add(edge.to)
      queue.push(edge.to)
    }
  }
  return reached
}

export const correlationBetween = (edges: readonly Edge[], a: string, b: string): number =>
  Math.abs(edges.find((edge) => (edge.from === a && edge.to === b) || (edge.from === b && edge.to === a))?.r ?? 0)

/** The strongest change, but errors where they are plain: slowness is mostly how they feel. */
const kindOf = ({ changes }: Strength): CauseKind | undefined =>
  (changes.find((change) => change.kind === 'errors' && weightedZ(change) >= 0.3 * weightedZ(changes[0])) ?? changes[0])?.kind

export const rank = (input: RankInput): Ranked[] => {
  const reached = reachedFrom(input)
  const names = new Set([...input.strengths.keys(), ...input.outside.map((o) => o.service)])
  const ranked = [...names].flatMap((service): Ranked[] => {
    const strength = input.strengths.get(service) ?? { service, score: 0, changes: [] }
    const seen = input.outside.find((o) => o.service === service)
    // What the detector found was judged against hours; these minutes alone may show less of it.
    const found = Math.max(strength.score, input.symptoms.includes(service) && strength.changes.length > 0 ? ANOMALOUS : 0)
    const force = found + (seen === undefined ? 0 : OUTSIDE_STRENGTH)
    if (force < ANOMALOUS) return []
    const explainedBy = explanations(service, input)
    const deploy = input.deploys.findLast((d) => d.service === service && d.atMs <= input.onsetMs + 60_000 && d.atMs >= input.onsetMs - DEPLOY_BEFORE_MS) ?? null
    const others = input.symptoms.filter((symptom) => symptom !== service)
    const correlation = Math.max(0, ...others.map((symptom) => correlationBetween(input.edges, service, symptom)))
    const base = (0.7 * force) / (force + 10)
    const score = (base + 0.15 * correlation + (deploy === null ? 0 : 0.15)) * (explainedBy.length > 0 ? 0.4 : 1) * (reached.has(service) ? 1 : 0.6)
    const kind = kindOf(strength) ?? seen?.kind ?? 'errors'
    return [{ service, score: Math.min(1, score), kind, strength, explainedBy, deploy }]
  })
  return ranked.sort((a, b) => b.score - a.score || (a.service < b.service ? -1 : 1)).slice(0, MAX_CAUSES)
}
