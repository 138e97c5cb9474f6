// OTLP/HTTP answers in the encoding of the request: ExportLogsServiceResponse or ExportTraceServiceResponse, which differ in a name, and
// google.rpc.Status for every failure.
// https://opentelemetry.io/docs/specs/otlp/#otlphttp-response
import type { Failure } from '../failure.ts'
import type { Reply } from '../http/exchange.ts'
import { encodePartialSuccess, encodeStatus } from './protobuf-out.ts'

export type OtlpEncoding = 'protobuf' | 'json'

const PROTOBUF = 'application/x-protobuf'
const JSON_TYPE = 'application/json'
const NOTHING = new Uint8Array(0)

/** google.rpc.Code by HTTP status. */
const codes: Record<Failure['status'], number> = { 400: 3, 401: 16, 403: 7, 404: 5, 405: 12, 413: 3, 415: 3, 429: 8, 503: 14 }

export interface Rejections {
  readonly count: number
  /** Of the count, in JSON. */ readonly name: string
  readonly message: string
}

export const otlpSuccess = (encoding: OtlpEncoding, { count, name, message }: Rejections): Reply => {
  if (encoding === 'protobuf')
    return { status: 200, contentType: PROTOBUF, body: count === 0 ? NOTHING : encodePartialSuccess(count, message) }
  const partialSuccess = count === 0 ? {} : { [name]: String(count), errorMessage: message }
  return { status: 200, contentType: JSON_TYPE, body: JSON.stringify({ partialSuccess }) }
}

export const otlpFailure = (encoding: OtlpEncoding, failure: Failure): Reply => {
  const code = codes[failure.status]
  return {
    status: failure.status,
    contentType: encoding === 'protobuf' ? PROTOBUF : JSON_TYPE,
    body: encoding === 'protobuf' ? encodeStatus(code, failure.message) : JSON.stringify({ code, message: failure.message }),
    headers: failure.headers,
    close: failure.close,
  }
}
