// A walk's outcome as the intake takes it: what is stored, what is refused and why. Shared by both kinds of log bodies.
import type { BodyKind } from '../scan.ts'
import type { Scan } from '../scan.ts'
import { badRequest, tooLarge } from '../failure.ts'
import type { Failure } from '../failure.ts'
import type { Judged } from '../intake.ts'
import type { Walked } from '../../streams/otlp/walk.ts'
import type { HandlerDeps } from './deps.ts'

const toJudged = (result: Scan, kind: BodyKind, deps: HandlerDeps): Judged<Walked> | Failure => {
  const { walk, format } = result
  if (!walk.ok) return walk.reason === 'too_large' ? tooLarge(walk.message) : badRequest(kind === 'otlp_protobuf' ? 'BAD_PROTOBUF' : 'BAD_JSON', walk.message)
  const { recordCount, expandedBytes, rejected, reasons } = walk
  // Nothing accepted is nothing to store.
  const partition = recordCount > rejected.length ? deps.nextPartition() : null
  return { ok: true, value: walk, format, recordCount, expandedBytes, rejected, reasons, partition }
}

export const judgeLogs = (kind: BodyKind, deps: HandlerDeps) => (bytes: Uint8Array): Judged<Walked> | Failure | Promise<Judged<Walked> | Failure> => {
  const result = deps.scanner.scan(bytes, kind)
  return result instanceof Promise ? result.then((later) => toJudged(later, kind, deps)) : toJudged(result, kind, deps)
}
