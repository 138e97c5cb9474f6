// A Kafka topic of a peer's own, read to its end through our driver.
import { openPlatformaticDriver } from '../../streams/kafka/platformatic.ts'
import type { StoredAttempt } from '../measure/counts.ts'
import type { Scope } from '../measure/scope.ts'
import { createAttemptCounter } from './attempt-counter.ts'

const PARTITIONS = 8
const MAX_MESSAGE_BYTES = 21 * 1024 * 1024
const FETCH = { maxBytes: 8 * 1024 * 1024, waitMs: 500 }

export interface PeerTopic {
  readonly name: string
  attempts(run: string): Promise<StoredAttempt[]>
}

export const openTopic = async (brokers: string, scope: Scope): Promise<PeerTopic> => {
  const name = `peer-${process.hrtime.bigint()}`
  const driver = openPlatformaticDriver(
    {
      brokers: [brokers],
      client: 'platformatic',
      clientId: 'bench',
      topic: name,
      partitions: PARTITIONS,
      replication: 1,
      retentionMs: 86_400_000,
      maxMessageBytes: MAX_MESSAGE_BYTES,
      instanceId: null,
      tls: null,
      sasl: null,
    },
    { warn: (fields, message) => console.error(message, fields) },
  )
  scope.onClose(() => driver.close())
  await driver.openTopic({ name, partitions: PARTITIONS, replication: 1, retentionMs: 86_400_000, maxMessageBytes: MAX_MESSAGE_BYTES })
  return {
    name,
    attempts: async (run) => {
      const counter = createAttemptCounter()
      const bounds = await driver.bounds(name)
      let left = bounds.length
      let finish: () => void
      const finished = new Promise<void>((resolve) => {
        finish = resolve
      })
      const member = await driver.join(name, name, async ({ partition, fetch }) => {
        for (let from = bounds[partition].first; from < bounds[partition].end;) {
          for (const { offset, value } of await fetch({ from, ...FETCH })) {
            counter.add(Buffer.from(value.buffer, value.byteOffset, value.byteLength))
            from = offset + 1
          }
        }
        if (--left === 0) finish()
      })
      await finished
      await member.leave()
      return counter.attempts(run)
    },
  }
}
