// How each metric is judged: what its value is, which side is bad, and how large a change must be to matter to anybody.
// A metric without a judgement is stored and never alarms (severities repeat log.rate and log.error_rate; heartbeats and
// alerts are signals of their own).
import { judgedRoleOf, operationOf, type MetricRole } from '../../streams/contracts/metric-value.ts'

/** Against what was expected: times it (or one over this), and for counts events per bucket more or less. */
export interface Effect {
  readonly minRatio: number
  readonly minDifference: number
}

/** The change is large enough to matter to somebody, whatever the noise. */
export const matters = ({ minRatio, minDifference }: Effect, direction: number, expected: number, mean: number): boolean => {
  if (Math.abs(mean - expected) < minDifference) return false
  return direction > 0 ? mean >= expected * minRatio : mean * minRatio <= expected
}

export interface Judgement extends Effect {
  /** `count`: events per bucket, a missing one is 0. `gauge`: mean of the bucket's values, a missing one is a gap. */
  readonly kind: 'count' | 'gauge'
  readonly up: boolean
  readonly down: boolean
  /** What repeats from hour to hour is healthy. Not for errors: an hourly failure is one. */
  readonly habits: boolean
  /** What a deviation that lasts must amount to at least, in means of five minutes. Absent: only what is sudden matters. */
  readonly lasting?: Effect
}

// A deviation that lasts is told from a smaller one on: there is time to be sure of it.
const RATE: Judgement = {
  kind: 'count',
  up: true,
  down: true,
  minRatio: 2,
  minDifference: 0.5,
  habits: true,
  lasting: { minRatio: 1.5, minDifference: 0.3 },
}
const ERRORS: Judgement = {
  kind: 'count',
  up: true,
  down: false,
  minRatio: 2,
  minDifference: 0.3,
  habits: false,
  lasting: { minRatio: 1.5, minDifference: 0.1 },
}
const TEMPLATES: Judgement = { kind: 'count', up: true, down: false, minRatio: 3, minDifference: 1, habits: false }
/** Of one message: there are many, so more is asked of each; what repeats by the hour is a job that complains. */
const TEMPLATE: Judgement = { kind: 'count', up: true, down: false, minRatio: 3, minDifference: 1, habits: true }
const NUMERIC: Judgement = {
  kind: 'gauge',
  up: true,
  down: false,
  minRatio: 1.5,
  minDifference: 0,
  habits: true,
  lasting: { minRatio: 1.25, minDifference: 0 },
}

const BY_ROLE: Readonly<Record<MetricRole, Judgement>> = {
  traffic: RATE,
  errors: ERRORS,
  new_messages: TEMPLATES,
  message: TEMPLATE,
  measure: NUMERIC,
}
/** What lasts is seen in the service as a whole. */
const OF_OPERATION: Judgement = { ...ERRORS, lasting: undefined }

export const judgementOf = (metric: string): Judgement | null => {
  const role = judgedRoleOf(metric)
  if (role === null) return null
  return operationOf(metric) === null ? BY_ROLE[role] : OF_OPERATION
}
