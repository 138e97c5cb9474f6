// Facts as evidence: a sentence, its numbers, and the GET path of ours that shows them.
import { isCount, wordsOf } from '../../streams/contracts/metric-value.ts'
import type { Evidence } from '../../streams/contracts/rca.ts'
import type { Edge } from './graph.ts'
import type { Deploy } from './rank.ts'
import type { Change } from './change.ts'

export interface WindowMs {
  readonly fromMs: number
  readonly toMs: number
}

const round = (value: number): number => Number(value.toPrecision(4))
export const iso = (ms: number): string => new Date(ms).toISOString()
const path = (route: string, query: Readonly<Record<string, string>>): string => `/api/v1/${route}?${new URLSearchParams(query).toString()}`
const range = (window: WindowMs): { from: string; to: string } => ({ from: iso(window.fromMs), to: iso(window.toMs) })

export const logsLink = (service: string, window: WindowMs, more: Readonly<Record<string, string>> = {}): string =>
  path('logs/search', { service, ...range(window), ...more })
export const anomaliesLink = (service: string, window: WindowMs): string =>
  path('anomalies', { service_id: service, since: iso(window.fromMs), until: iso(window.toMs) })

/** What shows the change itself: an anomaly need not have been opened for it, and a new message need not be an error. */
const changeLink = (service: string, { kind, metric }: Change, window: WindowMs): string => {
  if (metric.startsWith('span.')) return path('series', { service, metric, ...range(window) })
  if (kind === 'errors') return logsLink(service, window, { severity_min: '17' })
  if (kind === 'new_messages') return logsLink(service, window)
  if (metric.startsWith('attr.')) return path('logs/aggregate', { metric: 'avg', field: metric, service, ...range(window), step: 'auto' })
  return metric === 'log.rate'
    ? path('logs/aggregate', { metric: 'count', service, ...range(window), step: 'auto' })
    : anomaliesLink(service, window)
}

export const changeEvidence = (service: string, change: Change, window: WindowMs): Evidence => ({
  kind: change.kind === 'new_messages' ? 'template' : 'anomaly',
  statement: `${service}: ${wordsOf(change.metric)}${isCount(change.metric) ? ' per 10 s' : ''} went from ${round(change.before)} to ${round(change.after)}`,
  numbers: {
    before: round(change.before),
    after: round(change.after),
    z: round(change.z),
    ...(change.damage === null ? {} : { added: round(change.damage.added) }),
  },
  link: changeLink(service, change, window),
})

/** A message that its service never logged before. */
export interface NewMessage {
  readonly service: string
  readonly pattern: string
  readonly text: string
  readonly firstMs: number
  readonly records: number
  readonly isError: boolean
}
const MAX_TEXT = 200
export const messageEvidence = (
  { service, pattern, text, firstMs, records, isError }: NewMessage,
  onsetMs: number,
  window: WindowMs,
): Evidence => ({
  kind: 'template',
  statement: `${service}: never-seen ${isError ? 'error' : 'message'} "${text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text}", ${records} ${records === 1 ? 'time' : 'times'} from ${iso(firstMs)} on`,
  numbers: { records, seconds_after_onset: Math.round((firstMs - onsetMs) / 1000) },
  link: path('logs/patterns', { id: pattern, service, from: iso(Math.min(firstMs, window.fromMs)), to: iso(window.toMs) }),
})

const callEvidence = (edge: Edge, window: WindowMs): Evidence => {
  const { from, to, count, against, examples } = edge
  const total = count + against
  const seen = examples.length === 0 ? '' : ` (for example ${examples.join(', ')})`
  const link = path('logs/search', { trace_id: examples[0] ?? '', ...range(window) })
  if (edge.kind === 'declared')
    return {
      kind: 'declared',
      statement: `${from} depends on ${to}, as was declared`,
      numbers: { declared: 1 },
      link: `/api/v1/context/services/${encodeURIComponent(from)}`,
    }
  if (edge.kind === 'span') {
    const { failed = 0, isEstimate = false, firstMs = window.fromMs } = edge
    const calls = `${isEstimate ? 'about ' : ''}${count} calls${failed === 0 ? '' : `, ${failed} of which failed`}`
    return {
      kind: 'span',
      statement: `${from} calls ${to}: ${calls} by their spans${seen}`,
      numbers: { calls: count, failed, ...(isEstimate ? { estimate: 1 } : {}) },
      // From the first call on: they may have been counted over longer than the window.
      link: path('context/topology', { service: from, ...range({ ...window, fromMs: Math.min(firstMs, window.fromMs) }) }),
    }
  }
  return {
    kind: 'trace',
    statement: `${edge.directed ? `${from} comes before ${to} in ${count} of ${total} shared traces` : `${from} and ${to} share ${total} traces in no clear order`}${seen}`,
    numbers: { traces: total, forward: count, against },
    link,
  }
}

export const edgeEvidence = (edge: Edge, window: WindowMs): Evidence[] => {
  const evidence: Evidence[] = edge.kind === 'correlation' ? [] : [callEvidence(edge, window)]
  if (edge.r !== 0) {
    const seconds = edge.lagBuckets * 10
    const lag = seconds === 0 ? 'at the same time' : `${edge.to} ${seconds > 0 ? 'follows' : 'leads'} by ${Math.abs(seconds)} s`
    evidence.push({
      kind: 'correlation',
      statement: `${edge.metric} of ${edge.from} and ${edge.to} correlate at ${round(edge.r)}, ${lag}`,
      numbers: { r: round(edge.r), lag_seconds: seconds },
      link: path('context/topology', { ...range(window), correlation: 'true' }),
    })
  }
  return evidence
}

export const deployEvidence = (deploy: Deploy, onsetMs: number, window: WindowMs): Evidence => ({
  kind: 'deploy',
  statement:
    deploy.previous === ''
      ? `${deploy.service}: deployment ${deploy.version} at ${iso(deploy.atMs)}`
      : `${deploy.service}: version ${deploy.previous} became ${deploy.version} at ${iso(deploy.atMs)}`,
  numbers: { seconds_before_onset: Math.round((onsetMs - deploy.atMs) / 1000) },
  link: logsLink(deploy.service, { fromMs: deploy.atMs - 60_000, toMs: Math.max(window.toMs, deploy.atMs + 60_000) }),
})
