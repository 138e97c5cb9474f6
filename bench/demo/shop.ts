// A small shop that logs through the OpenTelemetry JavaScript SDK: each service has its own logger provider, resource and
// exporter; records of one request share a trace. Time is a parameter, so that the past can be played as well as the present.
import { context, SeverityNumber, trace, TraceFlags, type Context } from '@opentelemetry/api'
import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-proto'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { BatchLogRecordProcessor, LoggerProvider } from '@opentelemetry/sdk-logs'
import { randomBytes } from 'node:crypto'

/** Who calls whom, in order. */
export const calls: Readonly<Record<string, readonly string[]>> = {
  frontend: ['catalog', 'cart', 'checkout'],
  catalog: ['product-db'],
  cart: ['session-cache'],
  checkout: ['payment', 'shipping'],
  payment: ['bank-gateway'],
  shipping: [],
  'product-db': [],
  'session-cache': [],
  'bank-gateway': [],
}
export const services = Object.keys(calls)
const baseLatencyMs: Readonly<Record<string, number>> = {
  frontend: 12,
  catalog: 8,
  cart: 5,
  checkout: 15,
  payment: 20,
  shipping: 9,
  'product-db': 3,
  'session-cache': 1,
  'bank-gateway': 30,
}

export interface Shop {
  /** One customer's request at `atMs`; `broken` names the service that fails most of its calls. Returns records written. */
  request(atMs: number, broken: string | null): number
  flush(): Promise<void>
  close(): Promise<void>
}

export const createShop = (options: { endpoint: string; token: string; random: () => number }): Shop => {
  const { random } = options
  const providers = new Map(
    services.map((name) => {
      const exporter = new OTLPLogExporter({
        url: `${options.endpoint}/v1/logs`,
        headers: { Authorization: `Bearer ${options.token}` },
        concurrencyLimit: 4,
      })
      const processor = new BatchLogRecordProcessor({
        exporter,
        maxQueueSize: 100_000,
        maxExportBatchSize: 2000,
        scheduledDelayMillis: 500,
      })
      return [
        name,
        new LoggerProvider({
          resource: resourceFromAttributes({ 'service.name': name, 'service.version': '1.0.0' }),
          processors: [processor],
        }),
      ] as const
    }),
  )
  let written = 0

  const log = (service: string, at: Context, timeMs: number, level: 'INFO' | 'ERROR', body: string, durationMs?: number): void => {
    written++
    providers
      .get(service)!
      .getLogger('shop')
      .emit({
        context: at,
        timestamp: timeMs,
        observedTimestamp: timeMs,
        body,
        severityNumber: level === 'ERROR' ? SeverityNumber.ERROR : SeverityNumber.INFO,
        severityText: level,
        attributes: durationMs === undefined ? {} : { duration_ms: Math.round(durationMs * 10) / 10 },
      })
  }
  /** Returns how long the call took and whether it failed. A caller fails sometimes when what it calls fails. */
  const call = (service: string, traceContext: Context, startMs: number, broken: string | null): { endMs: number; failed: boolean } => {
    let at = startMs + 0.3 + random()
    let failed = false
    // Who has to wait for others says so before: by the order in shared traces it is known who calls whom.
    if (service !== 'frontend' && calls[service].length > 0) log(service, traceContext, startMs + 0.2, 'INFO', 'request received')
    for (const callee of calls[service]) {
      if (service === 'frontend' && random() < 0.35) continue
      const answer = call(callee, traceContext, at, broken)
      at = answer.endMs
      failed ||= answer.failed && random() < 0.7
    }
    const isBroken = service === broken
    const own = baseLatencyMs[service] * (0.7 + 0.6 * random()) * (isBroken ? 12 : 1)
    const endMs = at + own
    if (isBroken && random() < 0.75) failed = true
    if (random() < 0.004) failed = true
    if (failed)
      log(
        service,
        traceContext,
        endMs,
        'ERROR',
        isBroken ? 'connection pool exhausted: no connection within 250 ms' : `${service} request failed`,
        endMs - startMs,
      )
    else log(service, traceContext, endMs, 'INFO', `${service} handled request ${Math.floor(random() * 1e6)}`, endMs - startMs)
    return { endMs, failed }
  }
  return {
    request: (atMs, broken) => {
      written = 0
      const traceId = randomBytes(16).toString('hex')
      const span = { traceId, spanId: randomBytes(8).toString('hex'), traceFlags: TraceFlags.SAMPLED }
      const traceContext = trace.setSpanContext(context.active(), span)
      log('frontend', traceContext, atMs, 'INFO', 'request received')
      call('frontend', traceContext, atMs, broken)
      return written
    },
    flush: async () => {
      await Promise.all([...providers.values()].map((provider) => provider.forceFlush()))
    },
    close: async () => {
      await Promise.all([...providers.values()].map((provider) => provider.shutdown()))
    },
  }
}
