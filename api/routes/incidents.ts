// Incidents: read, said something about, acknowledged, resolved, written up; and why it happened.
import { Type } from 'typebox'
import type { App } from '../app.ts'
import { apiError } from '../errors.ts'
import { operations } from '../operations.ts'
import { actorOf, authorise, principalOf } from '../plugins/authentication.ts'
import { tellUndo } from '../plugins/undo.ts'
import { asPicture, loadIncidentGraph, sendPicture } from '../plots/send-picture.ts'
import type { RouteDeps } from '../ports.ts'
import { Analysis, Blast } from '../schemas/analysis.ts'
import { errors, Id, Incident, NoBody } from '../schemas/shapes.ts'
import { createResolutions } from '../services/resolutions.ts'
import { templateFinder } from './resolutions.ts'

const Status = Type.Enum(['open', 'acknowledged', 'resolved'])
interface Key {
  readonly openedAt: string
  readonly id: string
}

const blastAccess = operations.getBlast as Parameters<typeof authorise>[1]

export const incidentRoutes = (app: App, deps: RouteDeps): void => {
  const { incidents, rca } = deps
  const resolutions = createResolutions(deps.store, templateFinder(deps))
  const one = (operationId: string, summary: string) => ({
    operationId,
    tags: ['incidents'],
    summary,
    params: Id,
    response: { 200: Incident, ...errors },
  })

  app.get(
    '/api/v1/incidents',
    {
      schema: {
        operationId: 'listIncidents',
        tags: ['incidents'],
        summary: 'Incidents, newest first',
        querystring: Type.Object(
          {
            status: Type.Optional(Status),
            limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200 })),
            cursor: Type.Optional(Type.String({ maxLength: 2000 })),
          },
          { additionalProperties: false },
        ),
        response: { 200: Type.Object({ incidents: Type.Array(Incident), nextCursor: Type.Optional(Type.String()) }), ...errors },
      },
    },
    async (request) => {
      const { tenant } = principalOf(request)
      const { status, limit = 50, cursor } = request.query
      const filter = { status: status ?? '' }
      const before = cursor === undefined ? undefined : deps.cursors.decode<Key>(cursor, tenant, filter).key
      const rows = await incidents.list(tenant, { status, limit: limit + 1, before })
      const shown = rows.slice(0, limit)
      const last = shown.at(-1)
      return {
        incidents: shown.map((row) => ({ ...row })),
        ...(rows.length > limit && last !== undefined
          ? { nextCursor: deps.cursors.encode<Key>({ openedAt: last.openedAt, id: last.id }, tenant, filter) }
          : {}),
      } as never
    },
  )
  app.get(
    '/api/v1/incidents/:id',
    {
      schema: {
        ...one('getIncident', 'One incident with its signals and updates; include adds the analysis (ranked causes) and the blast radius'),
        querystring: Type.Object(
          {
            include: Type.Optional(
              Type.Array(Type.Enum(['analysis', 'blast']), {
                maxItems: 2,
                description: 'analysis = ranked causes with evidence; blast = what else is hit (needs context:read)',
                examples: [['analysis', 'blast']],
              }),
            ),
          },
          { additionalProperties: false },
        ),
        response: {
          200: Type.Intersect([Incident, Type.Object({ analysis: Type.Optional(Analysis), blast: Type.Optional(Blast) })]),
          ...errors,
        },
      },
    },
    async (request) => {
      const principal = principalOf(request)
      const { include = [] } = request.query
      // What another route asks a scope for is not had here without it.
      if (include.includes('blast')) authorise(principal, blastAccess)
      const incident = await incidents.get(principal.tenant, request.params.id)
      if (include.length === 0) return incident as never
      const reference = await incidents.reference(principal.tenant, request.params.id)
      const [analysis, blast] = await Promise.all([
        include.includes('analysis') ? rca.analysis(reference) : undefined,
        include.includes('blast') ? rca.blast(reference) : undefined,
      ])
      return { ...incident, analysis, blast } as never
    },
  )
  app.patch(
    '/api/v1/incidents/:id',
    {
      schema: {
        ...one(
          'updateIncident',
          'Comments on an incident, acknowledges or resolves it; the body goes onto the timeline, and a comment needs one',
        ),
        body: Type.Object(
          {
            action: Type.Enum(['comment', 'acknowledge', 'resolve'], { description: 'what to do with it', examples: ['comment'] }),
            body: Type.Optional(
              Type.String({ minLength: 1, maxLength: 10_000, description: 'what to say on the timeline; needed for a comment' }),
            ),
          },
          { additionalProperties: false, examples: [{ action: 'comment', body: 'Rolled back checkout to 1.4.2; error rate is falling.' }] },
        ),
      },
    },
    async (request) => {
      const { action, body } = request.body
      const [tenant, id, actor] = [principalOf(request).tenant, request.params.id, actorOf(request)]
      if (action === 'comment' && body === undefined)
        throw apiError('VALIDATION_FAILED', 'body: a comment needs a body', [
          {
            path: 'body',
            code: 'required',
            message: 'a comment needs a body',
            example: 'PATCH /api/v1/incidents/inc_7f3d2a9c01be {"action":"comment","body":"Rolled back."}',
          },
        ])
      tellUndo(request, {
        possible: false,
        reason: 'the timeline only grows, and an incident goes forward only: add a comment that puts it right',
      })
      const after =
        action === 'comment'
          ? await incidents.addUpdate(tenant, id, { body: body! }, actor)
          : await incidents[action](tenant, id, actor, body)
      if (action === 'resolve') await resolutions.rememberPostmortem(tenant, id, actor)
      return after as never
    },
  )
  app.post(
    '/api/v1/incidents/:id/updates',
    {
      schema: {
        ...one('addIncidentUpdate', 'Adds to the timeline'),
        body: Type.Object(
          { status: Type.Optional(Type.String({ maxLength: 50 })), body: Type.String({ minLength: 1, maxLength: 10_000 }) },
          { additionalProperties: false },
        ),
      },
    },
    async (request) => {
      tellUndo(request, { possible: false, reason: 'the timeline only grows: add an update that puts it right' })
      return (await incidents.addUpdate(principalOf(request).tenant, request.params.id, request.body, actorOf(request))) as never
    },
  )
  app.post(
    '/api/v1/incidents/:id/acknowledge',
    { schema: { ...one('acknowledgeIncident', 'Somebody is on it'), body: NoBody } },
    async (request) => {
      tellUndo(request, { possible: false, reason: 'an incident does not become unacknowledged' })
      return (await incidents.acknowledge(principalOf(request).tenant, request.params.id, actorOf(request))) as never
    },
  )
  app.post(
    '/api/v1/incidents/:id/resolve',
    { schema: { ...one('resolveIncident', 'It is over; the same signals do not reopen it'), body: NoBody } },
    async (request) => {
      tellUndo(request, { possible: false, reason: 'a resolved incident stays resolved; what happens anew opens another' })
      const after = await incidents.resolve(principalOf(request).tenant, request.params.id, actorOf(request))
      await resolutions.rememberPostmortem(principalOf(request).tenant, after.id, actorOf(request))
      return after as never
    },
  )
  app.put(
    '/api/v1/incidents/:id/postmortem',
    {
      schema: {
        ...one('setPostmortem', 'Markdown'),
        body: Type.Object({ postmortem: Type.String({ maxLength: 200_000 }) }, { additionalProperties: false }),
      },
    },
    async (request) => {
      const { tenant } = principalOf(request)
      const { id } = request.params
      const { postmortem: before = '' } = await incidents.get(tenant, id)
      tellUndo(request, { possible: true, method: 'PUT', path: `/api/v1/incidents/${id}/postmortem`, body: { postmortem: before } })
      const after = await incidents.setPostmortem(tenant, id, request.body.postmortem, actorOf(request))
      await resolutions.rememberPostmortem(tenant, id, actorOf(request))
      return after as never
    },
  )
  app.get(
    '/api/v1/incidents/:id/analysis',
    {
      schema: {
        operationId: 'getAnalysis',
        tags: ['incidents'],
        summary: 'Ranked causes with their evidence',
        params: Id,
        response: { 200: Analysis, ...errors },
      },
    },
    async (request) => (await rca.analysis(await incidents.reference(principalOf(request).tenant, request.params.id))) as never,
  )
  app.get(
    '/api/v1/incidents/:id/graph.svg',
    {
      schema: {
        operationId: 'drawIncidentGraph',
        tags: ['incidents'],
        params: Id,
        response: { 200: Type.String(), ...errors },
        summary:
          'An incident as a picture: causes by rank, what they reach and whose it is, and how each edge is known, for light and dark pages (needs context:read too)',
      },
      serializerCompiler: asPicture,
    },
    async (request, reply) => {
      const principal = principalOf(request)
      authorise(principal, blastAccess)
      const [{ number, title }, reference] = await Promise.all([
        incidents.get(principal.tenant, request.params.id),
        incidents.reference(principal.tenant, request.params.id),
      ])
      const graph = await rca.graph(reference)
      const { drawIncidentGraph, subtitleOf } = await loadIncidentGraph()
      return sendPicture(reply, drawIncidentGraph({ title: `#${number} ${title}`, subtitle: subtitleOf(graph), graph })) as never
    },
  )
  app.get(
    '/api/v1/context/incident/:id/blast',
    {
      schema: {
        operationId: 'getBlast',
        tags: ['incidents'],
        summary: 'What else is hit, and how that is known',
        params: Id,
        response: { 200: Blast, ...errors },
      },
    },
    async (request) => (await rca.blast(await incidents.reference(principalOf(request).tenant, request.params.id))) as never,
  )
}
