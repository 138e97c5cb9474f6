// What goes to a decode worker and what comes back: one contiguous range of one partition in, ready Native blocks out.
import type { DeadLetterReason } from '../streams/contracts/dead-letters.ts'
import type { Envelope } from '../streams/contracts/envelope.ts'
import type { StoredBody } from '../streams/contracts/consumer-group.ts'

export interface DecodeMessage {
  readonly offset: number
  readonly envelope: Envelope
  readonly body: Uint8Array
  readonly stored?: StoredBody
}
/** Length of a message's body. Names `body` only where the log does not tell: asking for that of a stored message copies it, and in the
 * main thread such copies cost more in garbage collection than decoding does. */
export const bodyLength = (message: Pick<DecodeMessage, 'body' | 'stored'>): number => message.stored?.bytes ?? message.body.byteLength

export interface DecodeInput {
  readonly logId: string
  readonly partition: number
  /** Days since 1970-01-01 (UTC) of the range's first message: the receive_day of every row. */
  readonly receiveDay: number
  /** Event times further ahead of the receive time than this are stored at receive time, the original in an attribute. */
  readonly maxAheadMs: number
  /** Event times older than this are too. */
  readonly retentionMs: number
  readonly messages: readonly DecodeMessage[]
}

export interface Poison {
  readonly offset: number
  readonly reason: DeadLetterReason
  /** What was wrong with this one, in words. */ readonly detail?: string
}

/** A row of log_templates, as JSONEachRow takes it. Times are Unix seconds. */
export interface TemplateInsert {
  readonly tenant: string
  readonly service: string
  /** 64 bits as text. */
  readonly template: string
  readonly text: string
  readonly example: string
  /** Where the example is: log id, partition, offset, index. */
  readonly record: string
  readonly first_seen: number
  readonly last_seen: number
}

export interface DecodeOutput {
  /** One ClickHouse Native block for otel_logs; null when there are no rows. Memory of whoever decoded it, until `release`. */
  readonly logs: Uint8Array | null
  readonly logRows: number
  /** One Native block for otel_spans; null when there are no rows. Owns its ArrayBuffer. */
  readonly spans: Uint8Array | null
  readonly spanRows: number
  /** One Native block for series_partials; null when there is none. Owns its ArrayBuffer. */
  readonly partials: Uint8Array | null
  readonly partialRows: number
  /** One Native block for log_template_counts; null when there is none. Owns its ArrayBuffer. */
  readonly templateCounts: Uint8Array | null
  readonly templateRows: number
  /** Rows for log_templates: of templates that the thread has not named of late. */
  readonly templates: readonly TemplateInsert[]
  /** Messages that could not be decoded: set aside by the consumer with their reason. */
  readonly poison: readonly Poison[]
  /** Call once nobody reads the block any more; what is never released is left to the garbage collector. */
  readonly release?: () => void
}
/** Memory for a block of so many bytes. */
export type Allocate = (bytes: number) => Uint8Array
