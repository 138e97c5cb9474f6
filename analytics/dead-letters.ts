// Messages that were set aside, as rows of dead_letters. Same position, same row: writing again changes nothing.
import { MAX_DEAD_LETTER_BODY_BYTES } from '../streams/contracts/dead-letters.ts'
import type { LogMessage } from '../streams/contracts/event-log.ts'
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
  /** Base64 of the first 64 KiB. */
  readonly body: string
  readonly body_bytes: number
}

export const toDeadLetterRow = (logId: string, partition: number, { envelope, offset, body }: LogMessage, { reason, detail }: Poison): DeadLetterRow => ({
  log_id: logId,
  log_partition: partition,
  log_offset: String(offset),
  tenant: envelope.tenant,
  signal: envelope.signal,
  reason,
  detail: (detail ?? '').slice(0, MAX_DETAIL_CHARS).toWellFormed(),
  received_at: toStoreTime(envelope.receivedAtMs),
  format: envelope.format,
  compression: envelope.compression,
  records: envelope.recordCount,
  body: Buffer.from(body.subarray(0, MAX_DEAD_LETTER_BODY_BYTES)).toString('base64'),
  body_bytes: body.byteLength,
})
