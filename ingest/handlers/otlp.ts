// POST /v1/logs and /v1/traces: OTLP/HTTP in protobuf or JSON. Every answer is in the encoding of the request; rejected records are
// told through partial_success.
import { describeRejections } from '../../streams/otlp/walk.ts'
import { unsupported } from '../failure.ts'
import type { Failure } from '../failure.ts'
import { withHeaders } from '../http/exchange.ts'
import type { Handler, IngestRequest, Reply } from '../http/exchange.ts'
import { mediaType } from '../http/media-type.ts'
import type { BodyKind } from '../scan.ts'
import { otlpFailure, otlpSuccess } from '../otlp/reply.ts'
import type { OtlpEncoding } from '../otlp/reply.ts'
import { compressionOf, identify } from './body-gate.ts'
import { wireLimit } from './deps.ts'
import type { HandlerConfig, HandlerDeps } from './deps.ts'
import { judgeRecords } from './judge-records.ts'

const encodings: Record<string, OtlpEncoding> = {
  'application/x-protobuf': 'protobuf',
  'application/protobuf': 'protobuf',
  'application/json': 'json',
}

/** What an answer to this request is written in; JSON where the request does not say. */
export const encodingOf = (request: IngestRequest): OtlpEncoding => encodings[mediaType(request.contentType)] ?? 'json'

export type OtlpSignal = 'otlp_logs' | 'otlp_traces'
/** In which signals differ here: how a body is judged, and what JSON answers call its rejected records. */
const signals: Record<OtlpSignal, { readonly kinds: Record<OtlpEncoding, BodyKind>; readonly rejectedName: string }> = {
  otlp_logs: { kinds: { protobuf: 'otlp_protobuf', json: 'otlp_json' }, rejectedName: 'rejectedLogRecords' },
  otlp_traces: { kinds: { protobuf: 'otlp_protobuf_spans', json: 'otlp_json_spans' }, rejectedName: 'rejectedSpans' },
}

export const handleOtlp =
  (signal: OtlpSignal, config: HandlerConfig, deps: HandlerDeps): Handler =>
  (exchange) => {
    const { kinds, rejectedName } = signals[signal]
    const { request } = exchange
    const encoding = encodingOf(request)
    const refuse = (failure: Failure): Reply => {
      deps.metrics.refused(signal, failure.code)
      return otlpFailure(encoding, failure)
    }
    const identified = identify(request, deps.credentials, deps.now(), false)
    if (!identified.ok) return refuse(identified)
    const charge = deps.logBudget.charge(identified.cap)
    if (!Object.hasOwn(encodings, mediaType(request.contentType)))
      return withHeaders(refuse(unsupported('Content-Type must be application/x-protobuf or application/json')), charge.headers())
    const encoded = compressionOf(request)
    if (!encoded.ok) return withHeaders(refuse(encoded), charge.headers())
    const spent = charge.refuse()
    if (spent !== null) return withHeaders(refuse(spent), charge.headers())
    return deps.intake
      .take(exchange, {
        signal,
        caller: identified.caller,
        compression: encoded.compression,
        maxBodyBytes: config.maxBodyBytes,
        bodyLimit: wireLimit(config.maxBodyBytes),
        charge,
        judge: judgeRecords(kinds[encoding], deps),
      })
      .then((result) => {
        if (result === null) return null
        return withHeaders(
          result.ok
            ? otlpSuccess(encoding, { count: result.rejected.length, name: rejectedName, message: describeRejections(result.reasons) })
            : refuse(result),
          charge.headers(),
        )
      })
  }
