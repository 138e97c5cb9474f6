// Configuration → the event log: on Kafka when it has brokers, else the embedded one. Chosen here and nowhere else.
import { join } from 'node:path'
import type { EventLog } from './contracts/event-log.ts'
import { openEmbeddedLog } from './embedded/embedded-log.ts'
import type { KafkaConfig } from './kafka/config.ts'

/** The slice of the process's configuration that the event log needs. */
export interface EventLogConfig {
  readonly dataDir: string
  readonly logPartitions: number
  readonly logSync: 'fsync' | 'os'
  readonly logMaxBytes: number
  readonly logMaxAgeMs: number
  readonly maxBodyBytes: number
  /** Null: embedded. */
  readonly kafka: KafkaConfig | null
}

/** Every group that reads the log; what one of them has not committed stays. */
export const GROUPS = ['analytics'] as const

interface Log {
  warn(fields: object, message: string): void
}

/** One instance per thread; all of them with the same configuration. */
export const openEventLog = async (config: EventLogConfig, logger: Log): Promise<EventLog> => {
  // Only who has brokers pays for loading a client.
  if (config.kafka !== null) return await (await import('./kafka/open-kafka.ts')).openKafka(config.kafka, logger)
  return await openEmbeddedLog({
    directory: join(config.dataDir, 'log'),
    partitions: config.logPartitions,
    sync: config.logSync,
    maxBytes: config.logMaxBytes,
    maxAgeMs: config.logMaxAgeMs,
    groups: GROUPS,
    maxMessageBytes: config.maxBodyBytes,
  })
}
