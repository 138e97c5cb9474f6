// One anomaly with what explains it, and what people say of it.
import { Type } from 'typebox'
import { anomalyById, similarAnomalies, type AnomalyRow } from '../../clickhouse/queries/anomalies.ts'
import { pointsOfSeries } from '../../clickhouse/queries/series-points.ts'
import { rateOf } from '../../streams/contracts/metric-value.ts'
import type { App } from '../app.ts'
import { apiError } from '../errors.ts'
import { asPicture, loadSeriesPlot, sendPicture } from '../plots/send-picture.ts'
import { actorOf, principalOf } from '../plugins/authentication.ts'
import { tellUndo } from '../plugins/undo.ts'
import type { RouteDeps } from '../ports.ts'
import { Detection, Feedback, FeedbackGiven, Verdict } from '../schemas/detection.ts'
import { SeriesPoint } from '../schemas/series.ts'
import { Anomaly, errors, Id } from '../schemas/shapes.ts'
import { createAnomalyFeedback, type Feedback as Given, type FeedbackSeries } from '../services/anomaly-feedback.ts'
import { createDetectionSettings } from '../services/detection-settings.ts'
import { contextOf, toAnomaly } from './analysis.ts'
import { toDetection } from './detection.ts'
import { BUCKET_SECONDS, toPoint } from './series.ts'

/** What is shown of its series before and behind it. */
const AROUND_MS = 30 * 60_000
const MAX_LENGTH_MS = 6 * 3_600_000

const AnomalyDetail = Type.Intersect([
  Anomaly,
  Type.Object({
    direction: Type.Unsafe<'up' | 'down' | null>({ type: ['string', 'null'], enum: ['up', 'down', null] }),
    feedback: Feedback,
    detection: Detection,
    similar: Type.Object(
      { total: Type.Integer({ examples: [3] }), anomaly_ids: Type.Array(Type.String({ examples: ['anom-7f3d2a9c01be'] })) },
      { description: 'earlier anomalies of the series on the same side; the last five ids' },
    ),
    points: Type.Array(SeriesPoint),
    links: Type.Object({
      plot: Type.String({ description: 'GET of it as a picture', examples: ['/api/v1/anomalies/anom-7f3d2a9c01be/plot.svg'] }),
    }),
  }),
])

const seriesOf = (row: AnomalyRow): FeedbackSeries => ({ service: row.service_id, metric: row.metric_name, direction: row.direction })
const toFeedback = (given: Given) => ({ verdict: given.verdict, note: given.note, by: given.author, at: given.at })

