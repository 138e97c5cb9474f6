// A message that was set aside → the log again, as it was: its tenant, its receive time, its rejected records. What must meet its like in
// order goes where that goes.
import type { KeptMessage } from '../api/services/dead-letter-replay.ts'
import type { EventLog } from '../streams/contracts/event-log.ts'
import { decodeEnvelope } from '../streams/envelope.ts'
import { partitionOf, subjectKey } from '../streams/partition.ts'

/** Also into a log with fewer partitions than that which it came from. */
export const createPutBack =
  (log: Pick<EventLog, 'append' | 'partitions'>) =>
  async ({ partition, envelope: bytes, body }: KeptMessage): Promise<string> => {
    const envelope = decodeEnvelope(bytes)
    const { signal, tenant, subject } = envelope
    const isLogs = signal === 'otlp_logs' || signal === 'json_logs'
    const to = isLogs
      ? partition % log.partitions
      : partitionOf(signal === 'heartbeat' ? subjectKey(tenant, subject) : tenant, log.partitions)
    const stored = await log.append({ partition: to, envelope, body })
    return `${stored.partition}:${stored.offset}`
  }
