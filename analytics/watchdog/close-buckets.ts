// Advances one service: closes its buckets in order of event time, fills what is missing by the rules, runs the detectors.
// Decides nothing about storage: whatever comes of it is handed to `effects`.
import type { RulesOf } from '../../streams/contracts/detection.ts'
import { isCount } from '../../streams/contracts/metric-value.ts'
import { newDetector, step, type DetectorConfig, type OpenAnomaly, type Verdict } from '../anomaly/detector.ts'
import { judgementOf } from '../anomaly/metric.ts'
import { endSilentPeriods } from '../anomaly/periods.ts'
import type { SurpriseBytes } from '../anomaly/surprise/bytes.ts'
import {
  BUCKET_MS,
  closable,
  closesAtMs,
  countOf,
  meaningOf,
  MISSED_MS,
  valueOf,
  type Aggregate,
  type Clock,
  type OpenBucket,
} from '../series/rollup.ts'
import type { Opening } from './anomaly-row.ts'
import { judgeMetric } from './judge-metric.ts'
import { OTHER, type ServiceState } from './service-state.ts'

export interface PointInsert {
  readonly tenant: string
  readonly service: string
  readonly metric: string
  readonly bucket: number
  readonly count: number
  readonly sum: number
  readonly min: number
  readonly max: number
  readonly sum_sq: number
  readonly version: number
  readonly expected?: number
  readonly lower?: number
  readonly upper?: number
}
/** What the detector expected of a bucket, by metric; absent where it had nothing to say. */
export type Bands = ReadonlyMap<string, Pick<Verdict, 'expected' | 'lower' | 'upper'>>
export interface Resolution {
  readonly tenant: string
  readonly service: string
  readonly metric: string
  readonly anomaly: OpenAnomaly
  readonly atMs: number
}

export interface Effects {
  point(row: PointInsert): void
  opened(opening: Opening): void
  resolved(resolution: Resolution): void
  countNewTemplates(state: ServiceState, bucket: OpenBucket): number
}
export interface TenantView {
  /** Some service of the tenant reported in this bucket (asked only where this one did not). */
  reported(bucketMs: number): boolean
  newestReportedMs(): number
  /** The tenant has one service. */
  alone(): boolean
  /** Up to here all but the slowest quarter of the tenant's services have reported. */
  frontMs(): number
}
export interface Advance {
  readonly clock: Clock
  /** First bucket that we watched from its start. */ readonly ranSinceMs: number
  readonly detector: DetectorConfig
  readonly surpriseBytes: SurpriseBytes
  /** What people said of series. */ readonly rules: RulesOf
  readonly tenant: TenantView
  readonly effects: Effects
}

const LIVE_WITHIN_MS = 60_000
const MAX_GAP_STEPS = MISSED_MS / BUCKET_MS
/** Backfilled data of a service may still be on its way; behind this much time by the clock and by the events it is missed. */
const BACKFILL_IDLE_MS = 30_000
const BACKFILL_BEHIND_MS = 120_000

export const toPoints = (
  tenant: string,
  service: string,
  bucketMs: number,
  metrics: Readonly<Record<string, Aggregate>>,
  version: number,
  bands: Bands,
): PointInsert[] =>
  Object.entries(metrics)
    .filter(([, a]) => a.count > 0)
    .map(([metric, a]) => ({
      tenant,
      service,
      metric,
      bucket: bucketMs / 1000,
      count: a.count,
      sum: a.sum,
      min: a.min,
      max: a.max,
      sum_sq: a.sumSq,
      version,
      ...bands.get(metric),
    }))

const judge = (state: ServiceState, atMs: number, value: (metric: string) => number | null, ctx: Advance): Bands => {
  const bands = new Map<string, Pick<Verdict, 'expected' | 'lower' | 'upper'>>()
  if (state.service === OTHER) return bands
  const ruleOf = ctx.rules(state.tenant, state.service)
  for (const metric of state.metrics) {
    const judgement = judgementOf(metric)
    if (judgement === null) continue
    const before = state.detectors[metric]
    const observed = value(metric)
    if (before === undefined && observed === null) continue
    const verdict = judgeMetric({ state, metric, judgement, rule: ruleOf?.(metric), ctx }, before ?? newDetector(), {
      atMs,
      value: observed,
    })
    if (verdict.state === 'ready') bands.set(metric, { expected: verdict.expected, lower: verdict.lower, upper: verdict.upper })
  }
  return bands
}

const closeWithData = (state: ServiceState, bucket: OpenBucket, ctx: Advance): void => {
  const fresh = ctx.effects.countNewTemplates(state, bucket)
  if (fresh > 0) bucket.metrics['log.new_template_rate'] = countOf(fresh)
  const bands = judge(state, bucket.bucketMs, (metric) => valueOf(metric, bucket.metrics[metric]), ctx)
  for (const point of toPoints(state.tenant, state.service, bucket.bucketMs, bucket.metrics, bucket.version, bands))
    ctx.effects.point(point)
  state.pending.delete(bucket.bucketMs)
  state.closedThroughMs = bucket.bucketMs
  state.lastDataMs = bucket.bucketMs
  state.live = bucket.lastPartialAtMs - (bucket.bucketMs + BUCKET_MS) < LIVE_WITHIN_MS
}

