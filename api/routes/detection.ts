// How series are judged: set for a service or one of its metrics, shown with where each part comes from.
import { Type } from 'typebox'
import type { App } from '../app.ts'
import { apiError } from '../errors.ts'
import { actorOf, principalOf } from '../plugins/authentication.ts'
import { tellUndo } from '../plugins/undo.ts'
import type { RouteDeps } from '../ports.ts'
import { Detection, DetectionSetting, Direction } from '../schemas/detection.ts'
import { errors } from '../schemas/shapes.ts'
import { createDetectionSettings, type Effective, type KeptSetting, type SettingKey } from '../services/detection-settings.ts'

const PATH = '/api/v1/detection/settings'
const key = {
  service_id: Type.String({ minLength: 1, maxLength: 255 }),
  metric_name: Type.Optional(
    Type.String({ minLength: 1, maxLength: 255, description: 'of one series; left out: the whole service', examples: ['log.rate'] }),
  ),
}

const keyOf = (asked: { service_id: string; metric_name?: string }): SettingKey => ({
  service: asked.service_id,
  metric: asked.metric_name ?? null,
})
const toSetting = (kept: KeptSetting) => ({
  service_id: kept.service,
  metric_name: kept.metric,
  sensitivity: kept.sensitivity,
  direction: kept.direction,
  ignored: kept.ignored,
  updated_at: kept.updatedAt,
})
export const toDetection = ({ noiseMarks, thresholdFactor, ...rest }: Effective) => ({
  ...rest,
  noise_marks: noiseMarks,
  threshold_factor: { up: round(thresholdFactor.up), down: round(thresholdFactor.down) },
})
const round = (value: number): number => Number(value.toFixed(4))

export const detectionRoutes = (app: App, deps: RouteDeps): void => {
  const settings = createDetectionSettings(deps.store)

  app.get(
    PATH,
    {
      schema: {
        operationId: 'getDetectionSettings',
        tags: ['analysis'],
        summary: 'How series are judged: everything that was set, and for one service or series what holds and where it comes from',
        querystring: Type.Partial(Type.Object(key), { additionalProperties: false }),
        response: { 200: Type.Object({ settings: Type.Array(DetectionSetting), effective: Type.Optional(Detection) }), ...errors },
      },
    },
    async (request) => {
      const { tenant } = principalOf(request)
      const { service_id: service, metric_name: metric } = request.query
      const all = await settings.list(tenant)
      if (service === undefined)
        return { settings: all.filter((one) => metric === undefined || one.metric === metric).map(toSetting) } as never
      return {
        settings: all.filter((one) => one.service === service).map(toSetting),
        effective: toDetection(await settings.effective(tenant, keyOf({ service_id: service, metric_name: metric }))),
      } as never
    },
  )
  app.put(
    PATH,
    {
      schema: {
        operationId: 'setDetectionSettings',
        tags: ['analysis'],
        summary: 'Sets how a service or one of its series is judged; what is left out is as if nothing were set. It holds within seconds',
        body: Type.Object(
          {
            service_id: key.service_id,
            sensitivity: Type.Optional(
              Type.Number({
                minimum: 0.1,
                maximum: 10,
                description: 'the threshold is divided by it: 2 alarms at half of it, 0.5 at twice',
                examples: [0.5],
              }),
            ),
            direction: Type.Optional(Direction),
            ignored: Type.Optional(Type.Boolean({ description: 'opens no anomaly, and ends those that are open', examples: [false] })),
            metric_name: key.metric_name,
          },
          { additionalProperties: false, examples: [{ service_id: 'checkout', sensitivity: 0.5 }] },
        ),
        response: { 200: DetectionSetting, ...errors },
      },
    },
    async (request) => {
      const { tenant } = principalOf(request)
      const { service_id: service, metric_name: metric, sensitivity = null, direction = null, ignored = null } = request.body
      if (sensitivity === null && direction === null && ignored === null)
        throw apiError('VALIDATION_FAILED', 'nothing is set', [
          {
            path: 'sensitivity',
            code: 'required',
            message: 'at least one of sensitivity, direction, ignored',
            example: `PUT ${PATH} {"service_id":"checkout","sensitivity":0.5}`,
          },
        ])
      const of = keyOf({ service_id: service, metric_name: metric })
      const before = await settings.find(tenant, of)
      const after = await settings.put(tenant, of, { sensitivity, direction, ignored }, actorOf(request))
      if (before === null)
        tellUndo(request, {
          possible: true,
          method: 'DELETE',
          path: `${PATH}?${new URLSearchParams({ service_id: service, ...(metric === undefined ? {} : { metric_name: metric }) }).toString()}`,
        })
      else tellUndo(request, { possible: true, method: 'PUT', path: PATH, body: bodyOf(before) })
      return toSetting(after) as never
    },
  )
  app.delete(
    PATH,
    {
      schema: {
        operationId: 'resetDetectionSettings',
        tags: ['analysis'],
        summary: 'Takes away what was set for a service or one of its series',
        querystring: Type.Object(key, { additionalProperties: false }),
        response: { 204: Type.Null(), ...errors },
      },
    },
    async (request, reply) => {
      const { tenant } = principalOf(request)
      const of = keyOf(request.query)
      const before = await settings.find(tenant, of)
      await settings.remove(tenant, of, actorOf(request))
      if (before !== null) tellUndo(request, { possible: true, method: 'PUT', path: PATH, body: bodyOf(before) })
      return reply.code(204).send(null)
    },
  )
}

const bodyOf = (kept: KeptSetting): object => {
  const { updated_at: _, ...fields } = toSetting(kept)
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null))
}
