// `<topic>.dead-letters`: what was set aside, for who reads topics and not our store. The message as it was, its place and the reason in
// headers. At least once: a range that is worked on again writes its own again, under the same place.
import { PermanentError } from '../contracts/errors.ts'
import type { SetAside } from '../contracts/dead-letters.ts'
import { encodeEnvelope } from '../envelope.ts'
import type { KafkaConfig } from './config.ts'
import { ENVELOPE_HEADER, type KafkaDriver, type Outgoing } from './driver.ts'
import { createSendQueue } from './send-queue.ts'

const DAY_MS = 86_400_000
/** As the store keeps them. */
const KEPT_MS = 30 * DAY_MS
/** Of the reason and the place. */
const HEADER_BYTES = 16 * 1024
const MiB = 1024 * 1024

export interface DeadLetterTopic {
  /** Made, or looked at. @throws TransientError LOG_IO when no broker answers. */
  open(): Promise<void>
  keep(letters: readonly SetAside[]): Promise<void>
  close(): Promise<void>
}
export interface DeadLetterTopicConfig extends Pick<KafkaConfig, 'replication' | 'retentionMs'> {
  readonly of: string
  readonly logId: string
  /** Of the log. */ readonly maxMessageBytes: number
}
interface Log {
  warn(fields: object, message: string): void
}

const utf8 = new TextEncoder()

export const createDeadLetterTopic = (
  { of, logId, maxMessageBytes, replication, retentionMs }: DeadLetterTopicConfig,
  driver: Pick<KafkaDriver, 'openTopic' | 'send'>,
  logger: Log,
): DeadLetterTopic => {
  const name = `${of}.dead-letters`
  const queue = createSendQueue({ topic: name, maxPendingBytes: Infinity, maxSendBytes: Math.min(4 * MiB, maxMessageBytes) }, driver)
  let opening: Promise<number> | null = null
  const partitions = (): Promise<number> => {
    opening ??= driver
      .openTopic({
        name,
        partitions: 1,
        replication,
        retentionMs: Math.max(KEPT_MS, retentionMs),
        maxMessageBytes: maxMessageBytes + HEADER_BYTES,
      })
      .then((topic) => topic.partitions)
    opening.catch(() => {
      opening = null
    })
    return opening
  }
  const toMessage = ({ partition, message: { envelope, offset, body }, reason, detail }: SetAside, count: number): Outgoing => {
    const told = { reason, detail, log: logId, partition: String(partition), offset: String(offset) }
    const headers = Object.fromEntries(Object.entries(told).map(([key, value]) => [key, utf8.encode(value)]))
    return {
      partition: partition % count,
      key: envelope.tenant,
      value: body,
      headers: { ...headers, [ENVELOPE_HEADER]: encodeEnvelope(envelope) },
    }
  }
  const keepOne = async (letter: SetAside, count: number): Promise<void> => {
    try {
      await queue.send(toMessage(letter, count))
    } catch (error) {
      // A topic of others may take less. It is in the store, and must not stand in the way of what is behind it.
      if (!(error instanceof PermanentError)) throw error
      logger.warn(
        { topic: name, partition: letter.partition, offset: letter.message.offset, error: error.message },
        'a dead letter is not in its topic',
      )
    }
  }
  return {
    open: async () => {
      await partitions()
    },
    keep: async (letters) => {
      if (letters.length === 0) return
      const count = await partitions()
      await Promise.all(letters.map((letter) => keepOne(letter, count)))
    },
    close: () => queue.close(),
  }
}
