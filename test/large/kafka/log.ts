// Logs on the suite's broker, each on a topic of its own.
import { randomBytes } from 'node:crypto'
import type { EventLog } from '../../../streams/contracts/event-log.ts'
import type { KafkaConfig } from '../../../streams/kafka/config.ts'
import { openKafka } from '../../../streams/kafka/open-kafka.ts'

export const CLIENTS: readonly KafkaConfig['client'][] = ['platformatic', 'kafkajs']
export const logger = { warn: () => undefined }

export const configOf = (client: KafkaConfig['client'], more: Partial<KafkaConfig> = {}): KafkaConfig => ({
  brokers: [process.env.LAPWING_TEST_KAFKA!],
  client,
  clientId: 'lapwing-test',
  topic: `test-${randomBytes(6).toString('hex')}`,
  partitions: 2,
  replication: 1,
  retentionMs: 7 * 86_400_000,
  maxMessageBytes: 21 * 1024 * 1024,
  instanceId: null,
  tls: null,
  sasl: null,
  ...more,
})
export const openLog = (config: KafkaConfig & { readonly maxPendingBytes?: number }): Promise<EventLog> => openKafka(config, logger)

/** Where the suite's broker asks who is there, and who may come in. PEM texts. */
export interface SecureBroker {
  readonly sasl: string
  readonly mutual: string
  readonly cert: string
  readonly key: string
  readonly username: string
  readonly password: string
}
