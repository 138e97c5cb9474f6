// Membership of a consumer group by Kafka's classic protocol (JoinGroup, SyncGroup, Heartbeat; KIP-62, KIP-345), made so that nothing
// overlaps: when the group rebalances, what is in hand of a partition is finished and committed under the old generation before this
// member joins the new one, for as long as the group waits; after that it is fenced here before the broker does it.
import { setTimeout as sleep } from 'node:timers/promises'
import { PermanentError } from '../contracts/errors.ts'
import type { Given } from './driver.ts'

/** What brokers say of a member: join again as the same one, as a new one, or not at all under this name. */
export type GroupVerdict = 'rejoin' | 'unknown member' | 'name taken'
export class GroupError extends Error {
  readonly verdict: GroupVerdict
  constructor(verdict: GroupVerdict, message: string) {
    super(message)
    this.name = 'GroupError'
    this.verdict = verdict
  }
}

export interface Joined {
  readonly memberId: string
  readonly generation: number
  /** Empty unless this member assigns for all. */ readonly members: readonly { readonly memberId: string; readonly name: string }[]
}
/** The requests to the group's coordinator. All throw GroupError, or anything else for what may pass. */
export interface GroupCalls {
  join(memberId: string): Promise<Joined>
  /** Partitions of every member, from the one who assigns; resolves to this member's. */
  sync(joined: Joined, plan: ReadonlyMap<string, readonly number[]>): Promise<readonly number[]>
  heartbeat(joined: Joined): Promise<void>
  leave(joined: Joined): Promise<void>
  /** Gives up its connections. */
  close(): Promise<void>
  commit(joined: Joined, partition: number, offset: number, metadata: string): Promise<void>
}
export interface GroupTimes {
  readonly heartbeatMs: number
  /** What is in hand may take as long at a rebalance; less than the group's rebalance time-out. */ readonly handOverMs: number
  readonly againMs: number
}
export interface GroupLog {
  warn(fields: object, message: string): void
}
export type GroupWork = (given: Omit<Given, 'fetch'>) => Promise<void>

/** Members in order of name take partitions in turn: the same members have the same partitions after a restart. */
export const planOf = (members: Joined['members'], partitions: number): Map<string, number[]> => {
  const ordered = members.toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.memberId < b.memberId ? -1 : 1))
  const plan = new Map(ordered.map(({ memberId }) => [memberId, [] as number[]]))
  for (let partition = 0; partition < partitions; partition++) plan.get(ordered[partition % ordered.length].memberId)!.push(partition)
  return plan
}

interface Generation {
  readonly joined: Joined
  readonly lost: AbortController
  isOver: boolean
  readonly working: Promise<unknown>
}

export const runMembership = (
  config: { readonly partitions: number; readonly times: GroupTimes },
  deps: { readonly calls: GroupCalls; readonly work: GroupWork; readonly logger: GroupLog },
) => {
  const { calls, logger } = deps
  const leaving = new AbortController()
  let memberId = ''
  let current: Generation | null = null

  const pause = (ms: number): Promise<void> => sleep(ms, undefined, { signal: leaving.signal }).catch(() => undefined)

  const begin = (joined: Joined, partitions: readonly number[]): Generation => {
    const generation = { joined, lost: new AbortController(), isOver: false }
    const give = (partition: number): Promise<void> =>
      deps.work({
        partition,
        lost: generation.lost.signal,
        commit: async (offset, metadata) => {
          if (!generation.isOver) {
            try {
              await calls.commit(joined, partition, offset, metadata)
              return
            } catch (error) {
              if (!(error instanceof GroupError)) throw error
              generation.isOver = true
              generation.lost.abort()
            }
          }
          throw new PermanentError('FENCED', `partition ${partition} was given under a generation that has passed`)
        },
      })
    return Object.assign(generation, { working: Promise.allSettled(partitions.map(give)) })
  }

  /** Finishes what is in hand, with heartbeats meanwhile; what is not done in time is fenced. */
  const end = async (generation: Generation): Promise<void> => {
    generation.lost.abort()
    let isDone = false
    const working = generation.working.then(() => {
      isDone = true
    })
    for (const deadline = Date.now() + config.times.handOverMs; !isDone && !generation.isOver && Date.now() < deadline;) {
      await Promise.race([working, sleep(config.times.heartbeatMs)])
      if (!isDone)
        await calls.heartbeat(generation.joined).catch((error: unknown) => {
          if (error instanceof GroupError && error.verdict !== 'rejoin') generation.isOver = true
        })
    }
    generation.isOver = true
  }

  const follow = (error: GroupError): void => {
    if (error.verdict === 'rejoin') return
    memberId = ''
    if (error.verdict === 'name taken') logger.warn({}, 'another process has joined the group under our LAPWING_INSTANCE_ID')
  }
  const joinOnce = async (): Promise<Generation> => {
    const joined = await calls.join(memberId)
    memberId = joined.memberId
    const partitions = await calls.sync(joined, joined.members.length === 0 ? new Map() : planOf(joined.members, config.partitions))
    return begin(joined, partitions)
  }
  /** Until the group wants to be joined again, or this member leaves. */
  const stay = async (generation: Generation): Promise<void> => {
    while (!leaving.signal.aborted && !generation.isOver) {
      await pause(config.times.heartbeatMs)
      if (leaving.signal.aborted) return
      try {
        await calls.heartbeat(generation.joined)
      } catch (error) {
        if (!(error instanceof GroupError)) continue
        follow(error)
        if (error.verdict !== 'rejoin') generation.isOver = true
        return
      }
    }
  }
  const run = async (): Promise<void> => {
    while (!leaving.signal.aborted) {
      try {
        current = await joinOnce()
      } catch (error) {
        if (error instanceof GroupError) follow(error)
        else logger.warn({ error: String(error) }, 'the group could not be joined')
        await pause(config.times.againMs)
        continue
      }
      await stay(current)
      const wasFenced = current.isOver
      await end(current)
      // Whatever threw this member out may do it again at once.
      if (wasFenced) await pause(config.times.againMs)
      if (leaving.signal.aborted) await calls.leave(current.joined).catch(() => undefined)
      current = null
    }
    await calls.close()
  }
  const running = run()
  return {
    leave: async (): Promise<void> => {
      leaving.abort()
      await running
    },
  }
}
