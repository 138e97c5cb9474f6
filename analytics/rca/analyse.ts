// From what was loaded around an incident to what is answered: the ranking with its evidence, in words that a template makes of
// the numbers. Pure and deterministic.
import type { Analysis, Cause, Evidence, IncidentRef, TimelineEntry } from '../../streams/contracts/rca.ts'
import {
  anomaliesLink,
  changeEvidence,
  deployEvidence,
  edgeEvidence,
  iso,
  logsLink,
  messageEvidence,
  type NewMessage,
  type WindowMs,
} from './evidence.ts'
import { callEdges, withCorrelation, type Edge, type Trace } from './graph.ts'
import { rank, type Deploy, type Ranked, type Ranking } from './rank.ts'
import { meaningOf, type Moment, type ServiceSeries } from './series.ts'
import { similarTo } from './similar.ts'
import { ANOMALOUS, notable } from './strength.ts'

export const GRID_MS = 10_000
/** A deploy so long before the onset is still asked about. */
const DEPLOY_BEFORE_MS = 15 * 60_000
/** And so long after it: clocks differ, and an onset is known to a bucket or two. */
const DEPLOY_AFTER_MS = 60_000
/** A message so long before the onset may belong to it. */
const NEW_BEFORE_MS = 60_000
const MAX_NEW = 3

export interface Loaded {
  readonly window: WindowMs
  readonly series: readonly ServiceSeries[]
  readonly traces: readonly Trace[]
  /** Call edges that are known by more than shared traces: spans, declarations. */
  readonly calls: readonly Edge[]
  readonly deploys: readonly Deploy[]
  readonly owners: ReadonlyMap<string, string>
  /** Messages of the errors of the incident's services, for what resembles it. */
  readonly templates?: readonly string[]
  /** What services said for the first time, errors first. */
  readonly newMessages?: readonly NewMessage[]
}

export interface Examined extends Ranking {
  readonly onsetMs: number
  readonly calls: readonly Edge[]
}

const onsetOf = (incident: IncidentRef): number => Math.min(incident.openedAtMs, ...incident.signals.map((signal) => signal.startedAtMs))

/** The last one of each service. */
const deploysBefore = (deploys: readonly Deploy[], onsetMs: number): ReadonlyMap<string, Deploy> =>
  new Map(
    deploys
      .filter(({ atMs }) => atMs >= onsetMs - DEPLOY_BEFORE_MS && atMs <= onsetMs + DEPLOY_AFTER_MS)
      .map((deploy) => [deploy.service, deploy]),
  )

export const examine = (incident: IncidentRef, loaded: Loaded): Examined => {
  const { series } = loaded
  const onsetMs = onsetOf(incident)
  // A bucket earlier: the fault began before the first bucket that exceeded anything.
  const moment: Moment = { onset: Math.max(0, Math.floor((onsetMs - loaded.window.fromMs) / GRID_MS) - 1), recentFrom: 0 }
  const calls = callEdges(loaded.traces, loaded.calls)
  const outside = incident.signals.flatMap((signal) => (signal.kind === 'anomaly' ? [] : [{ service: signal.service, kind: signal.kind }]))
  const symptoms = incident.services.map((service) => ({ service, kind: null }))
  return {
    onsetMs,
    calls,
    ...rank({ series, meaningOf, moment, symptoms, calls, deploys: deploysBefore(loaded.deploys, onsetMs), outside }),
  }
}

/** Correlation is worked out only between the services that an answer is about. */
export const edgesBetween = (services: ReadonlySet<string>, { calls }: Examined, loaded: Loaded): Edge[] =>
  withCorrelation(
    calls,
    loaded.series.filter((one) => services.has(one.service)),
  )

const round = (value: number): number => Number(value.toFixed(4))

const evidenceOf = (
  item: Ranked,
  incident: IncidentRef,
  ranking: Examined,
  edges: readonly Edge[],
  { window, newMessages = [] }: Loaded,
): Evidence[] => {
  const evidence: Evidence[] = notable(item.strength)
    .slice(0, 4)
    .map((change) => changeEvidence(item.service, change, window))
  for (const signal of incident.signals) {
    if (signal.service !== item.service || signal.kind === 'anomaly') continue
    evidence.push({
      kind: signal.kind,
      statement: signal.summary,
      numbers: { seconds_after_onset: Math.round((signal.startedAtMs - ranking.onsetMs) / 1000) },
      link: signal.kind === 'alert' ? anomaliesLink(signal.service, window) : `/api/v1/incidents/${incident.id}`,
    })
  }
  if (item.deploy !== null) evidence.push(deployEvidence(item.deploy, ranking.onsetMs, window))
  const near = edges
    .filter((edge) => edge.from === item.service || edge.to === item.service)
    .filter((edge) =>
      [edge.from, edge.to].some(
        (name) => name !== item.service && ((ranking.strengths.get(name)?.score ?? 0) >= ANOMALOUS || incident.services.includes(name)),
      ),
    )
  evidence.push(...near.slice(0, 4).flatMap((edge) => edgeEvidence(edge, window)))
  // Beside what else there is: that something is new alone does not make a cause.
  if (evidence.length > 0)
    evidence.push(
      ...newMessages
        .filter(({ service, firstMs }) => service === item.service && firstMs >= ranking.onsetMs - NEW_BEFORE_MS)
        .slice(0, MAX_NEW)
        .map((message) => messageEvidence(message, ranking.onsetMs, window)),
    )
  return evidence
}

