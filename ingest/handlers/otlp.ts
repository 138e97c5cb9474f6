// POST /v1/logs and /v1/traces: OTLP/HTTP in protobuf or JSON. Every answer is in the encoding of the request; rejected records are
// told through partial_success.
import { describeRejections } from '../../streams/otlp/walk.ts'
import type { Handler, IngestRequest } from '../http/exchange.ts'
import { mediaType } from '../http/media-type.ts'
import type { BodyKind } from '../scan.ts'
import { otlpFailure, otlpSuccess } from '../otlp/reply.ts'
import type { OtlpEncoding } from '../otlp/reply.ts'
import type { HandlerConfig, HandlerDeps } from './deps.ts'
import { handleRecords } from './records.ts'
import type { RecordsFormat } from './records.ts'

const encodings: Record<string, OtlpEncoding> = {
  'application/x-protobuf': 'protobuf',
  'application/protobuf': 'protobuf',
  'application/json': 'json',
}

/** What an answer to this request is written in; JSON where the request does not say. */
export const encodingOf = (request: IngestRequest): OtlpEncoding => {
  const type = mediaType(request.contentType)
  return Object.hasOwn(encodings, type) ? encodings[type] : 'json'
}

export type OtlpSignal = 'otlp_logs' | 'otlp_traces'

/** In which signals differ: how a body is judged, and what JSON answers call its rejected records. */
const formatOf = (signal: OtlpSignal, kinds: Record<OtlpEncoding, BodyKind>, rejectedName: string): RecordsFormat => ({
  signal,
  kinds: Object.fromEntries(Object.entries(encodings).map(([type, encoding]) => [type, kinds[encoding]])),
  wanted: 'Content-Type must be application/x-protobuf or application/json',
  succeeded: (request, { rejected, reasons }) =>
    otlpSuccess(encodingOf(request), { count: rejected.length, name: rejectedName, message: describeRejections(reasons) }),
  failed: (request, failure) => otlpFailure(encodingOf(request), failure),
})
const FORMATS: Record<OtlpSignal, RecordsFormat> = {
  otlp_logs: formatOf('otlp_logs', { protobuf: 'otlp_protobuf', json: 'otlp_json' }, 'rejectedLogRecords'),
  otlp_traces: formatOf('otlp_traces', { protobuf: 'otlp_protobuf_spans', json: 'otlp_json_spans' }, 'rejectedSpans'),
}

export const handleOtlp = (signal: OtlpSignal, config: HandlerConfig, deps: HandlerDeps): Handler =>
  handleRecords(FORMATS[signal], config, deps)
