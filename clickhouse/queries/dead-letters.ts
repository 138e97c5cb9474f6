// Messages that were set aside, newest first by the time they were received. FINAL: one that was written twice is one.
import type { Query } from '../client.ts'

export interface DeadLetterRow {
  readonly log_id: string
  readonly log_partition: number
  readonly log_offset: string
  readonly signal: string
  readonly reason: string
  readonly detail: string
  readonly received_at_ms: string
  readonly format: string
  readonly compression: string
  readonly records: number
  readonly body_bytes: string
}
export interface DeadLetterBodyRow extends DeadLetterRow {
  readonly body: string
}
/** The last row of the page before. */
export interface DeadLetterPosition {
  readonly receivedAtMs: string
  readonly logId: string
  readonly partition: number
  readonly offset: string
}

const COLUMNS = `log_id, d.log_partition AS log_partition, toString(d.log_offset) AS log_offset, signal, reason, detail,
toString(toUnixTimestamp64Milli(received_at)) AS received_at_ms, format, compression, records, toString(d.body_bytes) AS body_bytes`
const FILTER = ` FROM dead_letters AS d FINAL
WHERE tenant = {tenant:String} AND received_at >= fromUnixTimestamp64Milli({fromMs:Int64}) AND received_at <= fromUnixTimestamp64Milli({toMs:Int64})
  AND ({reason:String} = '' OR reason = {reason:String})`
const ORDER = '\nORDER BY received_at DESC, log_id DESC, d.log_partition DESC, d.log_offset DESC LIMIT {limit:UInt32}'

/** Empty reason = every one. */
export const listDeadLetters: Query<DeadLetterRow> = { name: 'dead_letters.list', sql: 'SELECT '.concat(COLUMNS, FILTER, ORDER) }

export const listDeadLettersAfter: Query<DeadLetterRow> = {
  name: 'dead_letters.list_after',
  sql: 'SELECT '.concat(
    COLUMNS,
    FILTER,
    ` AND (received_at, log_id, d.log_partition, d.log_offset)
  < (fromUnixTimestamp64Milli({afterMs:Int64}), {afterLog:String}, {afterPartition:UInt16}, {afterOffset:UInt64})`,
    ORDER,
  ),
}

const AT = ` FROM dead_letters AS d FINAL
WHERE tenant = {tenant:String} AND log_id = {logId:String} AND d.log_partition = {partition:UInt16} AND d.log_offset = {offset:UInt64} LIMIT 1`

/** Body in base64, its first characters. */
export const deadLetterAt: Query<DeadLetterBodyRow> = {
  name: 'dead_letters.at',
  sql: 'SELECT '.concat(COLUMNS, ', substring(d.body, 1, {chars:UInt32}) AS body', AT),
}

/** With all that was in the log, in base64; an empty envelope in rows of earlier versions, whose bodies may have been cut. */
export const wholeDeadLetterAt: Query<DeadLetterBodyRow & { readonly envelope: string }> = {
  name: 'dead_letters.whole_at',
  sql: 'SELECT '.concat(COLUMNS, ', d.body AS body, envelope', AT),
}

/** Offsets of a recorded range that an earlier process has set aside because the store refused them. */
export const refusedInRange: Query<{ readonly log_offset: string }> = {
  name: 'all_tenants.refused_in_range',
  sql: `SELECT DISTINCT toString(d.log_offset) AS log_offset FROM dead_letters AS d
WHERE log_id = {logId:String} AND d.log_partition = {partition:UInt16} AND d.log_offset >= {first:UInt64} AND d.log_offset <= {last:UInt64} AND reason = 'store_rejected'`,
}