const closeWithout = (state: ServiceState, bucketMs: number, meaning: 'zero' | 'gap', ctx: Advance): void => {
  judge(state, bucketMs, (metric) => (meaning === 'zero' && isCount(metric) ? 0 : null), ctx)
  state.closedThroughMs = bucketMs
}

/** Between two buckets with data. */
const bridge = (state: ServiceState, fromMs: number, nextMs: number, ctx: Advance): void => {
  const alone = ctx.tenant.alone()
  const closeMissing = (bucketMs: number): void => {
    const watched = state.live && bucketMs >= ctx.ranSinceMs
    const missing = { bucketMs, beforeMs: state.lastDataMs, afterMs: nextMs, watched, othersReported: ctx.tenant.reported(bucketMs), alone }
    closeWithout(state, bucketMs, meaningOf(missing), ctx)
  }
  const long = (nextMs - fromMs) / BUCKET_MS > MAX_GAP_STEPS && !(state.live && fromMs >= ctx.ranSinceMs)
  const endMs = long ? fromMs + MAX_GAP_STEPS * BUCKET_MS : nextMs
  for (let bucketMs = fromMs; bucketMs < endMs; bucketMs += BUCKET_MS) closeMissing(bucketMs)
  // Of the rest of a long absence only its end matters: everything before is a gap like it.
  if (long) closeMissing(nextMs - BUCKET_MS)
}

/** A service that stopped in backfilled time, where the others go on: the first minutes of its silence count. */
const missedInBackfill = (state: ServiceState, ctx: Advance): boolean => {
  const bucketMs = state.closedThroughMs + BUCKET_MS
  if (bucketMs > state.lastDataMs + MISSED_MS || bucketMs > ctx.tenant.frontMs() - BACKFILL_BEHIND_MS) return false
  if (ctx.clock.nowMs - state.lastPartialAtMs < BACKFILL_IDLE_MS || !closable(closesAtMs(bucketMs, state.lastPartialAtMs), ctx.clock))
    return false
  closeWithout(state, bucketMs, ctx.tenant.reported(bucketMs) ? 'zero' : 'gap', ctx)
  return true
}

/** After the last bucket with data: only a live service's silence means anything, and only while we watch. */
const silence = (state: ServiceState, ctx: Advance): boolean => {
  if (!state.live) return missedInBackfill(state, ctx)
  const bucketMs = Math.max(state.closedThroughMs + BUCKET_MS, ctx.ranSinceMs)
  if (!closable(closesAtMs(bucketMs, 0), ctx.clock)) return false
  if (ctx.tenant.reported(bucketMs)) closeWithout(state, bucketMs, 'zero', ctx)
  else if (ctx.tenant.newestReportedMs() > bucketMs) closeWithout(state, bucketMs, 'gap', ctx)
  else return false
  return true
}

/** At most `limit` buckets; true when there may be more to do at once. */
export const advance = (state: ServiceState, ctx: Advance, limit: number): boolean => {
  const order = [...state.pending.keys()].sort((a, b) => a - b)
  let at = 0
  for (let done = 0; done < limit; done++) {
    const bucket = at < order.length ? state.pending.get(order[at]) : undefined
    if (bucket !== undefined && closable(closesAtMs(bucket.bucketMs, bucket.lastPartialAtMs), ctx.clock)) {
      if (state.closedThroughMs > 0) bridge(state, state.closedThroughMs + BUCKET_MS, bucket.bucketMs, ctx)
      closeWithData(state, bucket, ctx)
      at++
    } else if (
      state.closedThroughMs === 0 ||
      (bucket !== undefined && bucket.bucketMs <= Math.max(state.closedThroughMs + BUCKET_MS, ctx.ranSinceMs)) ||
      !silence(state, ctx)
    )
      return false
  }
  return true
}

/** Ends what has had no data for long enough, by the wall clock. */
export const endSilent = (state: ServiceState, nowMs: number, ctx: Advance): void => {
  for (const [metric, detector] of Object.entries(state.detectors)) {
    if (detector.open === null) continue
    const { state: after, verdict } = step(detector, judgementOf(metric)!, ctx.detector, { atMs: nowMs, value: null })
    if (verdict.resolves === null) continue
    state.detectors[metric] = after
    ctx.effects.resolved({ tenant: state.tenant, service: state.service, metric, anomaly: verdict.resolves, atMs: nowMs })
  }
  for (const [metric, periods] of Object.entries(state.periods)) {
    const { state: after, resolves } = endSilentPeriods(periods.state, nowMs)
    if (resolves === null) continue
    periods.state = after
    ctx.effects.resolved({ tenant: state.tenant, service: state.service, metric, anomaly: resolves, atMs: nowMs })
  }
}
