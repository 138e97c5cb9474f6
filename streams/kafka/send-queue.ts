// Appends of all partitions → few sends. What comes within a moment, and while a send is under way, goes together: small messages
// share the cost of a request, which is what they cost most by. One send is under way at a time, which keeps order and is all that an idempotent producer allows.
import { PermanentError, TransientError } from '../contracts/errors.ts'
import type { Position } from '../contracts/event-log.ts'
import type { KafkaDriver, Outgoing } from './driver.ts'

export interface SendQueue {
  /** Resolves when acknowledged. @throws TransientError LOG_FULL (too many bytes wait), LOG_IO (it failed, or may have), LOG_CLOSED. */
  send(message: Outgoing): Promise<Position>
  pendingBytes(): number
  /** Sends what waits, and settles with it. */
  close(): Promise<void>
}
export interface SendQueueConfig {
  readonly topic: string
  /** From the oldest that waits, also behind a send. */
  readonly lingerMs?: number
  /** At which it goes at once. */
  readonly batchBytes?: number
  /** In one send at most, unless a single message is larger. */
  readonly maxSendBytes?: number
  /** That wait or are under way. */
  readonly maxPendingBytes: number
}

interface Waiting {
  readonly message: Outgoing
  readonly bytes: number
  readonly dueMs: number
  readonly resolve: (position: Position) => void
  readonly reject: (error: Error) => void
}

/** What a record costs beside its value. */
const RECORD_OVERHEAD = 200
export const sizeOf = ({ value, headers, key }: Outgoing): number =>
  Object.values(headers).reduce((sum, header) => sum + header.byteLength, value.byteLength + key.length + RECORD_OVERHEAD)

export const createSendQueue = (config: SendQueueConfig, driver: Pick<KafkaDriver, 'send'>): SendQueue => {
  const { lingerMs = 3, batchBytes = 500_000, maxSendBytes = 4 * 1024 * 1024 } = config
  let waiting: Waiting[] = []
  let waitingBytes = 0
  let pending = 0
  let timer: NodeJS.Timeout | null = null
  let sending: Promise<void> | null = null
  let closed = false

  const take = (): Waiting[] => {
    let bytes = 0
    let count = 0
    while (count < waiting.length && (count === 0 || bytes + waiting[count].bytes <= maxSendBytes)) bytes += waiting[count++].bytes
    const taken = waiting.slice(0, count)
    waiting = waiting.slice(count)
    waitingBytes -= bytes
    return taken
  }
  /** Only a message that was sent alone is what the broker refused. */
  const settle = (one: Waiting, offset: number | null, isAlone: boolean, cause?: unknown): void => {
    pending -= one.bytes
    if (offset !== null) one.resolve({ partition: one.message.partition, offset })
    else if (cause instanceof PermanentError && isAlone) one.reject(cause)
    else one.reject(new TransientError('LOG_IO', 'Kafka did not acknowledge the message', 1000, { cause }))
  }
  const sendOnce = async (): Promise<void> => {
    const taken = take()
    try {
      const offsets = await driver.send(
        config.topic,
        taken.map(({ message }) => message),
      )
      for (const [at, one] of taken.entries()) settle(one, offsets[at], taken.length === 1)
    } catch (error) {
      for (const one of taken) settle(one, null, taken.length === 1, error)
    }
  }
  const drain = async (): Promise<void> => {
    do {
      await sendOnce()
    } while (waiting.length > 0 && (closed || waitingBytes >= batchBytes || waiting[0].dueMs <= performance.now()))
    sending = null
    if (waiting.length > 0) schedule(waiting[0].dueMs - performance.now())
  }
  const begin = (): void => {
    if (timer !== null) clearTimeout(timer)
    timer = null
    sending ??= drain()
  }
  const schedule = (ms: number): void => {
    timer ??= setTimeout(begin, ms)
  }

  return {
    send: (message) =>
      new Promise((resolve, reject) => {
        const bytes = sizeOf(message)
        if (closed) return reject(new TransientError('LOG_CLOSED', 'the event log is closed'))
        if (pending > 0 && pending + bytes > config.maxPendingBytes)
          return reject(new TransientError('LOG_FULL', 'too many bytes wait for Kafka'))
        waiting.push({ message, bytes, dueMs: performance.now() + lingerMs, resolve, reject })
        waitingBytes += bytes
        pending += bytes
        if (sending !== null) return
        if (waitingBytes >= batchBytes) begin()
        else schedule(lingerMs)
      }),
    pendingBytes: () => pending,
    close: async () => {
      closed = true
      while (waiting.length > 0 || sending !== null) {
        if (sending === null) begin()
        await sending
      }
    },
  }
}
