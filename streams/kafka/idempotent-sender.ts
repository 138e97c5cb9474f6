// Messages → acknowledged batches, each at most once however often it is sent: a producer id, and a number for each message of a partition, by
// which the broker knows what it has. A batch that may have arrived is only ever sent again as it was. One send at a time, which keeps order.
// After https://cwiki.apache.org/confluence/display/KAFKA/KIP-98; what the client's own producer does beside that (transactions, partitioners,
// serializers, hooks) cost more than the sending.
import { setTimeout as pause } from 'node:timers/promises'
import { PermanentError, TransientError } from '../contracts/errors.ts'
import type { Outgoing } from './driver.ts'
import { encodeBatch, type BatchOrigin } from './record-batch.ts'

/** The first offset of a batch, or Kafka's name of what was wrong with it. */
export type Produced = { readonly offset: number } | { readonly error: string }

export interface ProducePort<Leader> {
  newProducer(): Promise<Pick<BatchOrigin, 'producerId' | 'producerEpoch'>>
  leaderOf(topic: string, partition: number): Promise<Leader>
  /** What is known of leaders may be wrong. */
  forgetLeaders(): void
  /** Acknowledged by all in-sync replicas, by partition. @throws when it is not known what became of them. */
  produce(leader: Leader, topic: string, batches: ReadonlyMap<number, Buffer>): Promise<ReadonlyMap<number, Produced>>
  readonly crc32c: (bytes: Buffer) => number
}
export interface IdempotentSender {
  /** First offset of each partition's messages, and why others have none: they are not sent again, and may be there once. */
  send(
    topic: string,
    messages: readonly Outgoing[],
  ): Promise<{ readonly firsts: ReadonlyMap<number, number>; readonly error: Error | null }>
}

/** The broker has not taken it, and may when it is asked again. */
const MAY_PASS = new Set([
  'BROKER_NOT_AVAILABLE',
  'FENCED_LEADER_EPOCH',
  'LEADER_NOT_AVAILABLE',
  'NOT_ENOUGH_REPLICAS',
  'NOT_LEADER_OR_FOLLOWER',
  'REPLICA_NOT_AVAILABLE',
  'UNKNOWN_LEADER_EPOCH',
  'UNKNOWN_TOPIC_OR_PARTITION',
])
/** It may have taken it. */
const IN_DOUBT = new Set(['KAFKA_STORAGE_ERROR', 'NETWORK_EXCEPTION', 'NOT_ENOUGH_REPLICAS_AFTER_APPEND', 'REQUEST_TIMED_OUT'])
/** It knows nothing of what we sent before: under a new id we begin anew. */
const FORGOTTEN = new Set(['OUT_OF_ORDER_SEQUENCE_NUMBER', 'UNKNOWN_PRODUCER_ID'])
const SEQUENCES = 2 ** 31

/** Of one partition, not acknowledged yet. */
interface Open {
  readonly messages: Outgoing[]
  batch: Buffer | null
  isInDoubt: boolean
}
/** What Kafka called it. */
export class ProduceError extends Error {
  readonly kafkaName: string
  constructor(kafkaName: string) {
    super(`Kafka answered ${kafkaName}`)
    this.kafkaName = kafkaName
  }
}

export const createIdempotentSender = <Leader>(
  config: { readonly retryMs: number; readonly giveUpMs: number },
  port: ProducePort<Leader>,
): IdempotentSender => {
  let producer: Pick<BatchOrigin, 'producerId' | 'producerEpoch'> | null = null
  /** Of the next message, by topic and partition. */
  const sequences = new Map<string, number>()
  const forget = (): void => {
    producer = null
    sequences.clear()
  }
  const keyOf = (topic: string, partition: number): string => `${topic}:${partition}`

  const encode = (topic: string, open: ReadonlyMap<number, Open>, origin: Pick<BatchOrigin, 'producerId' | 'producerEpoch'>): void => {
    const nowMs = Date.now()
    for (const [partition, one] of open)
      one.batch ??= encodeBatch(
        one.messages,
        { ...origin, firstSequence: sequences.get(keyOf(topic, partition)) ?? 0 },
        { nowMs, crc32c: port.crc32c },
      )
  }
  /** One request to each leader. What became of each partition; a request that failed says nothing of any. */
  const ask = async (topic: string, open: ReadonlyMap<number, Open>): Promise<Map<number, Produced>> => {
    const byLeader = new Map<Leader, Map<number, Buffer>>()
    for (const [partition, { batch }] of open) {
      const leader = await port.leaderOf(topic, partition)
      const batches = byLeader.get(leader) ?? new Map<number, Buffer>()
      byLeader.set(leader, batches.set(partition, batch!))
    }
    const answers = new Map<number, Produced>()
    await Promise.all(
      [...byLeader].map(async ([leader, batches]) => {
        let produced: ReadonlyMap<number, Produced>
        try {
          produced = await port.produce(leader, topic, batches)
        } catch {
          produced = new Map()
        }
        for (const partition of batches.keys()) answers.set(partition, produced.get(partition) ?? { error: 'NETWORK_EXCEPTION' })
      }),
    )
    return answers
  }

  const send: IdempotentSender['send'] = async (topic, messages) => {
    const giveUpAt = performance.now() + config.giveUpMs
    const open = new Map<number, Open>()
    for (const message of messages) {
      const one = open.get(message.partition)
      if (one === undefined) open.set(message.partition, { messages: [message], batch: null, isInDoubt: false })
      else one.messages.push(message)
    }
    const firsts = new Map<number, number>()
    let error: Error | null = null
    let beginsAnew = false
    const giveUp = (partition: number, cause: Error): void => {
      open.delete(partition)
      error ??= cause
    }
    const acknowledge = (partition: number, { messages: sent }: Open, offset: number): void => {
      open.delete(partition)
      firsts.set(partition, offset)
      const key = keyOf(topic, partition)
      sequences.set(key, ((sequences.get(key) ?? 0) + sent.length) % SEQUENCES)
    }
    /** @throws whatever says that no producer id or leader can be had now. */
    const tryOnce = async (): Promise<void> => {
      producer ??= await port.newProducer()
      encode(topic, open, producer)
      const forgotten: [partition: number, error: string][] = []
      for (const [partition, answer] of await ask(topic, open)) {
        const one = open.get(partition)!
        if ('offset' in answer) acknowledge(partition, one, answer.offset)
        else if (IN_DOUBT.has(answer.error)) one.isInDoubt = true
        else if (FORGOTTEN.has(answer.error)) forgotten.push([partition, answer.error])
        else if (!MAY_PASS.has(answer.error)) giveUp(partition, new ProduceError(answer.error))
      }
      if (forgotten.length === 0) return
      // All that is open is sent under another id then: none of it may be there under this one.
      if (beginsAnew || [...open.values()].some(({ isInDoubt }) => isInDoubt)) {
        for (const [partition, name] of forgotten) giveUp(partition, new ProduceError(name))
        return
      }
      forget()
      beginsAnew = true
      for (const one of open.values()) one.batch = null
      await tryOnce()
    }
    for (;;) {
      const cause = await tryOnce().then(
        () => null,
        (thrown: Error) => thrown,
      )
      if (open.size === 0) break
      if (cause instanceof PermanentError || performance.now() + config.retryMs > giveUpAt) {
        for (const partition of open.keys()) giveUp(partition, cause ?? new TransientError('LOG_IO', 'Kafka did not take it in time', 1000))
        break
      }
      await pause(config.retryMs)
      port.forgetLeaders()
    }
    // The numbers behind what may be there are not known.
    if (error !== null) forget()
    return { firsts, error }
  }
  return { send }
}
