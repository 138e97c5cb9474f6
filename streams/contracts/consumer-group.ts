// How a group's members read a log: each partition has one member at a time, which reads it in order and records what is done and what is
// under way. A commit carries the ranges that are open (their INSERTs may be in flight).
import type { Envelope } from './envelope.ts'

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