export const anomalyRoutes = (app: App, deps: RouteDeps): void => {
  const feedback = createAnomalyFeedback(deps.store)
  const settings = createDetectionSettings(deps.store)
  const find = async (tenant: string, id: string): Promise<AnomalyRow> => {
    const [row] = await deps.clickhouse.query(anomalyById, { tenant, id })
    if (row === undefined) throw apiError('NOT_FOUND', `no anomaly ${id}`)
    return row
  }
  const judged = async (tenant: string, id: string): Promise<AnomalyRow> => {
    const row = await find(tenant, id)
    if (row.direction === 0)
      throw apiError('FEEDBACK_NOT_APPLICABLE', `${id} is an alert of ${row.service_id}: its sender decides when it fires`)
    return row
  }
  const endOf = (row: AnomalyRow): number => (row.resolved === 1 ? Number(row.resolved_at_ms) : deps.clock())
  const points = async (tenant: string, row: AnomalyRow) => {
    const startMs = Number(row.started_at_ms)
    const toMs = Math.min(endOf(row), startMs + MAX_LENGTH_MS) + AROUND_MS
    const params = {
      tenant,
      service: row.service_id,
      metric: row.metric_name,
      from: Math.max(0, Math.floor((startMs - AROUND_MS) / 1000)),
      to: Math.ceil(toMs / 1000),
      step: BUCKET_SECONDS,
      rate: rateOf(row.metric_name),
    }
    return (await deps.clickhouse.query(pointsOfSeries, params)).map((point) => toPoint(row.metric_name, BUCKET_SECONDS, point))
  }
  const detectionOf = async (tenant: string, row: AnomalyRow) =>
    toDetection(await settings.effective(tenant, { service: row.service_id, metric: row.metric_name }))

  app.get(
    '/api/v1/anomalies/:id',
    {
      schema: {
        operationId: 'getAnomaly',
        tags: ['analysis'],
        summary:
          'One anomaly: what was observed and expected, the points around it, how its series is judged, earlier ones like it, and what people said of it',
        params: Id,
        response: { 200: AnomalyDetail, ...errors },
      },
    },
    async (request) => {
      const { tenant } = principalOf(request)
      const row = await find(tenant, request.params.id)
      const [given, detection, context, [similar], around] = await Promise.all([
        feedback.find(tenant, row.anomaly_id),
        detectionOf(tenant, row),
        contextOf(deps, tenant, [row]),
        deps.clickhouse.query(similarAnomalies, {
          tenant,
          service: row.service_id,
          metric: row.metric_name,
          direction: row.direction,
          beforeMs: row.detected_at_ms,
          id: row.anomaly_id,
        }),
        points(tenant, row),
      ])
      return {
        ...toAnomaly(row, context),
        direction: row.direction === 0 ? null : row.direction > 0 ? 'up' : 'down',
        feedback: given === null ? null : toFeedback(given),
        detection,
        similar: { total: Number(similar?.total ?? 0), anomaly_ids: [...(similar?.ids ?? [])] },
        points: around,
        links: { plot: `/api/v1/anomalies/${row.anomaly_id}/plot.svg` },
      } as never
    },
  )
  app.get(
    '/api/v1/anomalies/:id/plot.svg',
    {
      schema: {
        operationId: 'plotAnomaly',
        tags: ['analysis'],
        summary: 'An anomaly as a picture: the points around it and the band that was expected, for light and dark pages',
        params: Id,
        response: { 200: Type.String(), ...errors },
      },
      serializerCompiler: asPicture,
    },
    async (request, reply) => {
      const { tenant } = principalOf(request)
      const row = await find(tenant, request.params.id)
      const around = await points(tenant, row)
      const startMs = Number(row.started_at_ms)
      const { drawSeries } = await loadSeriesPlot()
      const picture = drawSeries({
        title: row.summary,
        subtitle: `${row.service_id} · ${row.metric_name} · ${new Date(startMs).toISOString()} · UTC`,
        marks: [{ fromMs: startMs, toMs: Math.min(endOf(row), startMs + MAX_LENGTH_MS) }],
        points: around.map((point) => ({ ...point, atMs: Date.parse(point.at) })),
      })
      return sendPicture(reply, picture) as never
    },
  )
  app.post(
    '/api/v1/anomalies/:id/feedback',
    {
      schema: {
        operationId: 'giveAnomalyFeedback',
        tags: ['analysis'],
        params: Id,
        summary:
          'Says whether an anomaly was noise or real. Each noise raises the threshold of its series on its side by a quarter, up to four times; real takes that back',
        body: Type.Object(
          { verdict: Verdict, note: Type.Optional(Type.String({ minLength: 1, maxLength: 1000 })) },
          { additionalProperties: false },
        ),
        response: { 200: FeedbackGiven, ...errors },
      },
    },
    async (request) => {
      const { tenant } = principalOf(request)
      const row = await judged(tenant, request.params.id)
      const before = await feedback.find(tenant, row.anomaly_id)
      const given = await feedback.give(tenant, row.anomaly_id, seriesOf(row), request.body, actorOf(request))
      const path = `/api/v1/anomalies/${row.anomaly_id}/feedback`
      tellUndo(
        request,
        before === null
          ? { possible: true, method: 'DELETE', path }
          : {
              possible: true,
              method: 'POST',
              path,
              body: { verdict: before.verdict, ...(before.note === null ? {} : { note: before.note }) },
            },
      )
      return {
        anomaly_id: row.anomaly_id,
        service_id: row.service_id,
        metric_name: row.metric_name,
        ...toFeedback(given),
        detection: await detectionOf(tenant, row),
      } as never
    },
  )
  app.delete(
    '/api/v1/anomalies/:id/feedback',
    {
      schema: {
        operationId: 'takeBackAnomalyFeedback',
        tags: ['analysis'],
        summary: 'Takes back what was said of an anomaly, and with it what that did to the threshold',
        params: Id,
        response: { 204: Type.Null(), ...errors },
      },
    },
    async (request, reply) => {
      const { tenant } = principalOf(request)
      const { id } = request.params
      const before = await feedback.find(tenant, id)
      await feedback.takeBack(tenant, id, actorOf(request))
      if (before !== null)
        tellUndo(request, {
          possible: true,
          method: 'POST',
          path: `/api/v1/anomalies/${id}/feedback`,
          body: { verdict: before.verdict, ...(before.note === null ? {} : { note: before.note }) },
        })
      return reply.code(204).send(null)
    },
  )
}
