// One bucket of one series, read by both readers: the rules of 10 s, which find bursts, and the periods of five minutes, which find what
// lasts. What one has told the other does not tell again.
import type { SeriesRule } from '../../streams/contracts/detection.ts'
import { named, step, type DetectorState, type Point, type Verdict } from '../anomaly/detector.ts'
import type { Judgement } from '../anomaly/metric.ts'
import { anomalyId } from './anomaly-row.ts'
import type { Advance } from './close-buckets.ts'
import { isUsual, ofBurst, ofPeriods } from './finding.ts'
import { judgeSeries } from './judge-series.ts'
import { newSeriesPeriods, takeBucket } from './series-periods.ts'
import type { ServiceState } from './service-state.ts'

export interface Series {
  readonly state: ServiceState
  readonly metric: string
  readonly judgement: Judgement
  readonly rule: SeriesRule | undefined
  readonly ctx: Pick<Advance, 'detector' | 'surpriseBytes' | 'effects'>
}

const judgeBucket = ({ state, metric, judgement, rule, ctx }: Series, before: DetectorState, point: Point): ReturnType<typeof step> => {
  const judged = judgeSeries(rule, before, judgement, ctx.detector, point)
  const { opens } = judged.verdict
  const calibrated = state.periods[metric]?.calibrated ?? null
  if (
    opens === null ||
    calibrated === null ||
    !judgement.habits ||
    !isUsual(ctx.surpriseBytes, calibrated, judgement, judged.state, opens.direction, point.atMs)
  )
    return judged
  // Judged on no side, the bucket is learned as any other.
  return step(before, { ...judgement, up: false, down: false }, ctx.detector, point)
}

const readPeriods = ({ state, metric, judgement, rule, ctx }: Series, { atMs, value }: Point): void => {
  const { tenant, service } = state
  const { open, quietUntilMs } = state.detectors[metric]
  const series = (state.periods[metric] ??= newSeriesPeriods(tenant, service, metric))
  for (const verdict of takeBucket(ctx.surpriseBytes, series, judgement, rule, {
    atMs,
    value,
    told: open !== null || atMs < quietUntilMs,
  })) {
    if (verdict.resolves !== null) ctx.effects.resolved({ tenant, service, metric, anomaly: verdict.resolves, atMs })
    if (verdict.opens === null) continue
    const { startedAtMs, direction } = verdict.opens
    series.state = { ...series.state, open: { ...series.state.open!, id: anomalyId(tenant, service, metric, startedAtMs, direction) } }
    ctx.effects.opened({ tenant, service, metric, atMs, finding: ofPeriods(verdict) })
  }
}

/** Changes the service's state; the verdict is that of the bucket. */
export const judgeMetric = (series: Series, before: DetectorState, point: Point): Verdict => {
  const { state, metric, judgement, ctx } = series
  const { tenant, service } = state
  const { atMs } = point
  const { state: after, verdict } = judgeBucket(series, before, point)
  if (verdict.resolves !== null) ctx.effects.resolved({ tenant, service, metric, anomaly: verdict.resolves, atMs })
  state.detectors[metric] =
    verdict.opens === null ? after : named(after, anomalyId(tenant, service, metric, verdict.opens.startedAtMs, verdict.opens.direction))
  if (verdict.opens !== null)
    ctx.effects.opened({
      tenant,
      service,
      metric,
      atMs,
      finding: ofBurst(ctx.surpriseBytes, state.periods[metric]?.calibrated ?? null, judgement, after, verdict, atMs),
    })
  if (judgement.lasting !== undefined) readPeriods(series, point)
  return verdict
}
