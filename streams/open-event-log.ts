// Configuration → the event log. The embedded one is the only one so far; a second implementation is chosen here and nowhere else.
import { join } from 'node:path'
import type { EventLog } from './contracts/event-log.ts'
import { openEmbeddedLog } from './embedded/embedded-log.ts'

/** The slice of the process's configuration that the event log needs. */
export interface EventLogConfig {
  readonly dataDir: string
  readonly logPartitions: number
  readonly logSync: 'fsync' | 'os'
  readonly logMaxBytes: number
  readonly logMaxAgeMs: number
  readonly maxBodyBytes: number
}

/** Every group that reads the log; what one of them has not committed stays. */
export const GROUPS = ['analytics'] as const

/** One instance per thread; all of them with the same configuration. */
export const openEventLog = (config: EventLogConfig): Promise<EventLog> => openEmbeddedLog({
  directory: join(config.dataDir, 'log'),
  partitions: config.logPartitions,
  sync: config.logSync,
  maxBytes: config.logMaxBytes,
  maxAgeMs: config.logMaxAgeMs,
  groups: GROUPS,
  maxMessageBytes: config.maxBodyBytes,
})
