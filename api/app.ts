// The API: Fastify with strict bodies, one error envelope, one table of operations, and every route registered by name.
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type RawReplyDefaultExpression,
  type RawRequestDefaultExpression,
  type RawServerDefault,
} from 'fastify'
import { apiError } from './errors.ts'
import { createCursors } from './cursor.ts'
import { mcpRoutes } from './mcp/routes.ts'
import { createRateLimiter } from '../streams/contracts/rate-limiter.ts'
import { PermanentError } from '../streams/contracts/errors.ts'
import { accessOf, createAuthenticator, protect } from './plugins/authentication.ts'
import { createChanges } from './plugins/changes.ts'
import { limitAddresses, WINDOW_MS } from './plugins/address-limit.ts'
import { checkAgentLabels } from './plugins/agent-labels.ts'
import { limitTime } from './plugins/deadline.ts'
import { handleErrors, sendError } from './plugins/error-handling.ts'
import { readJsonBodies } from './plugins/json-body.ts'
import { tellLimits } from './plugins/limit-headers.ts'
import { takeNames } from './plugins/names.ts'
import { linkPages } from './plugins/next-link.ts'
import { handleClientError, handleRawRequests, letThrough } from './plugins/raw-errors.ts'
import { createLazySchemas, type Compilers, type LazySchemas } from './plugins/schemas.ts'
import { guardText } from './plugins/text-guard.ts'
import { handleUnrouted } from './plugins/unrouted.ts'
import type { ApiConfig, ApiDeps, Logger, RouteDeps } from './ports.ts'
import { complete } from './openapi/complete.ts'
import { accountRoutes } from './routes/account.ts'
import { aggregateRoutes } from './routes/aggregate.ts'
import { analysisRoutes } from './routes/analysis.ts'
import { anomalyRoutes } from './routes/anomaly.ts'
import { apiKeyRoutes } from './routes/api-keys.ts'
import { contextRoutes } from './routes/context.ts'
import { auditVerificationRoutes } from './routes/audit-verification.ts'
import { deadLetterRoutes } from './routes/dead-letters.ts'
import { detectionRoutes } from './routes/detection.ts'
import { incidentRoutes } from './routes/incidents.ts'
import { logEventRoutes } from './routes/log-event.ts'
import { logRoutes } from './routes/logs.ts'
import { maintenanceRoutes } from './routes/maintenance.ts'
import { memberRoutes } from './routes/members.ts'
import { monitorCheckRoutes } from './routes/monitor-checks.ts'
import { patternRoutes } from './routes/patterns.ts'
import { monitorRoutes } from './routes/monitors.ts'
import { operationsRoutes } from './routes/operations.ts'
import { resolutionRoutes } from './routes/resolutions.ts'
import { seriesRoutes } from './routes/series.ts'
import { serviceDeclarationRoutes } from './routes/service-declarations.ts'
import { tenantRoutes } from './routes/tenants.ts'
import { topologyRoutes } from './routes/topology.ts'
import { chooseTools, toolFileRoutes } from './routes/tool-files.ts'
import { NoBody } from './schemas/shapes.ts'
import { createBudgets } from './services/budgets.ts'
import { createIdempotentAnswers } from './services/idempotent-answers.ts'
import { collectTools } from './tools/collect.ts'
import { createAddressWindows } from './services/address-windows.ts'
import { shareRates } from './services/rate-use.ts'
import { createSealer } from './services/ids.ts'
import { createIncidents } from './services/incidents.ts'
import { createMonitors } from './services/monitors.ts'

export type App = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>
export type Api = App & LazySchemas

const MAX_BODY_BYTES = 1024 * 1024
const COMPILE_EVERY_MS = 10
const DOCS = '/docs'
const LOCAL_HOSTS = ['localhost', '127.0.0.1', '[::1]']
/** Callers wait at most 5 s for an answer. */
const DEADLINE_MS = 4500
const STORE_TIMEOUT_MS = 4000
const SWEEP_EVERY_MS = 600_000
const REQUESTS_PER_MINUTE = 1_000_000
/** A service's name of 255 characters as a path has it: nine for each at most. */
const MAX_PARAM_LENGTH = 255 * 9

const LIMITS = { headersTimeout: 5000, connectionsCheckingInterval: 1000, maxHeaderSize: 16_384, ...letThrough }

const createServer = (trustProxy: readonly string[], tls: ApiConfig['listen']['tls'], compilersFactory: Compilers): App =>
  Fastify({
    ...((tls === undefined ? { http: LIMITS } : { https: { ...LIMITS, cert: readFileSync(tls.cert), key: readFileSync(tls.key) } }) as {
      http: typeof LIMITS
    }),
    trustProxy: trustProxy.length === 0 ? false : [...trustProxy],
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: 10_000,
    keepAliveTimeout: 72_000,
    forceCloseConnections: true,
    logger: false,
    exposeHeadRoutes: true,
    genReqId: () => randomBytes(8).toString('hex'),
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH, ignoreTrailingSlash: true },
    schemaController: { compilersFactory },
    frameworkErrors: (_error, request, reply) => {
      sendError(request, reply.header('x-request-id', request.id), apiError('NOT_FOUND', 'no such path'))
    },
    clientErrorHandler: handleClientError as never,
  }).withTypeProvider<TypeBoxTypeProvider>()

