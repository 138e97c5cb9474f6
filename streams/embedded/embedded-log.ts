// EventLog over LMDB, for one machine. May be opened by several threads of one process at once, one instance each.
// Acknowledged is durable; nothing unconsumed is ever dropped: at the byte bound appends are refused instead.
import { PermanentError, TransientError } from '../contracts/errors.ts'
import type { Assignment, GroupState, LogMessage, Membership, ReadRequest } from '../contracts/consumer-group.ts'
import type { EventLog, PartitionLag } from '../contracts/event-log.ts'
import { decodeEnvelope } from '../envelope.ts'
import { createAppendQueue } from './append-queue.ts'
import { createDiskBound } from './disk.ts'
import { assertState } from '../group-state.ts'
import { decodeState, encodeState } from './layout.ts'
import type { Entry } from './layout.ts'
import { createRetention } from './retention.ts'
import { openStore } from './store.ts'
import type { Store } from './store.ts'
import { createWaiters } from './waiters.ts'

export interface EmbeddedLogConfig {
  readonly directory: string
  /** May grow from one opening to the next, never shrink. */
  readonly partitions: number
  readonly sync: 'fsync' | 'os'
  /** Stored bytes of all partitions, consumed ones included. */
  readonly maxBytes: number
  readonly maxAgeMs: number
  /** Every group that reads this log: what one of them has not committed stays. The same in every thread. */
  readonly groups: readonly string[]
  /** Of bodies alone: envelopes lie beside them. */
  readonly maxMessageBytes?: number
  /** Appends that wait for the disk. */
  readonly maxPendingBytes?: number
  /** With less free on the disk than this, the log's file does not grow. */
  readonly minFreeBytes?: number
}

const MiB = 1024 * 1024
/** With the numbers of as many rejected records as a body may have. */
const MAX_ENVELOPE_BYTES = 2 * MiB

/** Bodies stay in the store until somebody wants them, and are copied once, to where they are wanted: as buffers of their own they made
 * the main thread collect garbage twice a second at 30,000 records a second, which cost more than reading them (4 of 9 CPU-s/M). */
const toMessage = (store: Store, partition: number, offset: number, { envelope, bodyBytes }: Entry): LogMessage => {
  const wrong = (): PermanentError => new PermanentError('LOG_CORRUPT', `partition ${partition}, offset ${offset}: wrong body`)
  return {
    offset,
    envelope: decodeEnvelope(envelope),
    get body() {
      const body = store.body(partition, offset)
      if (body?.byteLength !== bodyBytes) throw wrong()
      return body
    },
    stored: {
      bytes: bodyBytes,
      copyTo: (target) => {
        if (!store.copyBody(partition, offset, target)) throw wrong()
      },
    },
  }
}

const readMessages = (store: Store, partition: number, { from, maxBytes, maxMessages }: ReadRequest): LogMessage[] => {
  store.refresh()
  const end = store.tail(partition).mark.offset
  const messages: LogMessage[] = []
  let bytes = 0
  for (let offset = Math.max(from, store.head(partition).mark.offset); offset < end; offset++) {
    const entry = store.entry(partition, offset)
    if (entry === null) throw new PermanentError('LOG_CORRUPT', `partition ${partition} lacks offset ${offset}`)
    bytes += entry.bodyBytes + entry.envelope.byteLength
    if (messages.length > 0 && (bytes > maxBytes || messages.length >= maxMessages)) break
    messages.push(toMessage(store, partition, offset, entry))
  }
  return messages
}

const readState = (store: Store, group: string, partition: number): GroupState => {
  const stored = store.state(group, partition)
  return stored === null ? { offset: store.head(partition).mark.offset, open: [], note: '' } : decodeState(stored)
}

const readLag = (store: Store, group: string, partition: number): PartitionLag => {
  const [head, tail] = [store.head(partition).mark, store.tail(partition).mark]
  const committed = readState(store, group, partition).offset
  const first = store.entry(partition, Math.max(committed, head.offset))
  return {
    partition,
    end: tail.offset,
    committed,
    oldestReceivedAtMs: first === null ? null : decodeEnvelope(first.envelope).receivedAtMs,
    bytes: first === null ? 0 : tail.before - first.before,
  }
}

