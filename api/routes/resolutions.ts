// What fixed incidents: taken in from whoever fixed them, and given back to incidents that resemble them.
import { Type } from 'typebox'
import { errorTemplates } from '../../clickhouse/queries/rca.ts'
import type { App } from '../app.ts'
import { actorOf, principalOf } from '../plugins/authentication.ts'
import { tellUndo } from '../plugins/undo.ts'
import type { RouteDeps } from '../ports.ts'
import { errors, Id, Nullable } from '../schemas/shapes.ts'
import { createResolutions, type FindTemplates, type Resolution as Kept } from '../services/resolutions.ts'

const Text = Type.String({ minLength: 1, maxLength: 4000, description: 'what fixed it', examples: ['Rolled payments back to 1.4.2.'] })
const Tag = Type.String({ minLength: 1, maxLength: 50 })
const Resolution = Type.Object({
  knowledge_base_id: Type.String({ examples: ['kb-7f3d2a9c01be'] }),
  incident_id: Type.String({ examples: ['inc_7f3d2a9c01be'] }),
  source: Type.Enum(['webhook', 'postmortem'], { description: 'how it came', examples: ['webhook'] }),
  resolution: Text,
  resolved_by: Type.String({ examples: ['owner@example.com'] }),
  time_to_recovery_minutes: Nullable('number'),
  tags: Type.Array(Tag),
  services: Type.Array(Type.String({ examples: ['payments'] })),
  created_at: Type.String(),
})
const Webhook = Type.Object(
  {
    incident_id: Type.String({
      minLength: 1,
      maxLength: 64,
      description: 'an incident, or an anomaly of one',
      examples: ['inc_7f3d2a9c01be'],
    }),
    service_id: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })),
    resolution: Text,
    resolved_by: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 255,
        description: 'who fixed it; whoever calls unless told otherwise',
        examples: ['owner@example.com'],
      }),
    ),
    time_to_recovery_minutes: Type.Optional(
      Type.Number({ minimum: 0, maximum: 5_256_000, description: 'from its beginning to its end', examples: [14] }),
    ),
    tags: Type.Optional(Type.Array(Tag, { maxItems: 20 })),
  },
  { additionalProperties: false },
)

/** Around what its signals say: a message is often there before its signal. */
const BEFORE_MS = 60_000
const AFTER_MS = 300_000
export const templateFinder =
  ({ clickhouse }: Pick<RouteDeps, 'clickhouse'>): FindTemplates =>
  async (tenant, services, fromMs, toMs) =>
    (
      await clickhouse.query(errorTemplates, {
        tenant,
        services: [...services],
        fromMs: fromMs - BEFORE_MS,
        toMs: Math.max(toMs, fromMs) + AFTER_MS,
      })
    ).map((row) => row.template)

const toResolution = (kept: Kept) => ({
  knowledge_base_id: kept.id,
  incident_id: kept.incidentId,
  source: kept.source,
  resolution: kept.resolution,
  resolved_by: kept.resolvedBy,
  time_to_recovery_minutes: kept.minutes,
  tags: kept.tags,
  services: kept.services,
  created_at: kept.createdAt,
})

export const resolutionRoutes = (app: App, deps: RouteDeps): void => {
  const resolutions = createResolutions(deps.store, templateFinder(deps))

  app.post(
    '/api/v1/resolutions/webhook',
    {
      schema: {
        operationId: 'storeResolution',
        tags: ['incidents'],
        summary: 'Says what fixed an incident; incidents that resemble it are told',
        body: Webhook,
        response: {
          200: Type.Object({
            status: Type.Literal('ok'),
            stored: Type.Boolean({ examples: [true] }),
            knowledge_base_id: Type.String({ examples: ['kb-7f3d2a9c01be'] }),
          }),
          ...errors,
        },
      },
    },
    async (request) => {
      const {
        incident_id: incidentId,
        service_id: service,
        resolution,
        resolved_by: resolvedBy,
        time_to_recovery_minutes: minutes,
        tags,
      } = request.body
      const id = await resolutions.store(
        principalOf(request).tenant,
        { incidentId, service, resolution, resolvedBy, minutes, tags },
        actorOf(request),
      )
      tellUndo(request, { possible: true, method: 'DELETE', path: `/api/v1/resolutions/${id}` })
      return { status: 'ok' as const, stored: true, knowledge_base_id: id }
    },
  )
  app.get(
    '/api/v1/resolutions',
    {
      schema: {
        operationId: 'listResolutions',
        tags: ['incidents'],
        summary: 'What fixed incidents, newest first: told by the webhook, or written in a postmortem',
        querystring: Type.Object({ limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200 })) }, { additionalProperties: false }),
        response: { 200: Type.Object({ resolutions: Type.Array(Resolution) }), ...errors },
      },
    },
    async (request) =>
      ({ resolutions: (await resolutions.list(principalOf(request).tenant, request.query.limit ?? 50)).map(toResolution) }) as never,
  )
  app.delete(
    '/api/v1/resolutions/:id',
    {
      schema: {
        operationId: 'deleteResolution',
        tags: ['incidents'],
        summary: 'Forgets what was said to have fixed an incident',
        params: Id,
        response: { 204: Type.Null(), ...errors },
      },
    },
    async (request, reply) => {
      await resolutions.remove(principalOf(request).tenant, request.params.id, actorOf(request))
      tellUndo(request, { possible: false, reason: 'it is forgotten; POST /api/v1/resolutions/webhook says it again' })
      return reply.code(204).send(null)
    },
  )
}
