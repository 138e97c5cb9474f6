// Points of one series in equal steps, with the band that the detector expected when it judged them; as numbers and as a picture.
import { Type, type Static } from 'typebox'
import { listAnomalies, type AnomalyRow } from '../../clickhouse/queries/anomalies.ts'
import { pointsOfSeries, type SeriesPointRow } from '../../clickhouse/queries/series-points.ts'
import { isCount, rateOf } from '../../streams/contracts/metric-value.ts'
import type { App } from '../app.ts'
import { apiError } from '../errors.ts'
import { asPicture, loadSeriesPlot, sendPicture } from '../plots/send-picture.ts'
import { principalOf } from '../plugins/authentication.ts'
import type { RouteDeps } from '../ports.ts'
import { SeriesPoint } from '../schemas/series.ts'
import { errors, Time } from '../schemas/shapes.ts'
import { resolveRange } from '../time-range.ts'

export const BUCKET_SECONDS = 10
const MAX_POINTS = 2000
/** Of all series of the service. */
const MAX_MARKS = 1000
const UNIT_SECONDS: Readonly<Record<string, number>> = { '': 1, s: 1, m: 60, h: 3600, d: 86_400 }

/** Counts are events of a bucket, whatever the step; everything else is the mean of its values. */
export const toPoint = (metric: string, step: number, row: SeriesPointRow) => {
  const count = Number(row.count)
  const known = row.expected !== null && Number.isFinite(row.expected)
  return {
    at: new Date(row.at * 1000).toISOString(),
    value: isCount(metric) ? count / (step / BUCKET_SECONDS) : row.sum / Math.max(1, count),
    count,
    expected: known ? row.expected : null,
    lower: known ? row.lower : null,
    upper: known ? row.upper : null,
  }
}

/** Whole buckets: the least that gives at most `MAX_POINTS`, or what is asked for. */
const stepOf = (text: string, seconds: number): number => {
  const least = Math.max(1, Math.ceil(seconds / MAX_POINTS / BUCKET_SECONDS)) * BUCKET_SECONDS
  if (text === 'auto') return least
  const [, number, unit] = /^(\d{1,6})([smhd]?)$/.exec(text) ?? []
  const step = Number(number) * (UNIT_SECONDS[unit ?? ''] ?? Number.NaN)
  if (!Number.isInteger(step) || step < BUCKET_SECONDS || step % BUCKET_SECONDS !== 0)
    throw apiError('VALIDATION_FAILED', 'step is no multiple of 10 s', [
      { path: 'step', code: 'invalid_step', message: 'a multiple of 10 seconds, as 60, 5m or 1h, or auto', example: 'auto' },
    ])
  if (step < least)
    throw apiError('VALIDATION_FAILED', `a step of ${step} s makes more than ${MAX_POINTS} points`, [
      { path: 'step', code: 'too_small', message: `at least ${least} for this range`, example: String(least) },
    ])
  return step
}

const Asked = Type.Object(
  {
    service: Type.String({ minLength: 1, maxLength: 255 }),
    metric: Type.String({
      minLength: 1,
      maxLength: 255,
      description:
        'log.rate, log.error_rate, log.new_template_rate, log.template.<16 hex digits of a pattern>, span.rate, span.error_rate, span.duration (ms), one operation as span.rate{GET /cart}, or attr.<attribute>',
      examples: ['log.error_rate'],
    }),
    from: Type.Optional(Time),
    to: Type.Optional(Time),
    step: Type.Optional(
      Type.String({ maxLength: 10, description: 'a multiple of 10 seconds: 60, 5m, 1h; auto unless told otherwise', examples: ['auto'] }),
    ),
  },
  { additionalProperties: false },
)

export const seriesRoutes = (app: App, deps: RouteDeps): void => {
  const load = async (tenant: string, { service, metric, from, to, step = 'auto' }: Static<typeof Asked>) => {
    const { fromMs, toMs } = resolveRange(from, to, deps.clock())
    const stepSeconds = stepOf(step, (toMs - fromMs) / 1000)
    const rows = await deps.clickhouse.query(pointsOfSeries, {
      tenant,
      service,
      metric,
      from: Math.floor(fromMs / 1000),
      to: Math.ceil(toMs / 1000),
      step: stepSeconds,
      rate: rateOf(metric),
    })
    return { fromMs, toMs, stepSeconds, points: rows.map((row) => toPoint(metric, stepSeconds, row)) }
  }
  app.get(
    '/api/v1/series',
    {
      schema: {
        operationId: 'getSeries',
        tags: ['analysis'],
        summary: 'Points of one series in equal steps, with the band that was expected of them',
        querystring: Asked,
        response: {
          200: Type.Object({
            service: Type.String(),
            metric: Type.String({ examples: ['log.error_rate'] }),
            range: Type.Object({ from: Type.String(), to: Type.String() }),
            stepSeconds: Type.Integer({ examples: [10] }),
            points: Type.Array(SeriesPoint),
            links: Type.Object({
              plot: Type.String({
                description: 'GET of it as a picture',
                examples: ['/api/v1/series/plot.svg?service=checkout&metric=log.error_rate'],
              }),
            }),
          }),
          ...errors,
        },
      },
    },
    async (request) => {
      const { service, metric } = request.query
      const { fromMs, toMs, stepSeconds, points } = await load(principalOf(request).tenant, request.query)
      const range = { from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString() }
      return {
        service,
        metric,
        range,
        stepSeconds,
        points,
        links: {
          plot: `/api/v1/series/plot.svg?${new URLSearchParams({ service, metric, ...range, step: String(stepSeconds) }).toString()}`,
        },
      } as never
    },
  )
  app.get(
    '/api/v1/series/plot.svg',
    {
      schema: {
        operationId: 'plotSeries',
        tags: ['analysis'],
        summary: 'A series as a picture: its points, the band that was expected and its anomalies, for light and dark pages',
        querystring: Asked,
        response: { 200: Type.String(), ...errors },
      },
      serializerCompiler: asPicture,
    },
    async (request, reply) => {
      const { tenant } = principalOf(request)
      const { service, metric } = request.query
      const { fromMs, toMs, stepSeconds, points } = await load(tenant, request.query)
      const anomalies = await deps.clickhouse.query(listAnomalies, {
        tenant,
        service,
        sinceMs: String(fromMs),
        untilMs: String(toMs),
        minScore: 0,
        limit: MAX_MARKS,
        afterMs: String(toMs + 1),
        afterId: '',
      })
      const end = (row: AnomalyRow): number => (row.resolved === 1 ? Number(row.resolved_at_ms) : toMs)
      const marks = anomalies
        .filter((row) => row.metric_name === metric)
        .map((row) => ({ fromMs: Math.max(fromMs, Number(row.started_at_ms)), toMs: Math.min(toMs, end(row)) }))
      const value = isCount(metric) ? `per ${BUCKET_SECONDS} s` : 'mean'
      const { drawSeries } = await loadSeriesPlot()
      return sendPicture(
        reply,
        drawSeries({
          title: `${service}: ${metric}`,
          subtitle: `${value}, a point every ${stepSeconds} s · ${new Date(fromMs).toISOString()} to ${new Date(toMs).toISOString()}`,
          points: points.map((point) => ({ ...point, atMs: Date.parse(point.at) })),
          marks,
        }),
      ) as never
    },
  )
}