/** @throws PermanentError CONFIG_INVALID (fewer partitions than the log has), LOG_CORRUPT. */
export const openEmbeddedLog = async (config: EmbeddedLogConfig): Promise<EventLog> => {
  const {
    partitions,
    groups,
    maxBytes,
    maxAgeMs,
    maxMessageBytes = 64 * MiB,
    maxPendingBytes = 512 * MiB,
    minFreeBytes = 64 * MiB,
  } = config
  // Address space, not disk: the file is sparse and grows with what it holds. Freed pages fragment, hence the room.
  const store = openStore({ directory: config.directory, partitions, sync: config.sync, mapBytes: 4 * maxBytes + 1024 * MiB })
  const retention = createRetention({ partitions, groups }, store)
  const waiters = createWaiters({ refresh: store.refresh, end: (partition) => store.tail(partition).mark.offset })
  const bound = createDiskBound({ directory: config.directory, maxBytes, minFreeBytes })
  const queue = createAppendQueue({ maxPendingBytes }, { store, retention, bound, onDurable: waiters.wake })
  let closing: Promise<void> | null = null
  const joined = new Set<string>()
  let writes = 0
  let onIdle: (() => void) | null = null

  const assertOpen = (): void => {
    if (closing !== null) throw new TransientError('LOG_CLOSED', 'the event log is closed')
  }
  const assertPartition = (partition: number): void => {
    if (!Number.isInteger(partition) || partition < 0 || partition >= partitions) throw new RangeError(`no partition ${partition}`)
  }
  const assertGroup = (group: string): void => {
    if (!groups.includes(group)) throw new RangeError(`unknown group ${group}`)
  }
  /** close() waits for what is being written. */
  const writing = async <T>(write: () => Promise<T>): Promise<T> => {
    assertOpen()
    writes += 1
    try {
      return await write()
    } finally {
      writes -= 1
      if (writes === 0) onIdle?.()
    }
  }
  const shut = async (): Promise<void> => {
    waiters.close()
    if (writes > 0)
      await new Promise<void>((resolve) => {
        onIdle = resolve
      })
    await queue.drained()
    await store.close()
  }

  const assign = (group: string, partition: number, lost: AbortSignal, isOver: () => boolean): Assignment => ({
    partition,
    lost,
    read: async (request) => {
      assertOpen()
      return readMessages(store, partition, request)
    },
    waitFor: async (from, timeoutMs) => {
      assertOpen()
      await waiters.wait(partition, from, timeoutMs)
    },
    state: async () => {
      assertOpen()
      store.refresh()
      return readState(store, group, partition)
    },
    commit: (state) =>
      writing(async () => {
        assertState(state)
        if (isOver()) throw new PermanentError('FENCED', `partition ${partition} is not this member's any more`)
        await store.putState(group, partition, encodeState(state))
      }),
  })
  /** One member has every partition until it leaves. */
  const becomeMember = async (group: string, work: (assignment: Assignment) => Promise<void>): Promise<Membership> => {
    const leaving = new AbortController()
    let left = false
    const working = Promise.allSettled(
      Array.from({ length: partitions }, (_, partition) => work(assign(group, partition, leaving.signal, () => left))),
    )
    return {
      close: async () => {
        leaving.abort()
        await working
        left = true
        joined.delete(group)
      },
    }
  }

  return {
    logId: store.logId,
    partitions,
    retentionMs: Infinity,
    maxMessageBytes: maxMessageBytes + MAX_ENVELOPE_BYTES,
    append: (message) =>
      writing(() => {
        assertPartition(message.partition)
        const bytes = message.body.byteLength
        if (bytes > maxMessageBytes)
          throw new PermanentError('MESSAGE_TOO_LARGE', `a body of ${bytes} bytes is above the limit of ${maxMessageBytes}`)
        return queue.append(message)
      }),
    join: async (group, work) => {
      assertOpen()
      assertGroup(group)
      if (joined.has(group))
        throw new PermanentError('GROUP_TAKEN', `the group ${group} has its member: the embedded log has one for all partitions`)
      joined.add(group)
      return await becomeMember(group, work)
    },
    state: async (group, partition) => {
      assertOpen()
      assertGroup(group)
      assertPartition(partition)
      store.refresh()
      return readState(store, group, partition)
    },
    // Beside the store there is nothing to look into.
    setAside: async () => undefined,
    lag: async (group) => {
      assertOpen()
      assertGroup(group)
      store.refresh()
      return Array.from({ length: partitions }, (_, partition) => readLag(store, group, partition))
    },
    trim: (nowMs) => writing(async () => (await retention.expire(nowMs - maxAgeMs)) + (await retention.shrinkTo(await bound()))),
    close: () => (closing ??= shut()),
  }
}
