// The one contract between ingest and analytics: an ordered, durable, partitioned log with consumer groups. Acknowledged is durable;
// delivery is at least once. What members of a group do is in consumer-group.ts.
import type { Assignment, GroupState, Membership } from './consumer-group.ts'
import type { SetAside } from './dead-letters.ts'
import type { Envelope } from './envelope.ts'

export interface NewMessage {
  readonly partition: number
  readonly envelope: Envelope
  readonly body: Uint8Array
}
export interface Position {
  readonly partition: number
  readonly offset: number
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
