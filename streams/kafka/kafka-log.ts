// EventLog over a Kafka topic. Its id is the topic's, so that two clients of it, or one after the other, are one log; what a group
// records is the metadata of its offset commits. Retention is Kafka's own.
import type { Assignment, EventLog, GroupState, LogMessage, PartitionLag } from '../contracts/event-log.ts'
import { PermanentError, TransientError } from '../contracts/errors.ts'
import { decodeEnvelope, encodeEnvelope } from '../envelope.ts'
import { assertState } from '../group-state.ts'
import type { KafkaConfig } from './config.ts'
import { ENVELOPE_HEADER, type Given, type Incoming, type KafkaDriver } from './driver.ts'
import { decodeMetadata, encodeMetadata } from './group-metadata.ts'
import { createSendQueue } from './send-queue.ts'

const HOUR_MS = 3_600_000
/** A worker that was away for a day must find all that it has not read. */
const MIN_RETENTION_MS = 24 * HOUR_MS
/** Of a batch, beside its records. */
const BATCH_OVERHEAD = 1024
const MiB = 1024 * 1024
/** A fetch waits no longer, so that a partition that is lost is let go of soon. */
const MAX_WAIT_MS = 1000

/** A copy that owns its memory: what was fetched is kept no longer than it is wanted. */
const toMessage = ({ offset, value, header }: Incoming): LogMessage => ({ offset, envelope: decodeEnvelope(header), body: Uint8Array.from(value) })

/** Looks ahead while it waits: what came is read from memory. */
const createReader = (given: Given) => {
  let ahead: { readonly from: number; readonly messages: readonly Incoming[] } | null = null
  const fetch = async (from: number, maxBytes: number, waitMs: number): Promise<readonly Incoming[]> => {
    const kept = ahead
    ahead = null
    return kept !== null && kept.from === from && kept.messages.length > 0 ? kept.messages : await given.fetch({ from, maxBytes, waitMs })
  }
  return {
    read: async (from: number, maxBytes: number, maxMessages: number): Promise<readonly LogMessage[]> => {
      const fetched = await fetch(from, maxBytes, 0)
      let bytes = 0
      const tooMany = fetched.findIndex((one, at) => (bytes += one.value.byteLength + one.header.byteLength) > maxBytes || at >= maxMessages)
      const taken = tooMany < 0 ? fetched : fetched.slice(0, Math.max(1, tooMany))
      const rest = fetched.slice(taken.length)
      if (rest.length > 0) ahead = { from: taken[taken.length - 1].offset + 1, messages: rest }
      return taken.map(toMessage)
    },
    waitFor: async (from: number, timeoutMs: number, maxBytes: number): Promise<void> => {
      if (ahead?.from === from) return
      for (const deadline = Date.now() + timeoutMs; !given.lost.aborted;) {
        const messages = await given.fetch({ from, maxBytes, waitMs: Math.max(1, Math.min(MAX_WAIT_MS, deadline - Date.now())) }).catch((error: unknown) => {
          // What waits for a partition that is lost ends with its connection.
          if (!given.lost.aborted) throw error
          return []
        })
        if (messages.length > 0) ahead = { from, messages }
        if (messages.length > 0 || Date.now() >= deadline) return
      }
    },
  }
}

/** @throws PermanentError CONFIG_INVALID when the topic keeps less than a day; TransientError LOG_IO when no broker answers. */
export const openKafkaLog = async (config: KafkaConfig & { readonly maxPendingBytes?: number; readonly readAheadBytes?: number }, driver: KafkaDriver): Promise<EventLog> => {
  const { topic: name, readAheadBytes = MiB, maxPendingBytes = 256 * MiB } = config
  const topic = await driver.openTopic({ ...config, name })
  if (topic.retentionMs < MIN_RETENTION_MS) throw new PermanentError('CONFIG_INVALID', `KAFKA_TOPIC: ${name} keeps ${(topic.retentionMs / HOUR_MS).toFixed(1)} h (retention.ms); it must keep 24 h or more`)
  const maxMessageBytes = topic.maxMessageBytes - BATCH_OVERHEAD
  const queue = createSendQueue({ topic: name, maxPendingBytes, maxSendBytes: Math.min(4 * MiB, maxMessageBytes) }, driver)
  let closing: Promise<void> | null = null
  const assertOpen = (): void => { if (closing !== null) throw new TransientError('LOG_CLOSED', 'the event log is closed') }
  const assertPartition = (partition: number): void => {
    if (!Number.isInteger(partition) || partition < 0 || partition >= topic.partitions) throw new RangeError(`no partition ${partition}`)
  }
  const stateOf = (committed: { readonly offset: number; readonly metadata: string } | null, first: number): GroupState =>
    committed === null ? { offset: first, open: [], note: '' } : decodeMetadata(committed.offset, committed.metadata)
  const readState = async (group: string, partition: number): Promise<GroupState> => {
    const [committed, bounds] = await Promise.all([driver.committed(name, group), driver.bounds(name)])
    return stateOf(committed[partition], bounds[partition].first)
  }
  const assign = (group: string, given: Given): Assignment => {
    const reader = createReader(given)
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
    await Promise.all([queue.close(), ...[...members].map((member) => member.leave())])
    await driver.close()
  }
  const lagOf = async (partition: number, committed: number, end: number): Promise<PartitionLag> => {
    const first = committed < end ? await driver.peek(name, partition, committed) : null
    return { partition, end, committed, oldestReceivedAtMs: first === null ? null : decodeEnvelope(first.header).receivedAtMs, bytes: null }
  }

  return {
    logId: topic.id,
    partitions: topic.partitions,
    append: async ({ partition, envelope, body }) => {
      assertOpen()
      assertPartition(partition)
      const header = encodeEnvelope(envelope)
      if (body.byteLength + header.byteLength > maxMessageBytes) throw new PermanentError('MESSAGE_TOO_LARGE', `a body of ${body.byteLength} bytes is above the limit of ${maxMessageBytes}`)
      return await queue.send({ partition, key: envelope.tenant, value: body, headers: { [ENVELOPE_HEADER]: header } })
    },
    join: async (group, work) => {
      assertOpen()
      const member = await driver.join(name, group, (given) => work(assign(group, given)))
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
    lag: async (group) => {
      assertOpen()
      const [committed, bounds] = await Promise.all([driver.committed(name, group), driver.bounds(name)])
      return await Promise.all(bounds.map(({ first, end }, partition) => lagOf(partition, stateOf(committed[partition], first).offset, end)))
    },
    trim: async () => {
      assertOpen()
      return 0
    },
    close: () => closing ??= shut(),
  }
}
