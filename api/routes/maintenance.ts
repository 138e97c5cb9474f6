// Maintenance windows: what goes wrong in one is recorded, and opens no incident while it lasts.
import { Type } from 'typebox'
import type { App } from '../app.ts'
import { actorOf, principalOf } from '../plugins/authentication.ts'
import { tellUndo } from '../plugins/undo.ts'
import type { RouteDeps } from '../ports.ts'
import { errors, Id } from '../schemas/shapes.ts'
import { createMaintenance, type MaintenanceWindow } from '../services/maintenance.ts'
import { mutedIn } from '../services/muted-signals.ts'

const PATH = '/api/v1/maintenance-windows'
const MAX_MUTED = 500
const Services = Type.Array(Type.String({ minLength: 1, maxLength: 255 }), {
  maxItems: 100,
  description: 'services that are worked on; none: all',
  examples: [['checkout']],
})
const Status = Type.Enum(['scheduled', 'active', 'over', 'cancelled'], { description: 'state', examples: ['active'] })
const fields = {
  id: Type.String({ examples: ['mnt_7f3d2a9c01be'] }),
  services: Services,
  reason: Type.String(),
  startsAt: Type.String(),
  endsAt: Type.String(),
  endedAt: Type.String({ description: 'when it ends in effect: endsAt, or when it was ended' }),
  status: Status,
  createdBy: Type.String({ examples: ['owner@example.com'] }),
  createdAt: Type.String(),
}
const Window = Type.Object(fields)
const WindowDetail = Type.Object({
  ...fields,
  muted: Type.Array(
    Type.Object({
      kind: Type.String(),
      id: Type.String({ examples: ['anom-7f3d2a9c01be'] }),
      service: Type.String(),
      summary: Type.String(),
      startedAt: Type.String(),
      endedAt: Type.Optional(Type.String()),
      openedAt: Type.Optional(Type.String({ description: 'when it was handed on to incidents, because it outlasted the window' })),
    }),
    { description: 'what it keeps, or kept, back' },
  ),
})
const Create = Type.Object(
  {
    services: Type.Optional(Services),
    reason: Type.Optional(Type.String({ maxLength: 500 })),
    startsAt: Type.Optional(
      Type.String({ maxLength: 40, description: 'RFC 3339; now unless told otherwise', examples: ['2031-01-31T12:00:00Z'] }),
    ),
    endsAt: Type.String({ maxLength: 40, description: 'RFC 3339, at most 30 days after startsAt', examples: ['2031-01-31T14:00:00Z'] }),
  },
  { additionalProperties: false, examples: [{ services: ['checkout'], startsAt: '2031-01-31T12:00:00Z', endsAt: '2031-01-31T14:00:00Z' }] },
)

export const maintenanceRoutes = (app: App, deps: RouteDeps): void => {
  const maintenance = createMaintenance(deps.store, deps.clock)

  app.get(
    PATH,
    {
      schema: {
        operationId: 'listMaintenanceWindows',
        tags: ['maintenance'],
        summary: 'Maintenance windows, those that begin last first',
        querystring: Type.Object(
          { status: Type.Optional(Status), limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200 })) },
          { additionalProperties: false },
        ),
        response: { 200: Type.Object({ maintenanceWindows: Type.Array(Window) }), ...errors },
      },
    },
    async (request) =>
      ({
        maintenanceWindows: await maintenance.list(principalOf(request).tenant, {
          status: request.query.status,
          limit: request.query.limit ?? 50,
        }),
      }) as never,
  )
  app.post(
    PATH,
    {
      schema: {
        operationId: 'createMaintenanceWindow',
        tags: ['maintenance'],
        body: Create,
        response: { 201: Window, ...errors },
        summary:
          'Plans maintenance of services, or of all: anomalies, alerts and missed heartbeats that begin in it are recorded and open no incident; what is still wrong when it ends opens one then',
      },
    },
    async (request, reply) => {
      const made = await maintenance.plan(principalOf(request).tenant, request.body, actorOf(request))
      tellUndo(request, { possible: true, method: 'DELETE', path: `${PATH}/${made.id}` })
      return reply
        .code(201)
        .header('location', `${PATH}/${made.id}`)
        .send(made as never)
    },
  )
  app.get(
    `${PATH}/:id`,
    {
      schema: {
        operationId: 'getMaintenanceWindow',
        tags: ['maintenance'],
        summary: 'One maintenance window and what it keeps back',
        params: Id,
        response: { 200: WindowDetail, ...errors },
      },
    },
    async (request) => {
      const { tenant } = principalOf(request)
      const found = await maintenance.get(tenant, request.params.id)
      return { ...found, muted: await mutedIn(deps.store, tenant, found.id, MAX_MUTED) } as never
    },
  )
  app.delete(
    `${PATH}/:id`,
    {
      schema: {
        operationId: 'endMaintenanceWindow',
        tags: ['maintenance'],
        summary: 'Ends a maintenance window now, or cancels one that has not begun; what is still wrong opens an incident',
        params: Id,
        response: { 200: Window, ...errors },
      },
    },
    async (request) => {
      const { tenant } = principalOf(request)
      const before = await maintenance.get(tenant, request.params.id)
      const ended = await maintenance.end(tenant, before.id, actorOf(request))
      tellUndo(
        request,
        before.endedAt === ended.endedAt
          ? { possible: false, reason: 'it was over already' }
          : { possible: true, method: 'POST', path: PATH, body: bodyOf(before, ended) },
      )
      return ended as never
    },
  )
}

/** A window for the time that was left. */
const bodyOf = (before: MaintenanceWindow, ended: MaintenanceWindow): object => ({
  services: before.services,
  reason: before.reason,
  startsAt: ended.endedAt,
  endsAt: before.endsAt,
})
