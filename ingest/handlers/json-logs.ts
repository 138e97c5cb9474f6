// POST /api/v1/logs/ingest: plain JSON events as Vector, Fluent Bit and people send them; faults are told per event.
import { describeRejections } from '../../streams/otlp/walk.ts'
import type { RejectReason } from '../../streams/otlp/walk.ts'
import { unsupported } from '../failure.ts'
import type { Failure } from '../failure.ts'
import { withHeaders } from '../http/exchange.ts'
import type { Handler, Reply } from '../http/exchange.ts'
import { failureReply, jsonReply } from '../http/json-reply.ts'
import { mediaType } from '../http/media-type.ts'
import type { BodyKind } from '../scan.ts'
import { compressionOf, identify } from './body-gate.ts'
import { wireLimit } from './deps.ts'
import type { HandlerConfig, HandlerDeps } from './deps.ts'
import { judgeRecords } from './judge-records.ts'

const kinds: Record<string, BodyKind> = {
  'application/json': 'events',
  'text/plain': 'events',
  'text/json': 'events',
  'application/x-ndjson': 'events_ndjson',
  'application/ndjson': 'events_ndjson',
  'application/jsonl': 'events_ndjson',
  'application/x-jsonlines': 'events_ndjson',
}

interface EventError {
  readonly index: number
  readonly code: string
  readonly message: string
}

const toErrors = (rejected: readonly number[], faults: readonly RejectReason[]): EventError[] =>
  faults.map((code, position) => ({ index: rejected[position], code, message: describeRejections({ [code]: 1 }) }))

export const handleJsonLogs =
  (config: HandlerConfig, deps: HandlerDeps): Handler =>
  (exchange) => {
    const { request } = exchange
    const refuse = (failure: Failure): Reply => {
      deps.metrics.refused('json_logs', failure.code)
      return failureReply(failure)
    }
    const identified = identify(request, deps.credentials, deps.now(), false)
    if (!identified.ok) return refuse(identified)
    const charge = deps.logBudget.charge(identified.cap)
    const type = mediaType(request.contentType)
    if (!Object.hasOwn(kinds, type))
      return withHeaders(refuse(unsupported('Content-Type must be application/json, application/x-ndjson or text/plain')), charge.headers())
    const encoded = compressionOf(request)
    if (!encoded.ok) return withHeaders(refuse(encoded), charge.headers())
    const spent = charge.refuse()
    if (spent !== null) return withHeaders(refuse(spent), charge.headers())
    return deps.intake
      .take(exchange, {
        signal: 'json_logs',
        caller: identified.caller,
        compression: encoded.compression,
        maxBodyBytes: config.maxBodyBytes,
        bodyLimit: wireLimit(config.maxBodyBytes),
        charge,
        judge: judgeRecords(kinds[type], deps),
      })
      .then((result) => {
        if (result === null) return null
        if (!result.ok) return withHeaders(refuse(result), charge.headers())
        return withHeaders(
          jsonReply({
            accepted: result.recordCount - result.rejected.length,
            rejected: result.rejected.length,
            errors: toErrors(result.rejected, result.value.faults),
          }),
          charge.headers(),
        )
      })
  }
