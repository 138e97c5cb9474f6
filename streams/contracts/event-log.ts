// The one contract between ingest and analytics: an ordered, durable, partitioned log with consumer groups. Acknowledged is durable;
// delivery is at least once; a commit carries the ranges that are open (their INSERTs may be in flight).
import type { SetAside } from './dead-letters.ts'
import type { Envelope } from './envelope.ts'

export interface NewMessage {
  readonly partition: number
  readonly envelope: Envelope
  readonly body: Uint8Array
}
/** A body that lies in the log of this machine for as long as it is uncommitted. */
export interface StoredBody {
  readonly bytes: number
  /** `target` is as long as the body. */ copyTo(target: Uint8Array): void
}
export interface LogMessage {
  readonly offset: number
  readonly envelope: Envelope
  /** Owned by the reader. Where `stored` is, it is read at each look. */
  readonly body: Uint8Array
  readonly stored?: StoredBody
}
export interface Position {
  readonly partition: number
  readonly offset: number
}

/** A contiguous range of offsets [first, last] whose INSERT may be in flight. At most 4 are open per partition.
 * `shard` of the store that its INSERT goes to, also when it is formed again in a cluster of another size; absent: one server. */
export interface OpenRange {
  readonly first: number
  readonly last: number
  readonly shard?: number
}
/** What a group has recorded durably for one partition: everything below `offset` is stored; `open` starts at `offset`. */
export interface GroupState {
  readonly offset: number
  readonly open: readonly OpenRange[]
  /** Opaque, small; ours: the consumed mark. */ readonly note: string
}

export interface PartitionLag {
  readonly partition: number
  /** Next offset that an append will get. */
  readonly end: number
  readonly committed: number
  /** Receive time of the first uncommitted message, Unix ms; null when there is none. */
  readonly oldestReceivedAtMs: number | null
  readonly bytes: number | null /* null: the log cannot tell */
}
export interface ReadRequest {
  readonly from: number
  readonly maxBytes: number
  readonly maxMessages: number
}

/** One partition, given to this member by its group until `lost` fires. */
export interface Assignment {
  readonly partition: number
  /** Fires when the group takes the partition away or the member leaves: begin nothing new, finish or abandon what is in hand. */
  readonly lost: AbortSignal
  /** Messages from `from` on in order; at least one if there is one, however large; empty at the end. */
  read(request: ReadRequest): Promise<readonly LogMessage[]>
  /** Resolves when something at or after `from` can be read, or after `timeoutMs`. */
  waitFor(from: number, timeoutMs: number): Promise<void>
  state(): Promise<GroupState>
  /** Records offset, open ranges and note at once, durably. An intent is a commit with the same offset and one more range.
   * @throws PermanentError FENCED when the group has moved on: nothing was written, and nothing of this assignment ever will be. */
  commit(state: GroupState): Promise<void>
}
export interface Membership {
  /** `lost` fires on every assignment; resolves when their work has ended and the group knows that this member is gone. */
  close(): Promise<void>
}

export interface EventLog {
  /** Random, made with the log (32 hex digits): part of every row's position. */
  readonly logId: string
  readonly partitions: number
  readonly retentionMs: number /* after which it drops what nobody has read; Infinity: never */
  readonly maxMessageBytes: number /* of a body together with its envelope */
  /** Resolves when durable. Rejects with TransientError (full, closing) or PermanentError (message too large). */
  append(message: NewMessage): Promise<Position>
  /** Joins a group. `work` is called for each partition that this member is given, and again when it gets it anew; its promise ends when
   * nothing of that assignment is in flight any more, and only then the partition goes to another member (within the group's time-out). */
  join(group: string, work: (assignment: Assignment) => Promise<void>): Promise<Membership>
  /** What the partition's member recorded last, whoever that is. */
  state(group: string, partition: number): Promise<GroupState>
  /** Keeps a copy for whoever looks beside the log instead of into the store, at least once; nothing where there is no such place. */
  setAside(letters: readonly SetAside[]): Promise<void>
  lag(group: string): Promise<readonly PartitionLag[]>
  /** Drops what is beyond retention and behind every group's commit. Resolves to the bytes freed. */
  trim(nowMs: number): Promise<number>
  close(): Promise<void>
}
