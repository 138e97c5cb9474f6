// An event log with the one member of a group that a test reads and commits as. It joins when that is first asked of it, and
// leaves when the log closes.
import type { Assignment, GroupState, LogMessage, Membership, ReadRequest } from '../../streams/contracts/consumer-group.ts'
import type { EventLog } from '../../streams/contracts/event-log.ts'

export interface MemberLog extends EventLog {
  read(request: ReadRequest & { readonly partition: number }): Promise<readonly LogMessage[]>
  waitFor(partition: number, from: number, timeoutMs: number): Promise<void>
  commit(group: string, partition: number, state: GroupState): Promise<void>
  /** So that another can join. */
  leave(): Promise<void>
}

export const withMember = (log: EventLog): MemberLog => {
  interface Joined {
    readonly given: readonly PromiseWithResolvers<Assignment>[]
    readonly membership: Promise<Membership>
  }
  const groups = new Map<string, Joined>()
  const until = (lost: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      lost.addEventListener(
        'abort',
        () => {
          resolve()
        },
        { once: true },
      )
    })
  const join = (group: string): Joined => {
    const given = Array.from({ length: log.partitions }, () => Promise.withResolvers<Assignment>())
    const membership = log.join(group, (assignment) => {
      given[assignment.partition].resolve(assignment)
      return until(assignment.lost)
    })
    return { given, membership }
  }
  const of = async (partition: number, group = 'analytics'): Promise<Assignment> => {
    const joined = groups.get(group) ?? join(group)
    groups.set(group, joined)
    await joined.membership
    if (joined.given[partition] === undefined) throw new RangeError(`no partition ${partition}`)
    return await joined.given[partition].promise
  }
  const leave = async (): Promise<void> => {
    const joined = [...groups.values()]
    groups.clear()
    for (const { membership } of joined) await (await membership.catch(() => null))?.close()
  }
  return {
    ...log,
    leave,
    read: async ({ partition, ...request }) => (await of(partition)).read(request),
    waitFor: async (partition, from, timeoutMs) => (await of(partition)).waitFor(from, timeoutMs),
    commit: async (group, partition, state) => (await of(partition, group)).commit(state),
    close: async () => {
      // What waits ends with the log, so that is not waited for.
      const closed = log.close()
      await leave()
      await closed
    },
  }
}
