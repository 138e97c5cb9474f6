// Messages that were set aside, as the API and the command line show them. An id is the message's position in the log.
import type { ClickHouse } from '../../clickhouse/client.ts'
import {
  deadLetterAt,
  listDeadLetters,
  listDeadLettersAfter,
  type DeadLetterPosition,
  type DeadLetterRow,
} from '../../clickhouse/queries/dead-letters.ts'
import { DEAD_LETTER_REASONS, SHOWN_DEAD_LETTER_BYTES } from '../../streams/contracts/dead-letters.ts'

export interface DeadLetter {
  readonly id: string
  readonly receivedAt: string
  readonly signal: string
  readonly reason: string
  /** What the reason means. */
  readonly meaning: string
  /** What was wrong with this one, in words; empty when the reason says it all. */
  readonly detail: string
  readonly format: string
  readonly compression: string
  readonly records: number
  /** Of the whole body, also when less of it is kept. */
  readonly bodyBytes: number
}
export interface DeadLetterBody extends DeadLetter {
  readonly bodyBase64: string
  readonly bodyTruncated: boolean
}
export interface DeadLetterFilter {
  readonly tenant: string
  readonly fromMs: number
  readonly toMs: number
  /** Empty = every one. */ readonly reason: string
}
export interface DeadLetterPage {
  readonly deadLetters: readonly DeadLetter[]
  /** Null on the last page. */ readonly next: DeadLetterPosition | null
}

export interface DeadLetters {
  /** Newest first, behind `after`. */
  list(filter: DeadLetterFilter, limit: number, after: DeadLetterPosition | null): Promise<DeadLetterPage>
  /** Null when the tenant has none of that id. */
  get(tenant: string, id: string): Promise<DeadLetterBody | null>
}

/** Of base64. */
const SHOWN_CHARS = Math.ceil(SHOWN_DEAD_LETTER_BYTES / 3) * 4

const toId = (row: DeadLetterRow): string => Buffer.from([row.log_id, row.log_partition, row.log_offset].join(':')).toString('base64url')

export const toPosition = (id: string): { logId: string; partition: string; offset: string } | null => {
  const found = /^([\w-]{1,64}):(\d{1,5}):(\d{1,16})$/.exec(Buffer.from(id, 'base64url').toString())
  return found === null || Number(found[2]) > 0xffff ? null : { logId: found[1], partition: found[2], offset: found[3] }
}

const meaningOf = (reason: string): string =>
  Object.hasOwn(DEAD_LETTER_REASONS, reason)
    ? DEAD_LETTER_REASONS[reason as keyof typeof DEAD_LETTER_REASONS]
    : 'Set aside by another version of Lapwing.'

const toDeadLetter = (row: DeadLetterRow): DeadLetter => ({
  id: toId(row),
  receivedAt: new Date(Number(row.received_at_ms)).toISOString(),
  signal: row.signal,
  reason: row.reason,
  meaning: meaningOf(row.reason),
  detail: row.detail,
  format: row.format,
  compression: row.compression,
  records: row.records,
  bodyBytes: Number(row.body_bytes),
})

export const createDeadLetters = (clickhouse: Pick<ClickHouse, 'query'>): DeadLetters => ({
  list: async ({ tenant, fromMs, toMs, reason }, limit, after) => {
    const params = { tenant, fromMs: String(fromMs), toMs: String(toMs), reason, limit: limit + 1 }
    const rows =
      after === null
        ? await clickhouse.query(listDeadLetters, params)
        : await clickhouse.query(listDeadLettersAfter, {
            ...params,
            afterMs: after.receivedAtMs,
            afterLog: after.logId,
            afterPartition: after.partition,
            afterOffset: after.offset,
          })
    const shown = rows.slice(0, limit)
    const last = rows.length > limit ? shown[limit - 1] : null
    return {
      deadLetters: shown.map(toDeadLetter),
      next:
        last === null
          ? null
          : { receivedAtMs: last.received_at_ms, logId: last.log_id, partition: last.log_partition, offset: last.log_offset },
    }
  },
  get: async (tenant, id) => {
    const position = toPosition(id)
    if (position === null) return null
    const [row] = await clickhouse.query(deadLetterAt, { tenant, ...position, chars: SHOWN_CHARS })
    if (row === undefined) return null
    const body = Buffer.from(row.body, 'base64').subarray(0, SHOWN_DEAD_LETTER_BYTES)
    return { ...toDeadLetter(row), bodyBase64: body.toString('base64'), bodyTruncated: body.byteLength < Number(row.body_bytes) }
  },
})
