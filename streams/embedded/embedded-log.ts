// EventLog over LMDB, for one machine. May be opened by several threads of one process at once, one instance each.
// Acknowledged is durable; nothing unconsumed is ever dropped: at the byte bound appends are refused instead.
import { PermanentError, TransientError } from '../contracts/errors.ts'
import type { EventLog, GroupState, LogMessage, PartitionLag, ReadRequest } from '../contracts/event-log.ts'
import { decodeEnvelope } from '../envelope.ts'
import { createAppendQueue } from './append-queue.ts'
import { createDiskBound } from './disk.ts'
import { decodeState, encodeState } from './layout.ts'
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
  readonly maxMessageBytes?: number
  /** Appends that wait for the disk. */
  readonly maxPendingBytes?: number
  /** With less free on the disk than this, the log's file does not grow. */
  readonly minFreeBytes?: number
}

const MiB = 1024 * 1024
const MAX_OPEN_RANGES = 4

const assertState = (state: GroupState): void => {
  let next = state.offset
  for (const { first, last } of state.open) {
    if (first !== next || last < first) throw new RangeError('open ranges are not contiguous from the committed offset')
    next = last + 1
  }
  if (state.open.length > MAX_OPEN_RANGES) throw new RangeError(`more than ${MAX_OPEN_RANGES} open ranges`)
  if (!Number.isSafeInteger(next) || state.offset < 0) throw new RangeError('not an offset')
}

const readMessages = (store: Store, { partition, from, maxBytes, maxMessages }: ReadRequest): LogMessage[] => {
  store.refresh()
  const end = store.tail(partition).mark.offset
  const messages: LogMessage[] = []
  let bytes = 0
  for (let offset = Math.max(from, store.head(partition).mark.offset); offset < end; offset++) {
    const entry = store.entry(partition, offset)
    if (entry === null) throw new PermanentError('LOG_CORRUPT', `partition ${partition} lacks offset ${offset}`)
    bytes += entry.bodyBytes + entry.envelope.byteLength
    if (messages.length > 0 && (bytes > maxBytes || messages.length >= maxMessages)) break
    const body = store.body(partition, offset)
    if (body?.byteLength !== entry.bodyBytes) throw new PermanentError('LOG_CORRUPT', `partition ${partition}, offset ${offset}: wrong body`)
    messages.push({ offset, envelope: decodeEnvelope(entry.envelope), body })
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
  const { partitions, groups, maxBytes, maxAgeMs, maxMessageBytes = 64 * MiB, maxPendingBytes = 512 * MiB, minFreeBytes = 64 * MiB } = config
  // Address space, not disk: the file is sparse and grows with what it holds. Freed pages fragment, hence the room.
  const store = openStore({ directory: config.directory, partitions, sync: config.sync, mapBytes: 4 * maxBytes + 1024 * MiB })
  const retention = createRetention({ partitions, groups }, store)
  const waiters = createWaiters({ refresh: store.refresh, end: (partition) => store.tail(partition).mark.offset })
  const bound = createDiskBound({ directory: config.directory, maxBytes, minFreeBytes })
  const queue = createAppendQueue({ maxPendingBytes }, { store, retention, bound, onDurable: waiters.wake })
  let closing: Promise<void> | null = null
  let writes = 0
  let onIdle: (() => void) | null = null

  const assertOpen = (): void => { if (closing !== null) throw new TransientError('LOG_CLOSED', 'the event log is closed') }
  const assertPartition = (partition: number): void => {
    if (!Number.isInteger(partition) || partition < 0 || partition >= partitions) throw new RangeError(`no partition ${partition}`)
  }
  const assertGroup = (group: string): void => { if (!groups.includes(group)) throw new RangeError(`unknown group ${group}`) }
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
    if (writes > 0) await new Promise<void>((resolve) => { onIdle = resolve })
    await queue.drained()
    await store.close()
  }

  return {
    logId: store.logId,
    partitions,
    append: (message) => writing(() => {
      assertPartition(message.partition)
      const bytes = message.body.byteLength
      if (bytes > maxMessageBytes) throw new PermanentError('MESSAGE_TOO_LARGE', `a body of ${bytes} bytes is above the limit of ${maxMessageBytes}`)
      return queue.append(message)
    }),
    read: async (request) => {
      assertOpen()
      assertPartition(request.partition)
      return readMessages(store, request)
    },
    waitFor: async (partition, from, timeoutMs) => {
      assertOpen()
      assertPartition(partition)
      await waiters.wait(partition, from, timeoutMs)
    },
    state: async (group, partition) => {
      assertOpen()
      assertGroup(group)
      assertPartition(partition)
      store.refresh()
      return readState(store, group, partition)
    },
    commit: (group, partition, state) => writing(async () => {
      assertGroup(group)
      assertPartition(partition)
      assertState(state)
      await store.putState(group, partition, encodeState(state))
    }),
    lag: async (group) => {
      assertOpen()
      assertGroup(group)
      store.refresh()
      return Array.from({ length: partitions }, (_, partition) => readLag(store, group, partition))
    },
    trim: (nowMs) => writing(async () => await retention.expire(nowMs - maxAgeMs) + await retention.shrinkTo(await bound())),
    close: () => closing ??= shut(),
  }
}
