// What people say of their services: owner, description, dependencies. Said, listed, taken back.
import { Type } from 'typebox'
import type { App } from '../app.ts'
import { apiError } from '../errors.ts'
import { actorOf, principalOf } from '../plugins/authentication.ts'
import { tellUndo } from '../plugins/undo.ts'
import type { RouteDeps } from '../ports.ts'
import { errors } from '../schemas/shapes.ts'
import { DeclarationInput, ServiceDeclaration, ServiceName } from '../schemas/topology.ts'
import { createServiceDeclarations, type Declaration, type KeptDeclaration } from '../services/service-declarations.ts'

const PATH = '/api/v1/context/services'
const params = Type.Object({ service: ServiceName }, { additionalProperties: false })
const pathOf = (service: string): string => `${PATH}/${encodeURIComponent(service)}`
/** What PUT takes, to say the same again. */
const bodyOf = ({ owner, description, dependsOn }: Declaration): object => ({
  ...(owner === null ? {} : { owner }),
  ...(description === null ? {} : { description }),
  dependsOn: [...dependsOn],
})
const notFound = (service: string) => apiError('NOT_FOUND', `nothing is declared of ${service}`)

const declarationOf = (service: string, input: { owner?: string; description?: string; dependsOn?: string[] }): Declaration => {
  const {
    owner = null,
    description = null,
    dependsOn = [],
  }: { owner?: string | null; description?: string | null; dependsOn?: string[] } = input
  if (dependsOn.includes(service))
    throw apiError('VALIDATION_FAILED', `${service} depends on itself`, [{ path: 'dependsOn', code: 'self', message: 'other services' }])
  if (owner === null && description === null && dependsOn.length === 0)
    throw apiError('VALIDATION_FAILED', 'nothing is said', [
      {
        path: 'owner',
        code: 'required',
        message: 'at least one of owner, description, dependsOn',
        example: `PUT ${PATH}/checkout {"owner":"team-shop","dependsOn":["payments"]}`,
      },
    ])
  return { owner, description, dependsOn: [...new Set(dependsOn)] }
}

export const serviceDeclarationRoutes = (app: App, deps: RouteDeps): void => {
  const declarations = createServiceDeclarations(deps.store)
  const get = async (tenant: string, service: string): Promise<KeptDeclaration> => {
    const kept = await declarations.find(tenant, service)
    if (kept === null) throw notFound(service)
    return kept
  }
  app.get(
    PATH,
    {
      schema: {
        operationId: 'listServiceDeclarations',
        tags: ['analysis'],
        summary: 'What was said of services, by name: owner, description, what each depends on',
        querystring: Type.Object(
          {
            owner: Type.Optional(Type.String({ maxLength: 255, description: 'only those of this owner', examples: ['team-shop'] })),
            limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
            cursor: Type.Optional(Type.String({ maxLength: 2000 })),
          },
          { additionalProperties: false },
        ),
        response: { 200: Type.Object({ services: Type.Array(ServiceDeclaration), nextCursor: Type.Optional(Type.String()) }), ...errors },
      },
    },
    async (request) => {
      const { tenant } = principalOf(request)
      const { owner, limit = 100, cursor } = request.query
      const filter = { owner: owner ?? '' }
      const after = cursor === undefined ? undefined : deps.cursors.decode<{ service: string }>(cursor, tenant, filter).key.service
      const rows = await declarations.list(tenant, { owner, after, limit: limit + 1 })
      const shown = rows.slice(0, limit)
      const last = shown.at(-1)
      return {
        services: shown.map((one) => ({ ...one })),
        ...(rows.length > limit && last !== undefined
          ? { nextCursor: deps.cursors.encode({ service: last.service }, tenant, filter) }
          : {}),
      } as never
    },
  )
  app.get(
    `${PATH}/:service`,
    {
      schema: {
        operationId: 'getServiceDeclaration',
        tags: ['analysis'],
        summary: 'What was said of one service',
        params,
        response: { 200: ServiceDeclaration, ...errors },
      },
    },
    async (request) => (await get(principalOf(request).tenant, request.params.service)) as never,
  )
  app.put(
    `${PATH}/:service`,
    {
      schema: {
        operationId: 'declareService',
        tags: ['analysis'],
        summary:
          'Says whose a service is and what it depends on, in place of what was said before. Blast radii name the owner, and the graph has the dependencies as declared',
        params,
        body: DeclarationInput,
        response: { 200: ServiceDeclaration, ...errors },
      },
    },
    async (request) => {
      const { tenant } = principalOf(request)
      const { service } = request.params
      const declaration = declarationOf(service, request.body)
      const before = await declarations.find(tenant, service)
      const after = await declarations.put(tenant, service, declaration, actorOf(request))
      tellUndo(
        request,
        before === null
          ? { possible: true, method: 'DELETE', path: pathOf(service) }
          : { possible: true, method: 'PUT', path: pathOf(service), body: bodyOf(before) },
      )
      return after as never
    },
  )
  app.delete(
    `${PATH}/:service`,
    {
      schema: {
        operationId: 'withdrawServiceDeclaration',
        tags: ['analysis'],
        summary: 'Takes back what was said of a service',
        params,
        response: { 204: Type.Null(), ...errors },
      },
    },
    async (request, reply) => {
      const { tenant } = principalOf(request)
      const { service } = request.params
      const before = await get(tenant, service)
      await declarations.remove(tenant, service, actorOf(request))
      tellUndo(request, { possible: true, method: 'PUT', path: pathOf(service), body: bodyOf(before) })
      return reply.code(204).send(null)
    },
  )
}
