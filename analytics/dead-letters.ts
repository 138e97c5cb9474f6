// Messages that were set aside, as rows of dead_letters: whole, so that they can be put back into a log. Same position, same row:
// writing again changes nothing.
import type { SetAside } from '../streams/contracts/dead-letters.ts'
import type { LogMessage } from '../streams/contracts/consumer-group.ts'
import { encodeEnvelope } from '../streams/envelope.ts'
import type { Poison } from './decode-contract.ts'
import { toStoreTime } from './insert-range.ts'

export const DEAD_LETTERS_TABLE = 'dead_letters'
const MAX_DETAIL_CHARS = 500

export interface DeadLetterRow {
  readonly log_id: string
  readonly log_partition: number
  readonly log_offset: string
  readonly tenant: string
  readonly signal: string
  readonly reason: string
  readonly detail: string
  readonly received_at: string | number
  readonly format: string
  readonly compression: string
  readonly records: number
  /** Base64. */
  readonly envelope: string
  readonly body: string
  readonly body_bytes: number
}

export const toSetAside = (partition: number, message: LogMessage, { reason, detail }: Poison): SetAside => ({
  partition,
  message,
  reason,
  detail: (detail ?? '').slice(0, MAX_DETAIL_CHARS).toWellFormed(),
})

export const toDeadLetterRow = (
  logId: string,
  { partition, message: { envelope, offset, body }, reason, detail }: SetAside,
): DeadLetterRow => ({
  log_id: logId,
  log_partition: partition,
  log_offset: String(offset),
  tenant: envelope.tenant,
  signal: envelope.signal,
  reason,
  detail,
  received_at: toStoreTime(envelope.receivedAtMs),
  format: envelope.format,
  compression: envelope.compression,
  records: envelope.recordCount,
  envelope: Buffer.from(encodeEnvelope(envelope)).toString('base64'),
  body: Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('base64'),
  body_bytes: body.byteLength,
})
