// Points of one series in equal steps, with the band that the detector expected when it judged them.
import { Type } from 'typebox'
import { pointsOfSeries, type SeriesPointRow } from '../../clickhouse/queries/series-points.ts'
import { isCount } from '../../streams/contracts/metric-value.ts'
import type { App } from '../app.ts'
import { apiError } from '../errors.ts'
import { principalOf } from '../plugins/authentication.ts'
import type { RouteDeps } from '../ports.ts'
import { SeriesPoint } from '../schemas/series.ts'
import { errors, Time } from '../schemas/shapes.ts'
import { resolveRange } from '../time-range.ts'

export const BUCKET_SECONDS = 10
const MAX_POINTS = 2000
const UNIT_SECONDS: Readonly<Record<string, number>> = { '': 1, s: 1, m: 60, h: 3600, d: 86_400 }

/** Counts are events of a bucket, whatever the step; everything else is the mean of its values. */
export const toPoint = (metric: string, step: number, row: SeriesPointRow) => {
  const count = Number(row.count)
  const known = row.expected !== null && Number.isFinite(row.expected)
  return {
    at: new Date(row.at * 1000).toISOString(), value: isCount(metric) ? count / (step / BUCKET_SECONDS) : row.sum / Math.max(1, count), count,
    expected: known ? row.expected : null, lower: known ? row.lower : null, upper: known ? row.upper : null,
  }
}

/** Whole buckets: the least that gives at most `MAX_POINTS`, or what is asked for. */
const stepOf = (text: string, seconds: number): number => {
  const least = Math.max(1, Math.ceil(seconds / MAX_POINTS / BUCKET_SECONDS)) * BUCKET_SECONDS
  if (text === 'auto') return least
  const [, number, unit] = /^(\d{1,6})([smhd]?)$/.exec(text) ?? []
  const step = Number(number) * (UNIT_SECONDS[unit ?? ''] ?? Number.NaN)
  if (!Number.isInteger(step) || step < BUCKET_SECONDS || step % BUCKET_SECONDS !== 0) throw apiError('VALIDATION_FAILED', 'step is no multiple of 10 s', [{ path: 'step', code: 'invalid_step', message: 'a multiple of 10 seconds, as 60, 5m or 1h, or auto', example: 'auto' }])
  if (step < least) throw apiError('VALIDATION_FAILED', `a step of ${step} s makes more than ${MAX_POINTS} points`, [{ path: 'step', code: 'too_small', message: `at least ${least} for this range`, example: String(least) }])
  return step
}

export const seriesRoutes = (app: App, deps: RouteDeps): void => {
  app.get('/api/v1/series', {
    schema: {
      operationId: 'getSeries', tags: ['analysis'], summary: 'Points of one series in equal steps, with the band that was expected of them',
      querystring: Type.Object({
        service: Type.String({ minLength: 1, maxLength: 255 }), metric: Type.String({ minLength: 1, maxLength: 255, description: 'log.rate, log.error_rate, log.new_template_rate, log.template.<16 hex digits of a pattern>, or attr.<attribute>', examples: ['log.error_rate'] }),
        from: Type.Optional(Time), to: Type.Optional(Time), step: Type.Optional(Type.String({ maxLength: 10, description: 'a multiple of 10 seconds: 60, 5m, 1h; auto unless told otherwise', examples: ['auto'] })),
      }, { additionalProperties: false }),
      response: { 200: Type.Object({ service: Type.String(), metric: Type.String({ examples: ['log.error_rate'] }), range: Type.Object({ from: Type.String(), to: Type.String() }), stepSeconds: Type.Integer({ examples: [10] }), points: Type.Array(SeriesPoint) }), ...errors },
    },
  }, async (request) => {
    const { service, metric, from, to, step = 'auto' } = request.query
    const { fromMs, toMs } = resolveRange(from, to, deps.clock())
    const stepSeconds = stepOf(step, (toMs - fromMs) / 1000)
    const rows = await deps.clickhouse.query(pointsOfSeries, { tenant: principalOf(request).tenant, service, metric, from: Math.floor(fromMs / 1000), to: Math.ceil(toMs / 1000), step: stepSeconds })
    return { service, metric, range: { from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString() }, stepSeconds, points: rows.map((row) => toPoint(metric, stepSeconds, row)) } as never
  })
}
