// Which path and method reaches which handler, per listener; what is not here is 404 or 405 in the shape of its route.
import type { FiringMemory } from './firing-memory.ts'
import { methodNotAllowed, notFound } from './failure.ts'
import type { Failure } from './failure.ts'
import { handleAlerts } from './handlers/alerts.ts'
import { alertmanagerRoute } from './handlers/alertmanager.ts'
import type { HandlerConfig, HandlerDeps } from './handlers/deps.ts'
import { HEARTBEAT_PATH, handleHeartbeat } from './handlers/heartbeat.ts'
import { handleJsonLogs } from './handlers/json-logs.ts'
import { encodingOf, handleOtlp } from './handlers/otlp.ts'
import type { OtlpSignal } from './handlers/otlp.ts'
import { prometheusRoute } from './handlers/prometheus-alerts.ts'
import type { Handler, IngestRequest, Reply } from './http/exchange.ts'
import { failureReply } from './http/json-reply.ts'
import type { CountedSignal } from './metrics.ts'
import { otlpFailure } from './otlp/reply.ts'

export interface Route {
  readonly methods: readonly string[]
  readonly handle: Handler
  /** Counted under this signal; null for health. */
  readonly signal: CountedSignal | null
  readonly fail: (request: IngestRequest, failure: Failure) => Reply
}
export type Router = (path: string) => Route
/** Serves one request of `route`, its method checked. */
export const serve = (route: Route, exchange: Parameters<Handler>[0]): ReturnType<Handler> =>
  route.methods.length === 0 || route.methods.includes(exchange.request.method)
    ? route.handle(exchange)
    : route.fail(exchange.request, methodNotAllowed(exchange.request.method, route.methods.join(', ')))

const json: Route['fail'] = (_request, failure) => failureReply(failure)
const otlp: Route['fail'] = (request, failure) => otlpFailure(encodingOf(request), failure)

/** A client that speaks protobuf to a wrong path is an exporter with a wrong endpoint. */
const byRequest: Route['fail'] = (request, failure) => (encodingOf(request) === 'protobuf' ? otlp : json)(request, failure)

const health = (text: string): Route => ({
  methods: ['GET', 'HEAD'],
  signal: null,
  fail: json,
  handle: () => ({ status: 200, contentType: 'application/json; charset=utf-8', body: text }),
})
const missing = (fail: Route['fail'], message: string): Route => ({
  methods: [],
  signal: null,
  fail,
  handle: ({ request }) => fail(request, notFound(message)),
})

const table = (routes: Record<string, Route>, prefix: readonly [string, Route] | null, fallback: Route): Router => {
  const byPath = new Map(Object.entries(routes))
  return (path) => byPath.get(path) ?? (prefix !== null && path.startsWith(prefix[0]) ? prefix[1] : fallback)
}

export const createOtlpRouter = (config: HandlerConfig, deps: HandlerDeps): Router => {
  const take = (signal: OtlpSignal): Route => ({ methods: ['POST'], signal, fail: otlp, handle: handleOtlp(signal, config, deps) })
  const logs = take('otlp_logs')
  const traces = take('otlp_traces')
  const metrics = missing(otlp, 'OTLP metrics are not taken in, only logs and traces: set OTEL_METRICS_EXPORTER=none')
  return table(
    {
      '/v1/logs': logs,
      '/api/v1/otlp/v1/logs': logs,
      '/v1/traces': traces,
      '/api/v1/otlp/v1/traces': traces,
      '/v1/metrics': metrics,
      '/api/v1/otlp/v1/metrics': metrics,
      '/api/v1/logs/ingest': { methods: ['POST'], signal: 'json_logs', fail: json, handle: handleJsonLogs(config, deps) },
      '/health/live': health('{"status":"live"}'),
    },
    [HEARTBEAT_PATH, { methods: ['POST', 'GET', 'HEAD'], signal: 'heartbeat', fail: json, handle: handleHeartbeat(config, deps) }],
    missing(byRequest, 'nothing here: logs go to POST /v1/logs or /api/v1/logs/ingest, traces to POST /v1/traces'),
  )
}

export const createAlertsRouter = (config: HandlerConfig, deps: HandlerDeps, memory: FiringMemory): Router => {
  const ready = health('{"status":"ok"}')
  return table(
    {
      '/api/v1/alerts/webhook': {
        methods: ['POST'],
        signal: 'alertmanager',
        fail: json,
        handle: handleAlerts(config, deps, memory, alertmanagerRoute),
      },
      '/api/v2/alerts': {
        methods: ['POST'],
        signal: 'prometheus_alerts',
        fail: json,
        handle: handleAlerts(config, deps, memory, prometheusRoute),
      },
      '/-/healthy': ready,
      '/-/ready': ready,
      '/health/live': health('{"status":"live"}'),
    },
    null,
    missing(json, 'nothing here: alerts go to POST /api/v1/alerts/webhook'),
  )
}
