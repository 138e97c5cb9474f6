// What the product says over HTTP about a stretch of event time, and whether that is right for the fault that was in it.
import { until, type Product } from '../../bench/load/product.ts'
import type { Fault } from './traffic.ts'
import { reachedBy, type Service } from './world.ts'

export interface Anomaly {
  anomaly_id: string
  service_id: string
  metric_name: string
  anomaly_score: number
  z_score: number
  detected_at: string
  started_at: string
  resolved: boolean
  summary: string
}
export interface Incident {
  id: string
  title: string
  severity: string
  status: string
  openedAt: string
  services: string[]
  signals: { id: string; kind: string; service: string; summary: string; startedAt: string }[]
}
interface Evidence {
  kind: string
  statement: string
  numbers: Record<string, number>
  link: string
}
interface Analysis {
  verdict: { cause: { service: string; kind: string; confidence: number } | null; summary: string }
  causes: { rank: number; service: string; score: number; evidence: Evidence[] }[]
}
interface Blast {
  root: string
  impacted: { service: string; relation: string; path: string[] }[]
}

export const get = async <T>(product: Product, path: string): Promise<T> => {
  const response = await product.api(path)
  if (!response.ok) throw new Error(`GET ${path}: ${response.status} ${await response.text()}`)
  return (await response.json()) as T
}

export const anomaliesOf = async (product: Product, query = ''): Promise<Anomaly[]> =>
  (await get<{ anomalies: Anomaly[] }>(product, `/api/v1/anomalies?limit=1000${query}`)).anomalies
export const incidentsOf = async (product: Product): Promise<Incident[]> =>
  (await get<{ incidents: Incident[] }>(product, '/api/v1/incidents?limit=200')).incidents

const METRICS: Readonly<Record<Fault['kind'], string>> = {
  errors: 'log.error_rate',
  latency: 'attr.duration_ms',
  silence: 'log.rate',
  surge: 'log.rate',
}
const FOUND_WITHIN_MS = 600_000
const OPENED_WITHIN_MS = 10_000

export interface Found {
  readonly fault: Fault
  readonly rank: number
  readonly secondsToDetect: number | null
  readonly problems: readonly string[]
  readonly lines: readonly string[]
}

/** Compares what is reported since the fault began with what was broken. `known`: incidents from before. */
export const judgeFault = async (
  product: Product,
  services: readonly Service[],
  fault: Fault,
  known: ReadonlySet<string>,
): Promise<Found> => {
  const { name, callers } = services[fault.service]
  const problems: string[] = []
  const lines: string[] = []
  const since = new Date(fault.fromMs - 60_000).toISOString()
  const own = (await anomaliesOf(product, `&service_id=${name}&since=${since}`)).filter(
    (one) => Date.parse(one.started_at) < fault.toMs + 60_000,
  )
  const first = own
    .filter((one) => one.metric_name === METRICS[fault.kind])
    .sort((a, b) => Date.parse(a.detected_at) - Date.parse(b.detected_at))[0]
  const secondsToDetect = first === undefined ? null : (Date.parse(first.detected_at) - fault.fromMs) / 1000
  if (first === undefined || secondsToDetect! * 1000 > FOUND_WITHIN_MS) problems.push(`no anomaly of ${METRICS[fault.kind]} at ${name}`)
  const news = async (): Promise<Incident[]> => (await incidentsOf(product)).filter((one) => !known.has(one.id))
  // An anomaly is told before what it belongs to has been looked for.
  if (first !== undefined)
    await until('its incident', OPENED_WITHIN_MS, async () => (await news()).some((one) => one.services.includes(name))).catch(
      () => undefined,
    )
  const incidents = await news()
  const related = new Set(
    [fault.service, ...reachedBy(services, fault.service, 'callees'), ...reachedBy(services, fault.service, 'callers')].map(
      (index) => services[index].name,
    ),
  )
  let rank = 0
  for (const incident of incidents) {
    lines.push(`incident ${incident.status} ${incident.severity}: ${incident.title}`)
    for (const signal of incident.signals) lines.push(`  ${signal.startedAt} ${signal.summary}`)
    for (const service of incident.services)
      if (!related.has(service)) problems.push(`${service} has nothing to do with ${name} and was blamed`)
  }
  const home = incidents.find((one) => one.services.includes(name)) ?? incidents[0]
  if (home === undefined) return { fault, rank, secondsToDetect, problems: [...problems, 'no incident opened'], lines }
  if (incidents.length > 1) problems.push(`${incidents.length} incidents for one fault`)
  const analysis = await get<Analysis>(product, `/api/v1/incidents/${home.id}/analysis`)
  lines.push(`  verdict: ${analysis.verdict.summary}`)
  for (const cause of analysis.causes.slice(0, 4))
    lines.push(
      `  ${cause.rank}. ${cause.service} ${cause.score}: ${cause.evidence
        .slice(0, 2)
        .map((one) => one.statement)
        .join('; ')}`,
    )
  rank = analysis.causes.find((cause) => cause.service === name)?.rank ?? 0
  if (rank !== 1) problems.push(`${name} ranks ${rank}, ${analysis.causes[0]?.service ?? 'nothing'} ranks first`)
  if (analysis.causes.some((cause) => cause.evidence.length === 0)) problems.push('a cause without evidence')
  const blast = await get<Blast>(product, `/api/v1/context/incident/${home.id}/blast`)
  lines.push(`  blast of ${blast.root}: ${blast.impacted.map((one) => `${one.service} ${one.relation}`).join(', ')}`)
  if (blast.root !== name) problems.push(`the blast radius is drawn around ${blast.root}`)
  for (const caller of callers)
    if (!blast.impacted.some((one) => one.service === services[caller].name && one.relation === 'downstream'))
      problems.push(`the blast radius lacks the caller ${services[caller].name}`)
  return { fault, rank, secondsToDetect, problems, lines }
}
