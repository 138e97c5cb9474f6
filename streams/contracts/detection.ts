// How series are to be judged beside what the detector decides by itself: what people set, and what they called noise.
// Kept by the control plane, applied by the watchdog, shown by the API.
import { judgedRoleOf } from './metric-value.ts'

export type Side = 'up' | 'down' | 'both'

export interface SeriesRule {
  /** The detector's threshold is divided by it: 2 alarms at half of it. */
  readonly sensitivity: number
  /** Null: the sides that the metric is judged on by itself. */
  readonly direction: Side | null
  readonly ignored: boolean
  /** Times the threshold, by the side of the anomaly: grows with each one that was called noise. */
  readonly noiseFactor: { readonly up: number; readonly down: number }
}

/** Undefined: nothing was said about the service. */
export type RulesOf = (tenant: string, service: string) => ((metric: string) => SeriesRule) | undefined
/** What holds now, at most a second old. @throws when it could never be read. */
export type LoadRules = () => Promise<RulesOf>

/** Which sides of a metric alarm when nobody says otherwise; null where none does. */
export const ownDirectionOf = (metric: string): Side | null => {
  const role = judgedRoleOf(metric)
  return role === null ? null : role === 'traffic' ? 'both' : 'up'
}
