// A walk's outcome as the intake takes it: what is stored, what is refused and why. Shared by all bodies of records.
import { pieceFormat } from '../scan.ts'
import type { BodyKind, Scan } from '../scan.ts'
import { badRequest, tooLarge } from '../failure.ts'
import type { Failure } from '../failure.ts'
import type { Judged } from '../intake.ts'
import type { Malformed, RejectReason } from '../../streams/otlp/walk.ts'
import type { HandlerDeps } from './deps.ts'

/** Reasons of the first rejected records, where the walk tells them one by one. */
export interface JudgedRecords {
  readonly faults: readonly RejectReason[]
}

const toFailure = ({ reason, message }: Malformed, kind: BodyKind): Failure =>
  reason === 'too_large' ? tooLarge(message) : badRequest(pieceFormat(kind) === 'protobuf' ? 'BAD_PROTOBUF' : 'BAD_JSON', message)

const toJudged = (result: Scan, bytes: Uint8Array, kind: BodyKind, deps: HandlerDeps): Judged<JudgedRecords> | Failure => {
  const { walk, format, faults } = result
  if (!walk.ok) return toFailure(walk, kind)
  const { recordCount, expandedBytes, rejected, reasons } = walk
  // Nothing accepted is nothing to store.
  const partition = recordCount > rejected.length ? deps.nextPartition(expandedBytes) : null
  const split = async (maxBytes: number) => {
    const found = await deps.scanner.split(bytes, kind, { format, rejected, maxBytes })
    return found.ok ? { ok: true as const, format: pieceFormat(kind), pieces: found.pieces } : toFailure(found, kind)
  }
  return { ok: true, value: { faults }, format, recordCount, expandedBytes, rejected, reasons, partition, split }
}

export const judgeRecords =
  (kind: BodyKind, deps: HandlerDeps) =>
  (bytes: Uint8Array): Judged<JudgedRecords> | Failure | Promise<Judged<JudgedRecords> | Failure> => {
    const result = deps.scanner.scan(bytes, kind)
    return result instanceof Promise ? result.then((later) => toJudged(later, bytes, kind, deps)) : toJudged(result, bytes, kind, deps)
  }
