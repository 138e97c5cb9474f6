// What a Kafka client must do for us; one file each. Everything that gives these calls a meaning (envelopes, intents, the queue
// of what is sent) stands above it, once.

export interface TopicSettings {
  readonly name: string
  readonly partitions: number
  readonly replication: number
  readonly retentionMs: number
  readonly maxMessageBytes: number
}
export interface Topic {
  /** 32 hex digits. */
  readonly id: string
  readonly partitions: number
  /** Infinity when nothing is ever dropped. */
  readonly retentionMs: number
  /** Of a partition; Infinity: as many as come. */
  readonly retentionBytes: number
  /** Keeps the last message of each key only. */
  readonly isCompacted: boolean
  readonly maxMessageBytes: number
}

export interface Outgoing {
  readonly partition: number
  readonly key: string
  readonly value: Uint8Array
  readonly headers: Readonly<Record<string, Uint8Array>>
}
/** `value` and `header` (the envelope; empty when there is none) are views of what was fetched: to be copied before they are kept. */
export interface Incoming {
  readonly offset: number
  readonly value: Uint8Array
  readonly header: Uint8Array
}
export interface FetchRequest {
  readonly from: number
  readonly maxBytes: number
  readonly waitMs: number
}

/** One partition under one generation of the group. */
export interface Given {
  readonly partition: number
  /** Fires when the group takes it away, or this member leaves. */
  readonly lost: AbortSignal
  /** From `from` on, whoever wrote it; where retention has dropped that, from the first that is left. Empty after `waitMs` without any.
   * @throws PermanentError LOG_CORRUPT when the topic is another one than was opened. */
  fetch(request: FetchRequest): Promise<readonly Incoming[]>
  /** Under the generation in which the partition was given. @throws PermanentError FENCED when that has passed. */
  commit(offset: number, metadata: string): Promise<void>
}

/** What is known of topics by their ids. */
export interface TopicPort {
  /** Made when it is not there. @throws TransientError LOG_IO when no broker answers. */
  openTopic(settings: TopicSettings): Promise<Topic>
  /** @throws PermanentError LOG_CORRUPT when the topic of this name is another one now than was opened. */
  assertSame(topic: string): Promise<void>
  close(): Promise<void>
}
export interface KafkaDriver extends Omit<TopicPort, 'assertSame'> {
  /** In one batch per partition, in order; acknowledged by all in-sync replicas. Offsets by message; null where it failed, or may have: it is never sent
   * again by us, and may be there once. */
  send(topic: string, messages: readonly Outgoing[]): Promise<readonly (number | null)[]>
  /** By partition: the first offset that is left, and the next to be given. */
  bounds(topic: string): Promise<readonly { readonly first: number; readonly end: number }[]>
  /** By partition; null where the group has committed nothing. */
  committed(topic: string, group: string): Promise<readonly ({ readonly offset: number; readonly metadata: string } | null)[]>
  /** Whoever has the partition; as `fetch` of a given one. */
  peek(topic: string, partition: number, from: number): Promise<Incoming | null>
  /** `work` is called for each partition that is given; its promise ends when nothing of it is in flight. */
  join(topic: string, group: string, work: (given: Given) => Promise<void>): Promise<{ leave(): Promise<void> }>
}
/** The header that carries the envelope. */
export const ENVELOPE_HEADER = 'envelope'