const causeOf = (item: Ranked, index: number, evidence: readonly Evidence[]): Cause => {
  const { suspicion, unexplained, reached, correlation } = item.factors
  const factors = {
    ...item.factors,
    suspicion: round(suspicion),
    unexplained: round(unexplained),
    reached: round(reached),
    correlation: round(correlation),
  }
  return { rank: index + 1, service: item.service, score: round(item.score), factors, evidence }
}

const timelineOf = (incident: IncidentRef, ranking: Examined, loaded: Loaded): TimelineEntry[] => {
  const entries: { atMs: number; what: string; ref: string }[] = [
    ...loaded.deploys.map((deploy) => ({
      atMs: deploy.atMs,
      what: `${deploy.service}: ${deploy.version} deployed`,
      ref: logsLink(deploy.service, loaded.window),
    })),
    ...ranking.ranked.flatMap(({ service, strength }) =>
      strength.changes.slice(0, 1).map((change) => ({
        atMs: loaded.window.fromMs + change.firstIndex * GRID_MS,
        what: `${service}: first sign (${change.kind})`,
        ref: anomaliesLink(service, loaded.window),
      })),
    ),
    ...incident.signals.flatMap((signal) => [
      { atMs: signal.startedAtMs, what: signal.summary, ref: signal.id },
      ...(signal.endedAtMs === null ? [] : [{ atMs: signal.endedAtMs, what: `${signal.service}: ${signal.kind} over`, ref: signal.id }]),
    ]),
    { atMs: incident.openedAtMs, what: 'incident opened', ref: `/api/v1/incidents/${incident.id}` },
  ]
  return entries.sort((a, b) => a.atMs - b.atMs || (a.what < b.what ? -1 : 1)).map(({ atMs, what, ref }) => ({ at: iso(atMs), what, ref }))
}

const nextChecks = (top: Ranked | undefined, window: WindowMs): string[] => {
  if (top === undefined) return ["No service stands out: widen the time range or look at the incident's own signals"]
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
  const examined = examine(incident, loaded)
  const edges = edgesBetween(new Set([...incident.services, ...examined.ranked.map((item) => item.service)]), examined, loaded)
  // What nothing can be shown for is not said.
  const causes = examined.ranked
    .map((item) => ({ item, evidence: evidenceOf(item, incident, examined, edges, loaded) }))
    .filter(({ evidence }) => evidence.length > 0)
  const ranking: Examined = { ...examined, ranked: causes.map(({ item }) => item) }
  const [top, second] = ranking.ranked
  const confidence = top === undefined ? 0 : top.score * (1 - 0.5 * ((second?.score ?? 0) / top.score))
  const others = ranking.ranked.filter((item) => item.explainedBy.length > 0).map((item) => item.service)
  const first = top?.strength.changes.find((change) => change.kind === top.kind)
  const summary =
    top === undefined
      ? 'No service around the incident deviates enough to be named as its cause.'
      : `${top.service} is the most likely cause (${top.kind}${first === undefined ? '' : `: ${first.metric} ${Number(first.before.toPrecision(3))} → ${Number(first.after.toPrecision(3))}`})${others.length > 0 ? `; ${others.join(', ')} ${others.length === 1 ? 'is' : 'are'} explained by what they depend on` : ''}.`
  const similar = similarTo(incident, loaded.templates ?? [])
  return {
    incidentId: incident.id,
    generatedAt: iso(nowMs),
    verdict: {
      cause: top === undefined ? null : { service: top.service, kind: top.kind, confidence: Number(confidence.toFixed(3)) },
      summary,
    },
    causes: causes.map(({ item, evidence }, i) => causeOf(item, i, evidence)),
    timeline: timelineOf(incident, ranking, loaded),
    similar,
    nextChecks: [
      ...nextChecks(top, loaded.window),
      ...similar
        .filter((one) => one.resolution !== '')
        .slice(0, 1)
        .map(fixedBefore),
    ],
    links: { blast: `/api/v1/context/incident/${incident.id}/blast`, graph: `/api/v1/incidents/${incident.id}/graph.svg` },
    window: { from: iso(loaded.window.fromMs), to: iso(loaded.window.toMs) },
  }
}
