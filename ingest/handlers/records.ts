// Bodies of records, in whatever format: who calls, within which cap, as what media type and in what compression, in this order and from
// headers alone; then the one way into the log. Formats differ in what they take and in how they answer.
import { unsupported } from '../failure.ts'
import type { Failure } from '../failure.ts'
import { withHeaders } from '../http/exchange.ts'
import type { Handler, IngestRequest, Reply } from '../http/exchange.ts'
import { mediaType } from '../http/media-type.ts'
import type { Judged } from '../intake.ts'
import type { CountedSignal } from '../metrics.ts'
import type { BodyKind } from '../scan.ts'
import { compressionOf, identify } from './body-gate.ts'
import { wireLimit } from './deps.ts'
import type { HandlerConfig, HandlerDeps } from './deps.ts'
import { judgeRecords } from './judge-records.ts'
import type { JudgedRecords } from './judge-records.ts'

export interface RecordsFormat {
  readonly signal: CountedSignal
  /** By media type. */
  readonly kinds: Readonly<Record<string, BodyKind>>
  /** What is told of any other. */
  readonly wanted: string
  readonly succeeded: (request: IngestRequest, stored: Judged<JudgedRecords>) => Reply
  readonly failed: (request: IngestRequest, failure: Failure) => Reply
}

export const handleRecords =
  ({ signal, kinds, wanted, succeeded, failed }: RecordsFormat, config: HandlerConfig, deps: HandlerDeps): Handler =>
  (exchange) => {
    const { request } = exchange
    const refuse = (failure: Failure): Reply => {
      deps.metrics.refused(signal, failure.code)
      return failed(request, failure)
    }
    const identified = identify(request, deps.credentials, deps.now(), false)
    if (!identified.ok) return refuse(identified)
    const charge = deps.logBudget.charge(identified.cap)
    const type = mediaType(request.contentType)
    if (!Object.hasOwn(kinds, type)) return withHeaders(refuse(unsupported(wanted)), charge.headers())
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
        judge: judgeRecords(kinds[type], deps),
      })
      .then((result) => (result === null ? null : withHeaders(result.ok ? succeeded(request, result) : refuse(result), charge.headers())))
  }
