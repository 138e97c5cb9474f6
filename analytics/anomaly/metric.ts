// How each metric is judged: what its value is, which side is bad, and how large a change must be to matter to anybody.
// A metric without a judgement is stored and never alarms (severities repeat log.rate and log.error_rate; heartbeats and
// alerts are signals of their own).

export interface Judgement {
  /** `count`: events per bucket, a missing one is 0. `gauge`: mean of the bucket's values, a missing one is a gap. */
  readonly kind: 'count' | 'gauge'
  readonly up: boolean
  readonly down: boolean
  /** The recent mean must be at least this many times the expected one (and for `down` at most one over this). */
  readonly minRatio: number
  /** Counts only: and differ from it by at least this many events per bucket. */
  readonly minDifference: number
  /** What repeats from hour to hour is healthy. Not for errors: an hourly failure is one. */
  readonly habits: boolean
}

const RATE: Judgement = { kind: 'count', up: true, down: true, minRatio: 2, minDifference: 0.5, habits: true }
const ERRORS: Judgement = { kind: 'count', up: true, down: false, minRatio: 2, minDifference: 0.3, habits: false }
const TEMPLATES: Judgement = { kind: 'count', up: true, down: false, minRatio: 3, minDifference: 1, habits: false }
const NUMERIC: Judgement = { kind: 'gauge', up: true, down: false, minRatio: 1.5, minDifference: 0, habits: true }

export const judgementOf = (metric: string): Judgement | null => {
  if (metric === 'log.rate') return RATE
  if (metric === 'log.error_rate') return ERRORS
  if (metric === 'log.new_template_rate') return TEMPLATES
  return metric.startsWith('attr.') ? NUMERIC : null
}
