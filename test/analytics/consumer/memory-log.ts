// An event log in memory: what is appended and committed survives a consumer that is thrown away, as a crash would. Its group does
// what a test says: the first member has every partition until one is moved, in order or by force.
import { setTimeout as sleep } from 'node:timers/promises'
import type { SetAside } from '../../../streams/contracts/dead-letters.ts'
import type { Envelope, Signal } from '../../../streams/contracts/envelope.ts'
import { PermanentError } from '../../../streams/contracts/errors.ts'
import type { Assignment, GroupState, LogMessage, ReadRequest } from '../../../streams/contracts/consumer-group.ts'
import type { EventLog } from '../../../streams/contracts/event-log.ts'

export const envelopeOf = (signal: Signal, receivedAtMs: number, more: Partial<Envelope> = {}): Envelope => ({
  signal,
  format: 'protobuf',
  compression: 'identity',
  tenant: 'default',
  tokenId: '',
  receivedAtMs,
  recordCount: signal === 'otlp_logs' ? 1 : 0,
  inflatedBytes: 0,
  expandedBytes: 0,
  rejected: [],
  subject: '',
  ...more,
})

type Work = (assignment: Assignment) => Promise<void>
interface Given {
  readonly member: number
  readonly lost: AbortController
  fenced: boolean
  readonly working: Promise<void>
}

export interface MemoryLog extends EventLog {
  read(request: ReadRequest & { readonly partition: number }): Promise<readonly LogMessage[]>
  waitFor(partition: number, from: number, timeoutMs: number): Promise<void>
  /** As any member. */
  commit(group: string, partition: number, state: GroupState): Promise<void>
  /** To the member that joined as the n-th. By force: the one before is fenced at once and learns of it by a commit, as after a long pause. */
  move(partition: number, member: number, how?: 'in order' | 'by force'): Promise<void>
  put(partition: number, envelope: Envelope, body?: string | Uint8Array): number
  /** Every commit in order, intents included. */
  readonly aside: SetAside[]
  readonly commits: { partition: number; state: GroupState }[]
  /** Called before a commit is recorded; may throw. */
  beforeCommit: (partition: number, state: GroupState) => void
}

export const createMemoryLog = (partitions = 1): MemoryLog => {
  const messages: LogMessage[][] = Array.from({ length: partitions }, () => [])
  const states = new Map<string, GroupState>()
  const commits: MemoryLog['commits'] = []
  const stateOf = (group: string, partition: number): GroupState => states.get(`${group}/${partition}`) ?? { offset: 0, open: [], note: '' }
  const members: (Work | null)[] = []
  const given: (Given | null)[] = Array.from({ length: partitions }, () => null)
  const give = (group: string, partition: number, member: number): void => {
    const lost = new AbortController()
    const one: { fenced: boolean } = { fenced: false }
    const assignment: Assignment = {
      partition,
      lost: lost.signal,
      read: (request) => log.read({ ...request, partition }),
      waitFor: (from, timeoutMs) => log.waitFor(partition, from, timeoutMs),
      state: () => log.state(group, partition),
      commit: async (state) => {
        if (one.fenced) {
          lost.abort()
          throw new PermanentError('FENCED', 'the group has moved on')
        }
        await log.commit(group, partition, state)
      },
    }
    given[partition] = Object.assign(one, { member, lost, working: members[member]!(assignment) })
  }
  const log: MemoryLog = {
    logId: 'f'.repeat(32),
    partitions,
    maxMessageBytes: Infinity,
    retentionMs: Infinity,
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
    join: async (group, work) => {
      const member = members.push(work) - 1
      for (const [partition, one] of given.entries()) if (one === null) give(group, partition, member)
      return {
        close: async () => {
          const own = given.filter((one) => one?.member === member)
          for (const one of own) one!.lost.abort()
          await Promise.all(own.map((one) => one!.working))
          members[member] = null
          for (const [partition, one] of given.entries()) {
            if (one?.member !== member) continue
            given[partition] = null
            const next = members.findIndex((other) => other !== null)
            if (next >= 0) give(group, partition, next)
          }
        },
      }
    },
    move: async (partition, member, how = 'in order') => {
      const before = given[partition]
      if (how === 'by force') before!.fenced = true
      else {
        before?.lost.abort()
        await before?.working
      }
      give('analytics', partition, member)
    },
    aside: [],
    setAside: async (letters) => {
      log.aside.push(...letters)
    },
    state: async (group, partition) => stateOf(group, partition),
    commit: async (group, partition, state) => {
      log.beforeCommit(partition, state)
      states.set(`${group}/${partition}`, structuredClone(state))
      commits.push({ partition, state: structuredClone(state) })
    },
    lag: async (group) =>
      messages.map((list, partition) => ({
        partition,
        end: list.length,
        committed: stateOf(group, partition).offset,
        oldestReceivedAtMs: list[stateOf(group, partition).offset]?.envelope.receivedAtMs ?? null,
        bytes: 0,
      })),
    trim: async () => 0,
    close: async () => undefined,
  }
  return log
}
