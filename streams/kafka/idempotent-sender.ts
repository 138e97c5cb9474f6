// Messages → acknowledged batches, each at most once however often it is sent: a producer id, and a number for each message of a partition, by
// which the broker knows what it has. A batch that may have arrived is only ever sent again as it was. The caller sends one after the other.
// After https://cwiki.apache.org/confluence/display/KAFKA/KIP-98; what the client's own producer does beside that (transactions, partitioners,
// serializers, hooks) cost more than the sending.
import { setTimeout as pause } from 'node:timers/promises'
import { TransientError } from '../contracts/errors.ts'
import type { Outgoing } from './driver.ts'
import { encodeBatch, type BatchOrigin } from './record-batch.ts'
import { createSendMemory } from './send-memory.ts'

/** The first offset of a batch, or Kafka's name of what was wrong with it. */
export type Produced = { readonly offset: number } | { readonly error: string }

export interface ProducePort<Leader> {
  newProducer(): Promise<Pick<BatchOrigin, 'producerId' | 'producerEpoch'>>
  leaderOf(topic: string, partition: number): Promise<Leader>
  /** The same for the same broker. */
  nameOf(leader: Leader): string
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

/** May be otherwise when it is asked again. It may have taken it all the same: that it leads no longer, a broker may find out behind the append. */
const MAY_PASS = new Set([
  'BROKER_NOT_AVAILABLE',
  'KAFKA_STORAGE_ERROR',
  'LEADER_NOT_AVAILABLE',
  'NETWORK_EXCEPTION',
  'NOT_ENOUGH_REPLICAS',
  'NOT_ENOUGH_REPLICAS_AFTER_APPEND',
  'NOT_LEADER_OR_FOLLOWER',
  'REQUEST_TIMED_OUT',
  'UNKNOWN_TOPIC_OR_PARTITION',
])
/** It knows nothing of what we sent before: under a new id we begin anew. */
const FORGOTTEN = new Set(['OUT_OF_ORDER_SEQUENCE_NUMBER', 'UNKNOWN_PRODUCER_ID'])
const SEQUENCES = 2 ** 31

/** Of one partition, not acknowledged yet. */
interface Open {
  readonly messages: Outgoing[]
  batch: Buffer | null
  /** Why it was not acknowledged the last time; null before the first. From then on it may be there. */
  doubt: Error | null
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
  config: {
    readonly retryMs: number
    /** After which no further attempt begins. */
    readonly giveUpMs: number
    /** For a test: of a partition's first message. */
    readonly firstSequence?: number
  },
  port: ProducePort<Leader>,
): IdempotentSender => {
  const { firstSequence = 0 } = config
  let producer: Pick<BatchOrigin, 'producerId' | 'producerEpoch'> | null = null
  /** Of the next message, by topic and partition. */
  const sequences = new Map<string, number>()
  /** Of partitions, until one of them turns out not to lead. */
  const leaders = new Map<string, Leader>()
  const memory = createSendMemory()
  /** A request of this send was not answered: its bytes may still wait in a socket. */
  let isUnanswered = false
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
        { ...origin, firstSequence: sequences.get(keyOf(topic, partition)) ?? firstSequence },
        { nowMs, crc32c: port.crc32c, take: memory.take },
      )
  }
  /** One request to each leader. What became of each partition; a request that failed says nothing of any. */
  const ask = async (topic: string, open: ReadonlyMap<number, Open>): Promise<Map<number, Produced>> => {
    const byLeader = new Map<string, { readonly leader: Leader; readonly batches: Map<number, Buffer> }>()
    for (const [partition, { batch }] of open) {
      const key = keyOf(topic, partition)
      const leader = leaders.get(key) ?? (await port.leaderOf(topic, partition))
      leaders.set(key, leader)
      const name = port.nameOf(leader)
      const request = byLeader.get(name) ?? { leader, batches: new Map<number, Buffer>() }
      request.batches.set(partition, batch!)
      byLeader.set(name, request)
    }
    const answers = new Map<number, Produced>()
    await Promise.all(
      [...byLeader.values()].map(async ({ leader, batches }) => {
        let produced: ReadonlyMap<number, Produced> = new Map()
        try {
          produced = await port.produce(leader, topic, batches)
        } catch (error) {
          isUnanswered = true
          for (const partition of batches.keys()) open.get(partition)!.doubt = error as Error
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
      if (one === undefined) open.set(message.partition, { messages: [message], batch: null, doubt: null })
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
      sequences.set(key, ((sequences.get(key) ?? firstSequence) + sent.length) % SEQUENCES)
    }
    /** @throws whatever says that no producer id or leader can be had now. */
    const tryOnce = async (): Promise<void> => {
      producer ??= await port.newProducer()
      encode(topic, open, producer)
      const forgotten: [partition: number, error: string][] = []
      for (const [partition, answer] of await ask(topic, open)) {
        const one = open.get(partition)!
        if ('offset' in answer) acknowledge(partition, one, answer.offset)
        else if (FORGOTTEN.has(answer.error)) forgotten.push([partition, answer.error])
        else if (MAY_PASS.has(answer.error)) one.doubt ??= new ProduceError(answer.error)
        else giveUp(partition, new ProduceError(answer.error))
      }
      if (forgotten.length === 0) return
      // All that is open is sent under another id then: none of it may be there under this one.
      if (beginsAnew || [...open.values()].some(({ doubt }) => doubt !== null)) {
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
      if (performance.now() + config.retryMs > giveUpAt) {
        for (const [partition, { doubt }] of open) {
          const why = doubt ?? cause
          giveUp(
            partition,
            new TransientError('LOG_IO', `Kafka did not take it in time: ${why?.message ?? 'no answer'}`, 1000, { cause: why }),
          )
        }
        break
      }
      await pause(config.retryMs)
      leaders.clear()
      port.forgetLeaders()
    }
    // The numbers behind what may be there are not known; behind what was refused they are, but a new id costs only one request.
    if (error !== null) forget()
    memory.release(isUnanswered)
    isUnanswered = false
    return { firsts, error }
  }
  return { send }
}
