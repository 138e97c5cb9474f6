// How anomalous each service is around an onset: one-sided, against its own minutes before, on the scales of the detector.
import type { CauseKind } from '../../streams/contracts/rca.ts'
import { stabilise, surprise } from '../anomaly/deviation.ts'
import { isCount } from '../anomaly/metric.ts'
import type { ServiceSeries } from './graph.ts'

export interface Change {
  readonly kind: CauseKind
  readonly metric: string
  readonly before: number
  readonly after: number
  readonly z: number
  /** First bucket after the onset that stands out, index into the grid. */
  readonly firstIndex: number
}
export interface Strength { readonly service: string; readonly score: number; readonly changes: readonly Change[] }

/** Below this a service counts as healthy. */
export const ANOMALOUS = 5
const MAX_Z = 60
const MIN_BEFORE = 6
/** Buckets whose evidence is added up: two minutes. */
const SUMMED = 12

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length
const present = (values: readonly (number | null)[]): number[] => values.filter((value): value is number => value !== null)

const kindOf = (metric: string, up: boolean): CauseKind | null => {
  if (metric === 'log.rate') return up ? 'traffic_rise' : 'traffic_drop'
  if (!up) return null
  if (metric === 'log.error_rate') return 'errors'
  if (metric === 'log.new_template_rate') return 'new_messages'
  return 'latency'
}
/** Traffic follows other causes more often than it is one. */
const WEIGHT: Readonly<Partial<Record<CauseKind, number>>> = { traffic_rise: 0.3, traffic_drop: 0.7, new_messages: 0.7 }

const changeOf = (metric: string, values: readonly (number | null)[], onset: number): Change | null => {
  const before = present(values.slice(0, onset))
  const after = present(values.slice(onset))
  if (after.length === 0 || (before.length < MIN_BEFORE && metric !== 'log.new_template_rate')) return null
  const scale = isCount(metric) ? stabilise : (v: number): number => Math.log(Math.max(v, 1e-9))
  const scaledBefore = before.length === 0 ? [scale(0)] : before.map(scale)
  const meanBefore = before.length === 0 ? 0 : mean(before)
  const centre = isCount(metric) ? scale(meanBefore) : mean(scaledBefore)
  const deviation = Math.sqrt(mean(scaledBefore.map((v) => (v - centre) ** 2)))
  const noise = isCount(metric) ? Math.max(1, deviation) : Math.max(0.05, deviation)
  const k = Math.min(SUMMED, after.length)
  // What did not happen in these minutes before is not impossible: one event is granted.
  const sigma = isCount(metric) ? surprise(mean(after) * k, (meanBefore + 1 / Math.max(1, before.length)) * k) : (mean(after.map(scale)) - centre) * Math.sqrt(k)
  const z = Math.max(-MAX_Z, Math.min(MAX_Z, sigma / noise))
  const kind = kindOf(metric, z > 0)
  if (kind === null) return null
  const ratio = (mean(after) + 0.1) / (meanBefore + 0.1)
  if (Math.abs(z) < ANOMALOUS || (ratio < 1.4 && ratio > 0.7)) return null
  const index = values.findIndex((v, i) => i >= onset && v !== null && (scale(v) - centre) * Math.sign(z) > 2 * noise)
  return { kind, metric, before: meanBefore, after: mean(after), z, firstIndex: index < 0 ? onset : index }
}

export const weightedZ = (change: Change): number => Math.abs(change.z) * (WEIGHT[change.kind] ?? 1)

/** `onset` = index of the first bucket of the incident. Changes come strongest first. */
export const strengthOf = (series: ServiceSeries, onset: number): Strength => {
  const changes = Object.keys(series.metrics).sort().flatMap((metric) => changeOf(metric, series.metrics[metric], onset) ?? [])
    .sort((a, b) => weightedZ(b) - weightedZ(a))
  // The strongest signal counts whole, the others add to it: no single one sees every fault.
  const score = changes.reduce((sum, change, i) => sum + weightedZ(change) * (i === 0 ? 1 : 0.25), 0)
  return { service: series.service, score, changes }
}
