// Heartbeat monitors. A change of the ping token holds at ingest before the answer leaves.
import { Type } from 'typebox'
import type { App } from '../app.ts'
import { apiError } from '../errors.ts'
import { actorOf, principalOf } from '../plugins/authentication.ts'
import { tellUndo } from '../plugins/undo.ts'
import type { RouteDeps } from '../ports.ts'
import { errors, Id, Monitor, NoBody } from '../schemas/shapes.ts'
import { INTERVALS_SEC } from '../services/monitors.ts'

const Tag = Type.String({ minLength: 1, maxLength: 50 })
const fields = {
  name: Type.String({ minLength: 1, maxLength: 255 }),
  intervalSec: Type.Integer({ enum: [...INTERVALS_SEC] }),
  heartbeatGraceSec: Type.Optional(Type.Integer({ minimum: 0, maximum: 86_400 })),
  service: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })),
  alertLabels: Type.Optional(
    Type.Unsafe<Record<string, string> | null>({
      type: ['object', 'null'],
      additionalProperties: { type: 'string', maxLength: 1000 },
      minProperties: 1,
      maxProperties: 20,
    }),
  ),
  tags: Type.Optional(Type.Array(Tag, { maxItems: 20, uniqueItems: true })),
}
const Create = Type.Object({ ...fields, type: Type.String() }, { additionalProperties: false })
const Patch = Type.Partial(Type.Object(fields), { additionalProperties: false, minProperties: 1 })

export const monitorRoutes = (app: App, deps: RouteDeps): void => {
  const { monitors } = deps
  const one = (operationId: string, summary: string) => ({
    operationId,
    tags: ['monitors'],
    summary,
    params: Id,
    response: { 200: Monitor, ...errors },
  })

  app.get(
    '/api/v1/monitors',
    {
      schema: {
        operationId: 'listMonitors',
        tags: ['monitors'],
        summary: 'Monitors; with tag those that have every tag given',
        querystring: Type.Object({ tag: Type.Optional(Type.Array(Tag, { maxItems: 20 })) }, { additionalProperties: false }),
        response: { 200: Type.Object({ monitors: Type.Array(Monitor) }), ...errors },
      },
    },
    async (request) => ({ monitors: await monitors.list(principalOf(request).tenant, request.query.tag) }) as never,
  )
  app.post(
    '/api/v1/monitors',
    {
      // The type is looked at first: what is asked of another kind of monitor is no fault of this one's fields.
      preValidation: async (request) => {
        const type = (request.body as { type?: unknown } | null)?.type
        if (typeof type === 'string' && type !== 'heartbeat')
          throw apiError('VALIDATION_FAILED', `monitors of type ${type.slice(0, 40)} do not work yet: heartbeat does`, [
            {
              path: 'type',
              code: 'invalid_literal',
              message: 'Expected one of heartbeat',
              allowed: ['heartbeat'],
              example: 'POST /api/v1/monitors {"name":"nightly-backup","type":"heartbeat","intervalSec":300}',
            },
          ])
      },
      schema: {
        operationId: 'createMonitor',
        tags: ['monitors'],
        summary: 'Makes a heartbeat monitor; its ping address comes from /secrets',
        body: Create,
        response: { 201: Monitor, ...errors },
      },
    },
    async (request, reply) => {
      const { type: _type, ...input } = request.body
      const made = await monitors.create(principalOf(request).tenant, input, actorOf(request))
      await deps.onCredentialsChanged()
      tellUndo(request, { possible: true, method: 'DELETE', path: `/api/v1/monitors/${made.id}` })
      return reply
        .code(201)
        .header('location', `/api/v1/monitors/${made.id}`)
        .send(made as never)
    },
  )
  app.get(
    '/api/v1/monitors/:id',
    { schema: one('getMonitor', 'One monitor') },
    async (request) => (await monitors.get(principalOf(request).tenant, request.params.id)) as never,
  )
  app.patch('/api/v1/monitors/:id', { schema: { ...one('patchMonitor', 'Changes a monitor'), body: Patch } }, async (request) => {
    const { tenant } = principalOf(request)
    const { id } = request.params
    const before = await monitors.get(tenant, id)
    const after = await monitors.patch(tenant, id, request.body, actorOf(request))
    const body = Object.fromEntries((Object.keys(request.body) as (keyof typeof request.body)[]).map((field) => [field, before[field]]))
    tellUndo(request, { possible: true, method: 'PATCH', path: `/api/v1/monitors/${id}`, body })
    return after as never
  })
  app.delete(
    '/api/v1/monitors/:id',
    {
      schema: {
        operationId: 'deleteMonitor',
        tags: ['monitors'],
        summary: 'Deletes a monitor',
        params: Id,
        response: { 204: Type.Null(), ...errors },
      },
    },
    async (request, reply) => {
      const { tenant } = principalOf(request)
      const missId = await monitors.remove(tenant, request.params.id, actorOf(request))
      if (missId !== null) await deps.signals.resolved({ tenant, kind: 'heartbeat', id: missId, endedAtMs: deps.clock() })
      await deps.onCredentialsChanged()
      tellUndo(request, { possible: false, reason: 'its ping address is gone for good; POST /api/v1/monitors makes a new monitor' })
      return reply.code(204).send(null)
    },
  )
  app.get(
    '/api/v1/monitors/:id/secrets',
    {
      schema: {
        operationId: 'getMonitorSecrets',
        tags: ['monitors'],
        summary: 'The ping token and address; each call is audited',
        params: Id,
        response: { 200: Type.Object({ heartbeatToken: Type.String(), heartbeatUrl: Type.String() }), ...errors },
      },
    },
    async (request) => {
      const token = await monitors.secret(principalOf(request).tenant, request.params.id, actorOf(request))
      return { heartbeatToken: token, heartbeatUrl: `${deps.config.otlpBase()}/api/v1/heartbeats/${token}` }
    },
  )
  app.post(
    '/api/v1/monitors/:id/rotate-heartbeat-token',
    { schema: { ...one('rotateHeartbeatToken', 'A new ping token; the old one fails at once'), body: NoBody } },
    async (request) => {
      const monitor = await monitors.rotate(principalOf(request).tenant, request.params.id, actorOf(request))
      await deps.onCredentialsChanged()
      tellUndo(request, { possible: false, reason: 'the old ping token is gone for good' })
      return monitor as never
    },
  )
}
