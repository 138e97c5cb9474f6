// Incidents: read, said something about, acknowledged, resolved, written up; and why it happened.
import { Type } from 'typebox'
import type { App } from '../app.ts'
import { actorOf, principalOf } from '../plugins/authentication.ts'
import type { RouteDeps } from '../ports.ts'
import { Analysis, Blast } from '../schemas/analysis.ts'
import { errors, Id, Incident, NoBody } from '../schemas/shapes.ts'

const Status = Type.Enum(['open', 'acknowledged', 'resolved'])
interface Key { readonly openedAt: string; readonly id: string }

export const incidentRoutes = (app: App, deps: RouteDeps): void => {
  const { incidents, rca } = deps
  const one = (operationId: string, summary: string) => ({ operationId, tags: ['incidents'], summary, params: Id, response: { 200: Incident, ...errors } })

  app.get('/api/v1/incidents', {
    schema: {
      operationId: 'listIncidents', tags: ['incidents'], summary: 'Incidents, newest first',
      querystring: Type.Object({ status: Type.Optional(Status), limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200 })), cursor: Type.Optional(Type.String({ maxLength: 2000 })) }, { additionalProperties: false }),
      response: { 200: Type.Object({ incidents: Type.Array(Incident), nextCursor: Type.Optional(Type.String()) }), ...errors },
    },
  }, async (request) => {
    const { tenant } = principalOf(request)
    const { status, limit = 50, cursor } = request.query
    const filter = { status: status ?? '' }
    const before = cursor === undefined ? undefined : deps.cursors.decode<Key>(cursor, tenant, filter).key
    const rows = await incidents.list(tenant, { status, limit: limit + 1, before })
    const shown = rows.slice(0, limit)
    const last = shown.at(-1)
    return { incidents: shown.map((row) => ({ ...row })), ...(rows.length > limit && last !== undefined ? { nextCursor: deps.cursors.encode<Key>({ openedAt: last.openedAt, id: last.id }, tenant, filter) } : {}) } as never
  })
  app.get('/api/v1/incidents/:id', { schema: one('getIncident', 'One incident with its signals and updates') },
    async (request) => await incidents.get(principalOf(request).tenant, request.params.id) as never)
  app.post('/api/v1/incidents/:id/updates', {
    schema: { ...one('addIncidentUpdate', 'Adds to the timeline'), body: Type.Object({ status: Type.Optional(Type.String({ maxLength: 50 })), body: Type.String({ minLength: 1, maxLength: 10_000 }) }, { additionalProperties: false }) },
  }, async (request) => await incidents.addUpdate(principalOf(request).tenant, request.params.id, request.body, actorOf(request)) as never)
  app.post('/api/v1/incidents/:id/acknowledge', { schema: { ...one('acknowledgeIncident', 'Somebody is on it'), body: NoBody } },
    async (request) => await incidents.acknowledge(principalOf(request).tenant, request.params.id, actorOf(request)) as never)
  app.post('/api/v1/incidents/:id/resolve', { schema: { ...one('resolveIncident', 'It is over; the same signals do not reopen it'), body: NoBody } },
    async (request) => await incidents.resolve(principalOf(request).tenant, request.params.id, actorOf(request)) as never)
  app.put('/api/v1/incidents/:id/postmortem', {
    schema: { ...one('setPostmortem', 'Markdown'), body: Type.Object({ postmortem: Type.String({ maxLength: 200_000 }) }, { additionalProperties: false }) },
  }, async (request) => await incidents.setPostmortem(principalOf(request).tenant, request.params.id, request.body.postmortem, actorOf(request)) as never)
  app.get('/api/v1/incidents/:id/analysis', { schema: { operationId: 'getAnalysis', tags: ['incidents'], summary: 'Ranked causes with their evidence', params: Id, response: { 200: Analysis, ...errors } } },
    async (request) => await rca.analysis(await incidents.reference(principalOf(request).tenant, request.params.id)) as never)
  app.get('/api/v1/context/incident/:id/blast', { schema: { operationId: 'getBlast', tags: ['incidents'], summary: 'What else is hit, and how that is known', params: Id, response: { 200: Blast, ...errors } } },
    async (request) => await rca.blast(await incidents.reference(principalOf(request).tenant, request.params.id)) as never)
}
