// What Alertmanager's webhook and Prometheus's own alerts share: parse, append whole to the tenant's partition (so that
// an alert's states keep their order), and say which episode was told and whether it is news.
import { anomalyIdOf } from '../../streams/alerts.ts'
import type { ParsedAlert, ParsedAlerts } from '../../streams/alerts.ts'
import { partitionOf } from '../../streams/partition.ts'
import type { FiringMemory } from '../firing-memory.ts'
import { badRequest, overloaded, tooLarge, unsupported } from '../failure.ts'
import type { Failure } from '../failure.ts'
import type { Handler, Reply } from '../http/exchange.ts'
import { failureReply } from '../http/json-reply.ts'
import { mediaType } from '../http/media-type.ts'
import { compressionOf, identify } from './body-gate.ts'
import type { HandlerConfig, HandlerDeps } from './deps.ts'

/** Alerts are parsed on the ingest thread; real ones are a few KB. */
export const MAX_ALERT_BODY_BYTES = 4 * 1024 * 1024

export interface AlertNews {
  readonly rcaTriggered: boolean
  /** Null for an empty list. */ readonly anomalyId: string | null
}

export interface AlertRoute {
  readonly signal: 'alertmanager' | 'prometheus_alerts'
  readonly parse: (body: Uint8Array, nowMs: number) => ParsedAlerts
  readonly toReply: (news: AlertNews) => Reply
  readonly hint: string
}

/** Remembers the alerts; news are those that begin to fire. Names the first of the news, else the first firing, else the first. */
const remember = (alerts: readonly ParsedAlert[], tenant: string, memory: FiringMemory, nowMs: number): AlertNews => {
  let news: ParsedAlert | undefined
  for (const alert of alerts) {
    if (alert.status === 'resolved') memory.resolved(tenant, alert.fingerprint)
    else {
      if (memory.isNew(tenant, alert.fingerprint, nowMs)) news ??= alert
      memory.firing(tenant, alert.fingerprint, nowMs)
    }
  }
  const named = news ?? alerts.find((alert) => alert.status === 'firing') ?? alerts[0]
  return {
    rcaTriggered: news !== undefined,
    anomalyId: named === undefined ? null : anomalyIdOf(tenant, named.fingerprint, named.startsAt),
  }
}

export const handleAlerts =
  (config: HandlerConfig, deps: HandlerDeps, memory: FiringMemory, route: AlertRoute): Handler =>
  (exchange) => {
    const { request } = exchange
    const refuse = (failure: Failure): Reply => {
      deps.metrics.refused(route.signal, failure.code)
      return failureReply(failure)
    }
    const identified = identify(request, deps.credentials, deps.now(), config.anonymousAlerts)
    // Alertmanager sends again after a 5xx only: what it is told to send later would be lost with a 429.
    if (!identified.ok) return refuse(identified.status === 429 ? overloaded(identified.message) : identified)
    if (mediaType(request.contentType) !== 'application/json') return refuse(unsupported('Content-Type must be application/json'))
    const encoded = compressionOf(request)
    if (!encoded.ok) return refuse(encoded)
    const { caller } = identified
    const maxBodyBytes = Math.min(config.maxBodyBytes, MAX_ALERT_BODY_BYTES)
    return deps.intake
      .take<readonly ParsedAlert[]>(exchange, {
        signal: route.signal,
        caller,
        compression: encoded.compression,
        maxBodyBytes,
        bodyLimit: `the body is larger than ${maxBodyBytes} bytes, the limit for alerts`,
        judge: (bytes, receivedAtMs) => {
          if (bytes.length > MAX_ALERT_BODY_BYTES)
            return tooLarge(`the body inflates to more than ${MAX_ALERT_BODY_BYTES} bytes, the limit for alerts`)
          const parsed = route.parse(bytes, receivedAtMs)
          if (!parsed.ok) return badRequest('BAD_JSON', parsed.message, route.hint)
          const { alerts } = parsed
          return {
            ok: true,
            value: alerts,
            format: 'json',
            recordCount: alerts.length,
            expandedBytes: bytes.length,
            rejected: [],
            reasons: {},
            partition: alerts.length === 0 ? null : partitionOf(caller.tenant, config.partitions),
          }
        },
      })
      .then((result) => {
        if (result === null) return null
        return result.ok ? route.toReply(remember(result.value, caller.tenant, memory, deps.now())) : refuse(result)
      })
  }
