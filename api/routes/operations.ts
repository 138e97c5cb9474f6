// Health, metrics, version: for machines that run this one.
import { Type } from 'typebox'
import type { App } from '../app.ts'
import type { Principal } from '../../streams/contracts/principal.ts'
import type { FastifyRequest } from 'fastify'
import type { RouteDeps } from '../ports.ts'
import { errorCodes } from '../errors.ts'
import { Any, errors } from '../schemas/shapes.ts'

export const operationsRoutes = (app: App, deps: RouteDeps, authenticate: (request: FastifyRequest) => Principal): void => {
  const { config } = deps
  app.get('/health/live', { schema: { operationId: 'live', tags: ['operations'], summary: 'The process answers', response: { 200: Any } } }, async () => ({ status: 'ok' }))
  app.get('/health/ready', { schema: { operationId: 'ready', tags: ['operations'], summary: 'Every dependency, by name', response: { 200: Any, 503: Any } } }, async (_request, reply) => {
    const dependencies = await deps.ready()
    const ok = Object.values(dependencies).every((state) => state === 'ok')
    if (!ok) reply.header('retry-after', 1)
    return reply.code(ok ? 200 : 503).send({ status: ok ? 'ok' : 'unavailable', dependencies })
  })
  app.get('/health', { schema: { operationId: 'health', tags: ['operations'], summary: 'Status and version', response: { 200: Any } } }, async () => ({ status: 'ok', version: config.version }))
  app.get('/version', { schema: { operationId: 'version', tags: ['operations'], summary: 'Version', response: { 200: Any } } }, async () => ({ name: 'lapwing', version: config.version }))
  app.get('/metrics', { schema: { operationId: 'metrics', tags: ['operations'], summary: 'Prometheus metrics; open on loopback, else with a token', produces: ['text/plain'], response: { 200: Type.String(), ...errors } } }, async (request, reply) => {
    if (!config.metricsOpen) authenticate(request)
    return reply.type('text/plain; version=0.0.4; charset=utf-8').send(await deps.metrics())
  })
  app.get('/docs/errors', { schema: { operationId: 'listErrors', tags: ['operations'], summary: 'Every error code with its meaning and what to do', response: { 200: Any } } }, async () => ({ errors: Object.entries(errorCodes).map(([code, kind]) => ({ code, ...kind })) }))
  app.get('/openapi.json', { schema: { operationId: 'openapi', tags: ['operations'], summary: 'This description', response: { 200: Any } }, serializerCompiler: () => JSON.stringify }, async () => app.swagger() as never)
}
