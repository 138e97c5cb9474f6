// What a metric is, by its name: the same where it is judged, ranked, shown and told. Series are named after what they are made of:
// `log.…` of log records, `attr.…` of their numeric attributes, `span.…` of the requests that a service served; `span.…{name}` is
// one operation of it, and repeats what `span.…` has in whole.

import { hexOfTemplate, patternId } from './pattern-id.ts'

/** Side and kind of trouble: traffic that comes and goes, failures, messages never seen before, one message, durations and sizes. */
export type MetricRole = 'traffic' | 'errors' | 'new_messages' | 'message' | 'measure'
interface Known {
  readonly role: MetricRole
  readonly words: string
}

const KNOWN: Readonly<Record<string, Known>> = {
  'log.rate': { role: 'traffic', words: 'log records' },
  'log.error_rate': { role: 'errors', words: 'errors' },
  'log.new_template_rate': { role: 'new_messages', words: 'never-seen messages' },
  'span.rate': { role: 'traffic', words: 'requests' },
  'span.error_rate': { role: 'errors', words: 'failed requests' },
  'span.duration': { role: 'measure', words: 'milliseconds per request' },
}
const MEASURED = 'attr.'

/** Records of warnings and errors with one template: its hash in hex follows. */
export const TEMPLATE_METRIC = 'log.template.'
export const templateMetric = (hash: bigint): string => TEMPLATE_METRIC.concat(hexOfTemplate(hash))
/** The hash of its template as decimal text, and the pattern's id; null for any other metric. */
export const templateOfMetric = (metric: string): { readonly template: string; readonly pattern: string } | null => {
  const hex = metric.startsWith(TEMPLATE_METRIC) ? metric.slice(TEMPLATE_METRIC.length) : ''
  return /^[0-9a-f]{16}$/.test(hex) ? { template: String(BigInt(`0x${hex}`)), pattern: patternId(hex) } : null
}

export const operationMetric = (metric: string, operation: string): string => `${metric}{${operation}}`
export interface MetricParts {
  readonly base: string
  readonly operation: string | null
}
export const partsOf = (metric: string): MetricParts => {
  const open = metric.startsWith('span.') && metric.endsWith('}') ? metric.indexOf('{') : -1
  return open < 0 ? { base: metric, operation: null } : { base: metric.slice(0, open), operation: metric.slice(open + 1, -1) }
}
export const operationOf = (metric: string): string | null => partsOf(metric).operation

/** Null for what is only counted beside others: severities, alerts, intervals of heartbeats. */
export const roleOf = (metric: string): MetricRole | null =>
  metric.startsWith(MEASURED) ? 'measure' : metric.startsWith(TEMPLATE_METRIC) ? 'message' : (KNOWN[partsOf(metric).base]?.role ?? null)

/** Under which role it alarms; null where it is stored and never does. Of an operation only failures: the service has the rest. */
export const judgedRoleOf = (metric: string): MetricRole | null => {
  const role = roleOf(metric)
  return operationOf(metric) === null || role === 'errors' ? role : null
}

/** True where the value of a bucket is its count; other metrics are the mean of their values. */
export const isCount = (metric: string): boolean => {
  if (metric.startsWith('log.') || metric === 'alert.count') return true
  const { base } = partsOf(metric)
  return base === 'span.rate' || base === 'span.error_rate'
}

/** The series whose buckets say that the service was looked at: where they are, a count without a row is 0. Empty for what is no count. */
export const rateOf = (metric: string): string => (!isCount(metric) ? '' : metric.startsWith('span.') ? 'span.rate' : 'log.rate')

/** "failed requests of GET /cart per 10 s": what the value of a bucket tells. */
export const wordsOf = (metric: string): string => {
  const { base, operation } = partsOf(metric)
  const words = KNOWN[base]?.words ?? base.replace(/^attr\./, '')
  return `${words}${operation === null ? '' : ` of ${operation}`}`
}
