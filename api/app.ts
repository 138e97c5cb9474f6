// The API: Fastify with strict bodies, one error envelope, one table of operations, and every route registered by name.
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import { randomBytes } from 'node:crypto'
import { Ajv } from 'ajv'
import Fastify, { type FastifyBaseLogger, type FastifyInstance, type RawReplyDefaultExpression, type RawRequestDefaultExpression, type RawServerDefault } from 'fastify'
import { apiError } from './errors.ts'
import { createCursors } from './cursor.ts'
import { PermanentError } from '../streams/contracts/errors.ts'
import { accessOf, createAuthenticator, protect } from './plugins/authentication.ts'
import { handleErrors, sendError, type RoutePattern } from './plugins/error-handling.ts'
import { guardText } from './plugins/text-guard.ts'
import type { ApiConfig, ApiDeps, RouteDeps } from './ports.ts'
import { accountRoutes } from './routes/account.ts'
import { analysisRoutes } from './routes/analysis.ts'
import { deadLetterRoutes } from './routes/dead-letters.ts'
import { incidentRoutes } from './routes/incidents.ts'
import { logRoutes } from './routes/logs.ts'
import { monitorRoutes } from './routes/monitors.ts'
import { operationsRoutes } from './routes/operations.ts'
import { createSealer } from './services/ids.ts'
import { createIncidents } from './services/incidents.ts'
import { createMonitors } from './services/monitors.ts'

export type App = FastifyInstance<RawServerDefault, RawRequestDefaultExpression, RawReplyDefaultExpression, FastifyBaseLogger, TypeBoxTypeProvider>
export interface Api { readonly address: { readonly host: string; readonly port: number }; close(): Promise<void> }

const MAX_BODY_BYTES = 1024 * 1024
const DOCS = '/docs'

/** `/a/:id/b` → a pattern for what it takes. */
const toPattern = (url: string): RegExp => new RegExp(`^${url.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/:\w+/g, '[^/]+')}/?$`)

const rawError = (status: number, code: string, error: string): string => {
  const body = JSON.stringify({ error, code, request_id: randomBytes(8).toString('hex') })
  return `HTTP/1.1 ${status} ${code}\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`
}

const createServer = (): App => Fastify({
  bodyLimit: MAX_BODY_BYTES, requestTimeout: 10_000, keepAliveTimeout: 72_000, forceCloseConnections: true, logger: false, exposeHeadRoutes: true,
  genReqId: () => randomBytes(8).toString('hex'), routerOptions: { maxParamLength: 200, ignoreTrailingSlash: true },
  http: { headersTimeout: 5000, connectionsCheckingInterval: 1000, maxHeaderSize: 16_384 },
  ajv: { customOptions: { removeAdditional: false, coerceTypes: false, allErrors: false } },
  frameworkErrors: (_error, request, reply) => { sendError(request, reply.header('x-request-id', request.id), apiError('NOT_FOUND', 'no such path')) },
  clientErrorHandler: (error: NodeJS.ErrnoException, socket) => {
    if (!socket.writable || error.code === 'ECONNRESET') return void socket.destroy()
    if (error.code === 'HPE_HEADER_OVERFLOW') socket.end(rawError(431, 'HEADERS_TOO_LARGE', 'the headers are larger than 16 KiB'))
    else if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') socket.end(rawError(408, 'REQUEST_TIMEOUT', 'the request did not arrive in time'))
    else socket.end(rawError(400, 'VALIDATION_FAILED', 'this is not HTTP'))
  },
}).withTypeProvider<TypeBoxTypeProvider>()

/** Query strings and paths are text: numbers in them are read as such. Bodies are taken as they are. */
const readQueries = (app: App): void => {
  const strict = new Ajv({ removeAdditional: false, coerceTypes: false, useDefaults: false, allErrors: false, strict: false })
  const lenient = new Ajv({ removeAdditional: false, coerceTypes: 'array', useDefaults: false, allErrors: false, strict: false })
  app.setValidatorCompiler(({ schema, httpPart }) => (httpPart === 'body' ? strict : lenient).compile(schema as object) as never)
}

export const createApp = async (config: ApiConfig, deps: ApiDeps): Promise<App> => {
  const app = createServer()
  const routes: RoutePattern[] = []
  const authenticate = createAuthenticator(deps.credentials, deps.clock)
  const shared: RouteDeps = {
    ...deps, config, incidents: createIncidents(deps.store, deps.clock), monitors: createMonitors(deps.store, createSealer(config.secretKey)), cursors: createCursors(config.secretKey, deps.clock),
  }
  readQueries(app)
  app.removeContentTypeParser(['text/plain', 'application/json'])
  // Clients name the type on calls that have no body: nothing is then taken as nothing, as without the header.
  const parseJson = app.getDefaultJsonParser('error', 'error')
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') done(null, undefined)
    else void parseJson(request, body as string, done)
  })
  app.addHook('onRequest', async (request, reply) => { reply.header('x-request-id', request.id).header('cache-control', 'no-store') })
  handleErrors(app as unknown as FastifyInstance, deps.logger, routes)
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0', info: { title: 'Lapwing', version: config.version, description: 'Observability for agents: logs, anomalies, root causes, incidents.' },
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer', description: 'A personal access token: obs_…' } } }, security: [{ token: [] }],
    },
  })
  await app.register(swaggerUi, { routePrefix: DOCS })
  await app.register(async (scope) => {
    const typed = scope as unknown as App
    typed.addHook('onRoute', (route) => {
      accessOf(route)
      for (const method of [route.method].flat()) routes.push({ method, pattern: toPattern(route.url) })
    })
    protect(scope, authenticate)
    guardText(scope)
    analysisRoutes(typed, shared)
    logRoutes(typed, shared)
    deadLetterRoutes(typed, shared)
    incidentRoutes(typed, shared)
    monitorRoutes(typed, shared)
    accountRoutes(typed, shared)
    operationsRoutes(typed, shared, authenticate)
  })
  return app
}

/** @throws PermanentError PORT_BUSY. */
export const startApi = async (config: ApiConfig, deps: ApiDeps): Promise<Api> => {
  const app = await createApp(config, deps)
  try {
    await app.listen({ host: config.listen.host, port: config.listen.port })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    throw new PermanentError('PORT_BUSY', `${config.listen.host}:${config.listen.port} is held by another program; LAPWING_API_LISTEN moves the API`)
  }
  const { port } = app.server.address() as { port: number }
  return { address: { host: config.listen.host, port }, close: () => app.close() }
}
