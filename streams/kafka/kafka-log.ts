// EventLog over a Kafka topic. Its id is the topic's, so that two clients of it, or one after the other, are one log; what a group
// records is the metadata of its offset commits. Retention is Kafka's own.
import type { Assignment, GroupState } from '../contracts/consumer-group.ts'
import type { EventLog, PartitionLag } from '../contracts/event-log.ts'
import { PermanentError, TransientError } from '../contracts/errors.ts'
import { createTurns } from '../contracts/turns.ts'
import { encodeEnvelope } from '../envelope.ts'
import { assertState } from '../group-state.ts'
import type { KafkaConfig } from './config.ts'
import { createDeadLetterTopic } from './dead-letter-topic.ts'
import { ENVELOPE_HEADER, type Given, type KafkaDriver } from './driver.ts'
import { decodeMetadata, encodeMetadata } from './group-metadata.ts'
import { createPartitionReader, readEnvelope, type ReaderLog } from './partition-reader.ts'
import { createSendQueue } from './send-queue.ts'

const HOUR_MS = 3_600_000
/** A worker that was away for a day must find all that it has not read. */
const MIN_RETENTION_MS = 24 * HOUR_MS
/** Of a batch, beside its records. */
const BATCH_OVERHEAD = 1024
const MiB = 1024 * 1024
const MAX_LOOKS = 16
/** All that an idempotent producer allows, whichever topic it is for. */
const oneSendAtATime = (driver: KafkaDriver): Pick<KafkaDriver, 'send'> => {
  const inTurn = createTurns()
  return { send: (topic, messages) => inTurn(() => driver.send(topic, messages)) }
}

/** @throws PermanentError CONFIG_INVALID when the topic keeps less than a day or not every message; TransientError LOG_IO when no broker answers. */
export const openKafkaLog = async (
  config: KafkaConfig & { readonly maxPendingBytes?: number; readonly readAheadBytes?: number },
  { driver, logger }: { readonly driver: KafkaDriver; readonly logger: ReaderLog },
): Promise<EventLog> => {
  const { topic: name, readAheadBytes = MiB, maxPendingBytes = 256 * MiB } = config
  const topic = await driver.openTopic({ ...config, name })
  if (topic.retentionMs < MIN_RETENTION_MS)
    throw new PermanentError(
      'CONFIG_INVALID',
      `KAFKA_TOPIC: ${name} keeps ${(topic.retentionMs / HOUR_MS).toFixed(1)} h (retention.ms); it must keep 24 h or more`,
    )
  if (topic.isCompacted)
    throw new PermanentError(
      'CONFIG_INVALID',
      `KAFKA_TOPIC: ${name} is compacted (cleanup.policy): it would keep one message of each tenant; it must be delete`,
    )
  if (topic.retentionBytes !== Infinity)
    logger.warn(
      { topic: name, retentionBytes: topic.retentionBytes },
      'the topic drops what is beyond retention.bytes in a partition, also when that is less than a day of it',
    )
  const maxMessageBytes = topic.maxMessageBytes - BATCH_OVERHEAD
  /** Groups are the cluster's, ours are the log's: two logs on one cluster share none. */
  const groupOf = (group: string): string => `${name}.${group}`
  const sender = oneSendAtATime(driver)
  const queue = createSendQueue({ topic: name, maxPendingBytes, maxSendBytes: Math.min(4 * MiB, maxMessageBytes) }, sender)
  const deadLetters = createDeadLetterTopic(
    { ...config, of: name, logId: topic.id, maxMessageBytes },
    { openTopic: (settings) => driver.openTopic(settings), ...sender },
    logger,
  )
  let closing: Promise<void> | null = null
  const assertOpen = (): void => {
    if (closing !== null) throw new TransientError('LOG_CLOSED', 'the event log is closed')
  }
  const assertPartition = (partition: number): void => {
    if (!Number.isInteger(partition) || partition < 0 || partition >= topic.partitions) throw new RangeError(`no partition ${partition}`)
  }
  const stateOf = (committed: { readonly offset: number; readonly metadata: string } | null, first: number): GroupState =>
    committed === null ? { offset: first, open: [], note: '' } : decodeMetadata(committed.offset, committed.metadata)
  const readState = async (group: string, partition: number): Promise<GroupState> => {
    const [committed, bounds] = await Promise.all([driver.committed(name, groupOf(group)), driver.bounds(name)])
    return stateOf(committed[partition], bounds[partition].first)
  }
  const assign = (group: string, given: Given): Assignment => {
    const reader = createPartitionReader(given, logger)
    return {
      partition: given.partition,
      lost: given.lost,
      read: async ({ from, maxBytes, maxMessages }) => {
        assertOpen()
        return await reader.read(from, maxBytes, maxMessages)
      },
      waitFor: async (from, timeoutMs) => {
        assertOpen()
        await reader.waitFor(from, timeoutMs, readAheadBytes)
      },
      state: () => readState(group, given.partition),
      commit: async (state) => {
        assertOpen()
        assertState(state)
        await given.commit(state.offset, encodeMetadata(state))
      },
    }
  }
  const members = new Set<{ leave(): Promise<void> }>()
  const shut = async (): Promise<void> => {
    await Promise.all([queue.close(), deadLetters.close(), ...[...members].map((member) => member.leave())])
    await driver.close()
  }
  /** Of the first message of ours from `from` on; behind what is not ours it is looked for a few times. */
  const oldestReceivedAtMs = async (partition: number, from: number, end: number): Promise<number | null> => {
    for (let at = from, looks = 0; at < end && looks < MAX_LOOKS; looks++) {
      const message = await driver.peek(name, partition, at)
      if (message === null) return null
      const envelope = readEnvelope(message)
      if (envelope !== null) return envelope.receivedAtMs
      at = message.offset + 1
    }
    return null
  }
  const lagOf = async (partition: number, committed: number, end: number): Promise<PartitionLag> => ({
    partition,
    end,
    committed,
    oldestReceivedAtMs: await oldestReceivedAtMs(partition, committed, end),
    bytes: null,
  })

  return {
    logId: topic.id,
    partitions: topic.partitions,
    retentionMs: topic.retentionMs,
    maxMessageBytes,
    append: async ({ partition, envelope, body }) => {
      assertOpen()
      assertPartition(partition)
      const header = encodeEnvelope(envelope)
      if (body.byteLength + header.byteLength > maxMessageBytes)
        throw new PermanentError('MESSAGE_TOO_LARGE', `a body of ${body.byteLength} bytes is above the limit of ${maxMessageBytes}`)
      return await queue.send({ partition, key: envelope.tenant, value: body, headers: { [ENVELOPE_HEADER]: header } })
    },
    join: async (group, work) => {
      assertOpen()
      // Whoever may set something aside learns at the start that it cannot.
      await deadLetters.open()
      const member = await driver.join(name, groupOf(group), (given) => work(assign(group, given)))
      members.add(member)
      const close = async (): Promise<void> => {
        await member.leave()
        members.delete(member)
      }
      return { close }
    },
    state: async (group, partition) => {
      assertOpen()
      assertPartition(partition)
      return await readState(group, partition)
    },
    setAside: async (letters) => {
      assertOpen()
      await deadLetters.keep(letters)
    },
    lag: async (group) => {
      assertOpen()
      const [committed, bounds] = await Promise.all([driver.committed(name, groupOf(group)), driver.bounds(name)])
      return await Promise.all(
        bounds.map(({ first, end }, partition) => lagOf(partition, stateOf(committed[partition], first).offset, end)),
      )
    },
    trim: async () => {
      assertOpen()
      return 0
    },
    close: () => (closing ??= shut()),
  }
}
