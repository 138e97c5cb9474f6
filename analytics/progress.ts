// Progress of every partition: of ours as we make it, of those that other members of the group have as they recorded it beside
// their commits. A missed heartbeat is judged by all of them.
import type { EventLog } from '../streams/contracts/event-log.ts'
import { NO_PROGRESS, type Progress } from './marks.ts'
import { decodeNote } from './note.ts'

export interface GroupProgress {
  /** By partition; the owner of one sets its own. */
  readonly all: Progress[]
  /** Reads what others recorded, unless that was done within the last second. What is read before monitors are is never newer than they. */
  learn(): Promise<void>
}

const LEARN_EVERY_MS = 1000

export const createGroupProgress = (
  group: string,
  log: Pick<EventLog, 'partitions' | 'state'>,
  isOurs: (partition: number) => boolean,
): GroupProgress => {
  const all: Progress[] = Array.from({ length: log.partitions }, () => NO_PROGRESS)
  let learntAt = -Infinity
  return {
    all,
    learn: async () => {
      const others = [...all.keys()].filter((partition) => !isOurs(partition))
      if (others.length === 0 || performance.now() - learntAt < LEARN_EVERY_MS) return
      const states = await Promise.all(others.map((partition) => log.state(group, partition)))
      // One that became ours meanwhile knows better.
      for (const [at, partition] of others.entries()) if (!isOurs(partition)) all[partition] = decodeNote(states[at].note).progress
      learntAt = performance.now()
    },
  }
}
