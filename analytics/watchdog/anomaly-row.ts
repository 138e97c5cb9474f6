// What the detector opened, as a table row and as a signal, with its reasons in words. Ids are deterministic.
import { createHash } from 'node:crypto'
import { isCount, operationOf, roleOf, templateOfMetric, wordsOf } from '../../streams/contracts/metric-value.ts'
import type { SignalOpened, Severity } from '../../streams/contracts/signals.ts'
import type { Finding } from './finding.ts'

export interface AnomalyInsert {
  readonly tenant: string
  readonly anomaly_id: string
  readonly kind: 'anomaly'
  readonly service_id: string
  readonly metric_name: string
  readonly detected_at: string
  readonly started_at: string
  readonly resolved: 0 | 1
  readonly resolved_at: string
  readonly anomaly_score: number
  readonly z_score: number
  readonly observed: number
  readonly expected: number
  readonly lower: number
  readonly upper: number
  readonly history: number
  readonly signal: string
  readonly direction: number
  readonly summary: string
  /** With what share of the surprise each signal took part. */
  readonly signals: readonly { readonly name: string; readonly share: number }[]
  readonly rca_triggered: 1
  readonly version: number
}

/** As DateTime64 takes it whatever the server's time zone; a bare integer would be read as milliseconds,
 * fewer digits as a date. */
export const toSeconds = (ms: number): string => (ms / 1000).toFixed(3).padStart(14, '0')

export const anomalyId = (tenant: string, service: string, metric: string, bucketMs: number, direction: number): string =>
  `anom-${createHash('sha256')
    .update(JSON.stringify([tenant, service, metric, bucketMs, direction]))
    .digest('hex')
    .slice(0, 16)}`

const round = (value: number): number => Number(value.toPrecision(4))

const MAX_TEXT = 160
const nameOf = (metric: string, template: string | null): string => {
  const pattern = templateOfMetric(metric)?.pattern
  if (pattern === undefined) return wordsOf(metric)
  return template === null
    ? `message ${pattern}`
    : `"${template.length > MAX_TEXT ? `${template.slice(0, MAX_TEXT)}…` : template}" (${pattern})`
}
const describe = ({ service, metric, finding, template = null }: Opening): string => {
  const { observed, expected, lower, upper, direction, lasting } = finding
  const unit = isCount(metric) ? ' per 10 s' : ''
  const over = lasting ? ' in means of 5 minutes' : ''
  return `${service}: ${nameOf(metric, template)} ${direction > 0 ? 'up' : 'down'}, ${round(observed)}${unit}${over} where ${round(expected)} was expected (band ${round(lower)} to ${round(upper)})`
}

const severityOf = (metric: string, direction: number, score: number): Severity => {
  const role = roleOf(metric)
  if (role === 'traffic') return direction < 0 ? 'critical' : 'minor'
  // One operation of a service is not the service.
  if (role === 'errors') return score >= 0.9 && operationOf(metric) === null ? 'critical' : 'major'
  return role === 'new_messages' || role === 'message' ? 'minor' : 'major'
}

export interface Opening {
  readonly tenant: string
  readonly service: string
  readonly metric: string
  readonly atMs: number
  readonly finding: Finding
  /** Text of the template that the series counts, where it is known. */ readonly template?: string | null
}

export const toAnomaly = (opening: Opening): { row: AnomalyInsert; signal: Omit<SignalOpened, 'neighbours'> } => {
  const { tenant, service, metric, atMs, finding } = opening
  const { direction, startedAtMs, observed, expected, lower, upper, history, signal, signals } = finding
  const id = anomalyId(tenant, service, metric, startedAtMs, direction)
  const summary = describe(opening)
  const row: AnomalyInsert = {
    tenant,
    anomaly_id: id,
    kind: 'anomaly',
    service_id: service,
    metric_name: metric,
    detected_at: toSeconds(atMs),
    started_at: toSeconds(startedAtMs),
    resolved: 0,
    resolved_at: toSeconds(0),
    anomaly_score: finding.score,
    z_score: finding.z,
    observed,
    expected,
    lower,
    upper,
    history,
    signal,
    direction,
    summary,
    signals,
    rca_triggered: 1,
    version: atMs,
  }
  return {
    row,
    signal: { tenant, kind: 'anomaly', id, service, summary, severity: severityOf(metric, direction, finding.score), startedAtMs },
  }
}
