// Group commit: appends that arrive while a transaction is being made durable share the next one. One transaction at a time;
// offsets are given out by a conditional write, so several threads may append. An append resolves only when it is durable.
import { TransientError } from '../contracts/errors.ts'
import type { NewMessage, Position } from '../contracts/event-log.ts'
import { encodeEnvelope } from '../envelope.ts'
import { storedBytes } from './layout.ts'
import type { Retention } from './retention.ts'
import type { Store, StoredMessage } from './store.ts'

export interface AppendQueue {
  append(message: NewMessage): Promise<Position>
  /** Resolves when everything accepted so far is durable or refused. */
  drained(): Promise<void>
}

export interface AppendQueueConfig {
  readonly maxPendingBytes: number
}
export interface AppendQueueDeps {
  readonly store: Store
  readonly retention: Retention
  /** Stored bytes that the log may have now. */
  readonly bound: () => Promise<number>
  /** Called after each batch. */
  readonly onDurable: () => void
}

interface Pending {
  readonly partition: number
  readonly envelope: Uint8Array
  readonly body: Uint8Array
  readonly size: number
  readonly resolve: (position: Position) => void
  readonly reject: (error: unknown) => void
}

/** The store holds a copy of what it writes. */
const BATCH_BYTES = 8 * 1024 * 1024
const BATCH_MESSAGES = 1024
/** Freed at once at the bound: so that not every small batch has to trim. No more, because what is free and not used again weighs on every
 * transaction of the store. */
const SLACK_BYTES = 256 * 1024
/** Of a small log. */
const SLACK_SHARE = 1 / 32

const full = (message: string): TransientError => new TransientError('LOG_FULL', message, 1000)

export const createAppendQueue = (config: AppendQueueConfig, { store, retention, bound, onDurable }: AppendQueueDeps): AppendQueue => {
  let pending: Pending[] = []
  let pendingBytes = 0
  let running: Promise<void> | null = null

  const takeBatch = (): Pending[] => {
    let bytes = 0
    let count = 0
    while (count < pending.length && count < BATCH_MESSAGES && (count === 0 || bytes + pending[count].size <= BATCH_BYTES))
      bytes += pending[count++].size
    const batch = pending.slice(0, count)
    pending = pending.slice(count)
    return batch
  }

  /** The messages that fit; the others are refused. Consumed messages make room before anything is refused. */
  const admit = async (batch: readonly Pending[]): Promise<Pending[]> => {
    const wanted = batch.reduce((sum, { size }) => sum + size, 0)
    const maxBytes = await bound()
    let used = retention.usedBytes()
    if (used + wanted > maxBytes) {
      await retention.shrinkTo(Math.max(0, maxBytes - wanted - Math.min(SLACK_BYTES, maxBytes * SLACK_SHARE)))
      used = retention.usedBytes()
    }
    return batch.filter((item) => {
      if (used + item.size > maxBytes) {
        item.reject(full('the event log is at its bound and nothing more is consumed'))
        return false
      }
      used += item.size
      return true
    })
  }

  /** Tries again while another thread is first. */
  const writePartition = async (partition: number, items: readonly Pending[]): Promise<void> => {
    for (;;) {
      store.refresh()
      const tail = store.tail(partition)
      let before = tail.mark.before
      const messages: StoredMessage[] = items.map(({ envelope, body, size }) => {
        const entry = { before, bodyBytes: body.byteLength, envelope }
        before += size
        return { entry, body }
      })
      if (!(await store.append(partition, tail, messages, { offset: tail.mark.offset + items.length, before }))) continue
      for (const [at, item] of items.entries()) item.resolve({ partition, offset: tail.mark.offset + at })
      return
    }
  }

  const writeBatch = async (batch: readonly Pending[]): Promise<void> => {
    try {
      const byPartition = new Map<number, Pending[]>()
      for (const item of await admit(batch)) {
        const items = byPartition.get(item.partition)
        if (items === undefined) byPartition.set(item.partition, [item])
        else items.push(item)
      }
      // Started in one turn: one transaction for all partitions.
      await Promise.all(
        [...byPartition].map(async ([partition, items]) => {
          try {
            await writePartition(partition, items)
          } catch (error) {
            for (const item of items) item.reject(error)
          }
        }),
      )
    } catch (error) {
      for (const item of batch) item.reject(error)
    }
    for (const { size } of batch) pendingBytes -= size
    onDurable()
  }

  const run = async (): Promise<void> => {
    // Lets all appends of this turn into the first batch.
    await new Promise((resolve) => {
      setImmediate(resolve)
    })
    while (pending.length > 0) await writeBatch(takeBatch())
    running = null
  }

  return {
    append: ({ partition, envelope, body }) =>
      new Promise<Position>((resolve, reject) => {
        const encoded = encodeEnvelope(envelope)
        const size = storedBytes(body.byteLength, encoded.byteLength)
        if (pendingBytes + size > config.maxPendingBytes && pendingBytes > 0) {
          reject(full('too many appends wait for the disk'))
          return
        }
        pendingBytes += size
        pending.push({ partition, envelope: encoded, body, size, resolve, reject })
        running ??= run()
      }),
    drained: async () => {
      await running
    },
  }
}
