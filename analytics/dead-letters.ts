// Messages that were set aside, as rows of dead_letters. Same position, same row: writing again changes nothing.
import type { LogMessage } from '../streams/contracts/event-log.ts'
import { toStoreTime } from './insert-range.ts'

export const DEAD_LETTERS_TABLE = 'dead_letters'
const MAX_BODY_BYTES = 64 * 1024

export interface DeadLetterRow {
  readonly log_id: string
  readonly log_partition: number
  readonly log_offset: string
  readonly tenant: string
  readonly signal: string
  readonly reason: string
  readonly received_at: string | number
  readonly body: string
}

export const toDeadLetterRow = (logId: string, partition: number, message: LogMessage, reason: string): DeadLetterRow => ({
  log_id: logId,
  log_partition: partition,
  log_offset: String(message.offset),
  tenant: message.envelope.tenant,
  signal: message.envelope.signal,
  reason,
  received_at: toStoreTime(message.envelope.receivedAtMs),
  body: Buffer.from(message.body.subarray(0, MAX_BODY_BYTES)).toString('base64'),
})
