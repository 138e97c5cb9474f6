// An event log in memory: what is appended and committed survives a consumer that is thrown away, as a crash would.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Envelope, Signal } from '../../../streams/contracts/envelope.ts'
import type { EventLog, GroupState, LogMessage } from '../../../streams/contracts/event-log.ts'

export const envelopeOf = (signal: Signal, receivedAtMs: number, more: Partial<Envelope> = {}): Envelope => ({
  signal, format: 'protobuf', compression: 'identity', tenant: 'default', tokenId: '', receivedAtMs, recordCount: signal === 'otlp_logs' ? 1 : 0,
  inflatedBytes: 0, expandedBytes: 0, rejected: [], subject: '', ...more,
})

export interface MemoryLog extends EventLog {
  put(partition: number, envelope: Envelope, body?: string | Uint8Array): number
  /** Every commit in order, intents included. */
  readonly commits: { partition: number; state: GroupState }[]
  /** Called before a commit is recorded; may throw. */
  beforeCommit: (partition: number, state: GroupState) => void
}

export const createMemoryLog = (partitions = 1): MemoryLog => {
  const messages: LogMessage[][] = Array.from({ length: partitions }, () => [])
  const states = new Map<string, GroupState>()
  const commits: MemoryLog['commits'] = []
  const stateOf = (group: string, partition: number): GroupState => states.get(`${group}/${partition}`) ?? { offset: 0, open: [], note: '' }
  const log: MemoryLog = {
    logId: 'f'.repeat(32),
    partitions,
    commits,
    beforeCommit: () => undefined,
    put: (partition, envelope, body = '') => {
      const offset = messages[partition].length
      messages[partition].push({ offset, envelope, body: typeof body === 'string' ? new TextEncoder().encode(body) : body })
      return offset
    },
    append: async (message) => ({ partition: message.partition, offset: log.put(message.partition, message.envelope, message.body) }),
    read: async ({ partition, from, maxMessages }) => messages[partition].slice(from, from + maxMessages),
    waitFor: async (partition, from, timeoutMs) => {
      const until = Date.now() + timeoutMs
      while (messages[partition].length <= from && Date.now() < until) await sleep(1)
    },
    state: async (group, partition) => stateOf(group, partition),
    commit: async (group, partition, state) => {
      log.beforeCommit(partition, state)
      states.set(`${group}/${partition}`, structuredClone(state))
      commits.push({ partition, state: structuredClone(state) })
    },
    lag: async (group) => messages.map((list, partition) => ({
      partition, end: list.length, committed: stateOf(group, partition).offset, oldestReceivedAtMs: list[stateOf(group, partition).offset]?.envelope.receivedAtMs ?? null, bytes: 0,
    })),
    trim: async () => 0,
    close: async () => undefined,
  }
  return log
}
