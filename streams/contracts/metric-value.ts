// What the value of a metric is: the same where it is judged and where it is shown.
import { hexOfTemplate, patternId } from './pattern-id.ts'

/** True where the value of a bucket is its count; other metrics are the mean of their values. */
export const isCount = (metric: string): boolean => metric.startsWith('log.') || metric === 'alert.count'

/** Records of warnings and errors with one template: its hash in hex follows. */
export const TEMPLATE_METRIC = 'log.template.'
export const templateMetric = (hash: bigint): string => TEMPLATE_METRIC.concat(hexOfTemplate(hash))
/** The hash of its template as decimal text, and the pattern's id; null for any other metric. */
export const templateOfMetric = (metric: string): { readonly template: string; readonly pattern: string } | null => {
  const hex = metric.startsWith(TEMPLATE_METRIC) ? metric.slice(TEMPLATE_METRIC.length) : ''
  return /^[0-9a-f]{16}$/.test(hex) ? { template: String(BigInt(`0x${hex}`)), pattern: patternId(hex) } : null
}
