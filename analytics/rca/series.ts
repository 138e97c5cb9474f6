// What root cause looks at: values of services' metrics on one grid of buckets, and what each metric means when it rises or falls.
// The ranking knows no metric by name; whoever calls it brings the meanings (the product's own are at the end).
import { operationOf, roleOf, type MetricRole } from '../../streams/contracts/metric-value.ts'
import type { CauseKind } from '../../streams/contracts/rca.ts'

/** Null: no data. */
export type Values = readonly (number | null)[]
export interface ServiceSeries {
  readonly service: string
  readonly metrics: Readonly<Record<string, Values>>
  /** Events behind each value of a mean, where they are known. */
  readonly weights?: Readonly<Record<string, Values>>
}

/** The grid: [0, recentFrom) is history from another time, [recentFrom, onset) the minutes before, the rest is the incident. */
export interface Moment {
  readonly onset: number
  readonly recentFrom: number
}

export interface Meaning {
  /** What a rise and a fall stand for; null: that side is no trouble. */
  readonly up: CauseKind | null
  readonly down: CauseKind | null
  /** Events per bucket, judged as Poisson; else a level, judged on a logarithmic scale. */
  readonly count: boolean
  /** Rises add up (errors; means of times, by their weights), so that services can be compared by how much of the damage is theirs. */
  readonly adds: boolean
  /** Calls that were answered: none before the onset means that nobody called. Silence of a log means nothing. */
  readonly served?: boolean
}
export type MeaningOf = (metric: string) => Meaning | null

const ERRORS: Meaning = { up: 'errors', down: null, count: true, adds: true }
const TRAFFIC: Meaning = { up: 'traffic_rise', down: 'traffic_drop', count: true, adds: false }
const TIMES: Meaning = { up: 'latency', down: null, count: false, adds: true }

const BY_ROLE: Readonly<Record<MetricRole, Meaning | null>> = {
  traffic: TRAFFIC,
  errors: ERRORS,
  new_messages: { up: 'new_messages', down: null, count: true, adds: false },
  message: null,
  measure: TIMES,
}
const SERVED: Meaning = { ...TRAFFIC, served: true }

/** Of the product's own metrics. Operations of a service repeat what the service has in whole. */
export const meaningOf: MeaningOf = (metric) => {
  const role = operationOf(metric) === null ? roleOf(metric) : null
  if (role === null) return null
  return metric === 'span.rate' ? SERVED : BY_ROLE[role]
}
