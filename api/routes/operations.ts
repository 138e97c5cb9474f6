// Health, metrics, version: for machines that run this one.
import { Type } from 'typebox'
import type { App } from '../app.ts'
import type { RouteDeps } from '../ports.ts'
import { errorCatalogue, errorPage } from '../error-examples.ts'
import { apiError } from '../errors.ts'
import { sendError } from '../plugins/error-handling.ts'
import { Health, Ready, Version } from '../schemas/analysis.ts'
import { Any, ErrorEntry, errors } from '../schemas/shapes.ts'

export const operationsRoutes = (app: App, deps: RouteDeps): void => {
  const { config } = deps
  app.get(
    '/health/live',
    { schema: { operationId: 'live', tags: ['operations'], summary: 'The process answers', response: { 200: Health } } },
    async () => ({ status: 'ok' as const }),
  )
  app.get(
    '/health/ready',
    { schema: { operationId: 'ready', tags: ['operations'], summary: 'Every dependency, by name', response: { 200: Ready, ...errors } } },
    async (request, reply) => {
      const dependencies = await deps.ready()
      const failing = Object.entries(dependencies)
        .filter(([, state]) => state !== 'ok')
        .map(([name, state]) => `${name} is ${state}`)
      if (failing.length > 0)
        return sendError(request, reply, apiError('NOT_READY', failing.join(', ')), 1, { status: 'unavailable', dependencies })
      return { status: 'ok' as const, dependencies }
    },
  )
  app.get(
    '/health',
    { schema: { operationId: 'health', tags: ['operations'], summary: 'Status and version', response: { 200: Health } } },
    async () => ({ status: 'ok' as const, version: config.version }),
  )
  app.get(
    '/version',
    { schema: { operationId: 'version', tags: ['operations'], summary: 'Version', response: { 200: Version } } },
    async () => ({ name: 'lapwing' as const, version: config.version }),
  )
  app.get(
    '/metrics',
    {
      schema: {
        operationId: 'metrics',
        tags: ['operations'],
        summary: 'Prometheus metrics; open on loopback, else with a token that may read anomalies',
        produces: ['text/plain'],
        response: { 200: Type.String(), ...errors },
      },
    },
    async (_request, reply) => {
      return reply.type('text/plain; version=0.0.4; charset=utf-8').send(await deps.metrics())
    },
  )
  app.get(
    '/docs/errors',
    {
      schema: {
        operationId: 'listErrors',
        tags: ['operations'],
        summary: 'Every error code with its status, meaning, what to do and an example; a page for people when text/html is asked for',
        response: { 200: Type.Object({ errors: Type.Array(ErrorEntry) }), ...errors },
      },
      // Two media types: the schema documents, JSON.stringify writes.
      serializerCompiler: () => (value) => (typeof value === 'string' ? value : JSON.stringify(value)),
    },
    async (request, reply) => {
      if (/\btext\/html\b/.test(request.headers.accept ?? ''))
        return await reply.type('text/html; charset=utf-8').send(errorPage() as never)
      return { errors: errorCatalogue() } as never
    },
  )
  app.get(
    '/openapi.json',
    {
      schema: { operationId: 'openapi', tags: ['operations'], summary: 'This description', response: { 200: Any, ...errors } },
      serializerCompiler: () => JSON.stringify,
    },
    async () => app.swagger() as never,
  )
}