export const createApp = async (config: ApiConfig, deps: ApiDeps): Promise<Api> => {
  const { compilers, compileNext } = createLazySchemas()
  const app = createServer(config.trustProxy ?? [], config.listen.tls, compilers)
  const authenticate = createAuthenticator(deps.credentials, deps.clock, deps.onTokenUse, deps.authenticateJwt)
  const answers = createIdempotentAnswers(config.secretKey, deps.clock)
  const budgets = createBudgets(deps.store, deps.clock)
  const changes = createChanges({ store: deps.store, answers, budgets, logger: deps.logger })
  const refreshCredentials = (): Promise<void> => deps.onCredentialsChanged()
  const shared: RouteDeps = {
    ...deps,
    config,
    onCredentialsChanged: () => changes.afterCommit(refreshCredentials),
    clickhouse: { query: (query, params) => deps.clickhouse.query(query, params, { timeoutMs: STORE_TIMEOUT_MS, isAsked: true }) },
    incidents: createIncidents(deps.store, deps.clock),
    monitors: createMonitors(deps.store, createSealer(config.secretKey)),
    cursors: createCursors(config.secretKey, deps.clock),
  }
  const sweep = (what: string, work: Promise<void>): void => {
    work.catch((error: unknown) => {
      deps.logger.warn({ error: String(error) }, `old ${what} not deleted`)
    })
  }
  const sweeping = setInterval(() => {
    sweep('answers', answers.sweep(deps.store))
    sweep('counts of caps', budgets.sweep())
  }, SWEEP_EVERY_MS).unref()
  const windows = createAddressWindows(
    { windowMs: WINDOW_MS, shared: config.sharedStore ?? false },
    {
      store: deps.store,
      clock: deps.clock,
      onError: (error) => {
        deps.logger.warn({ error: String(error) }, 'requests of addresses not shared')
      },
    },
  )
  const rates = createRateLimiter()
  const sharing = shareRates(rates, deps)
  app.addHook('onClose', async () => {
    clearInterval(sweeping)
    // What is on its way to the store is nothing that an end waits for.
    void sharing.close()
    await windows.close()
  })
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id).header('cache-control', 'no-store')
  })
  const plain = app as unknown as FastifyInstance
  readJsonBodies(plain)
  handleErrors(plain, deps.logger)
  tellLimits(plain, budgets, deps.clock)
  await limitAddresses(plain, config.requestsPerMinute ?? REQUESTS_PER_MINUTE, windows)
  handleRawRequests(plain)
  handleUnrouted(plain)
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Lapwing',
        version: config.version,
        description: 'Observability for agents: logs, anomalies, root causes, incidents.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      servers: [{ url: '/', description: 'where this description came from' }],
    },
    // An empty body that is taken is not one that is asked for.
    transform: ({ schema, url }) => ({ schema: schema?.body === NoBody ? { ...schema, body: undefined } : schema, url }),
    transformObject: (made) => ('openapiObject' in made ? complete(made.openapiObject as never) : made.swaggerObject) as never,
  })
  await app.register(swaggerUi, { routePrefix: DOCS })
  await app.register(async (scope) => {
    const typed = scope as unknown as App
    scope.addHook('onRoute', (route) => {
      accessOf(route)
    })
    changes.install(scope)
    const tools = collectTools(scope)
    limitTime(scope, deps.deadlineMs ?? DEADLINE_MS)
    protect(scope, config.metricsOpen, { authenticate, rates, clock: deps.clock })
    checkAgentLabels(scope)
    guardText(scope)
    linkPages(scope)
    takeNames(scope, deps.store)
    analysisRoutes(typed, shared)
    anomalyRoutes(typed, shared)
    detectionRoutes(typed, shared)
    seriesRoutes(typed, shared)
    contextRoutes(typed, shared)
    serviceDeclarationRoutes(typed, shared)
    topologyRoutes(typed, shared)
    logRoutes(typed, shared)
    aggregateRoutes(typed, shared)
    patternRoutes(typed, shared)
    logEventRoutes(typed, shared)
    deadLetterRoutes(typed, shared)
    incidentRoutes(typed, shared)
    resolutionRoutes(typed, shared)
    monitorRoutes(typed, shared)
    monitorCheckRoutes(typed, shared)
    maintenanceRoutes(typed, shared)
    accountRoutes(typed, shared)
    auditVerificationRoutes(typed, shared)
    apiKeyRoutes(typed, shared)
    tenantRoutes(typed, shared)
    memberRoutes(typed, shared)
    operationsRoutes(typed, shared)
    toolFileRoutes(typed, shared, tools)
    mcpRoutes(scope, {
      version: config.version,
      tools,
      choose: (every, toolset) => chooseTools(every, { toolset }),
      logger: deps.logger,
      hosts: [...LOCAL_HOSTS, config.listen.host, ...(config.mcpHosts ?? [])],
      extend: deps.extendMcp as never,
    })
  })
  return Object.assign(app, { compileNext })
}

/** What the server's plugins load when they are first used, 0.1 s: ahead of time, while the stores open. */
export const warmUp = async (): Promise<void> => {
  const app = createServer([], undefined, createLazySchemas().compilers)
  await app.register(swagger)
  await app.register(swaggerUi, { routePrefix: DOCS })
  await app.ready()
  await app.close()
}

/** Resolves to where it listens. @throws PermanentError PORT_BUSY. */
export const listen = async (
  app: Api,
  { host, port }: ApiConfig['listen'],
  logger: Logger,
): Promise<{ readonly host: string; readonly port: number }> => {
  try {
    await app.listen({ host, port })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === undefined) throw error
    const why = code === 'EADDRINUSE' ? 'is held by another program' : `cannot be listened on (${code})`
    throw new PermanentError('PORT_BUSY', `${host}:${port} ${why}; LAPWING_API_LISTEN moves the API`)
  }
  const compiling = setInterval(() => {
    try {
      if (!app.compileNext()) clearInterval(compiling)
    } catch (error) {
      logger.error({ error: String(error) }, 'a schema of a route does not compile')
    }
  }, COMPILE_EVERY_MS).unref()
  app.server.once('close', () => clearInterval(compiling))
  return { host, port: (app.server.address() as { port: number }).port }
}
