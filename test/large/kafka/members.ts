// Members of a group that a test drives: each holds what it is given until it is told to let go.
import { afterEach } from 'vitest'
import type { Assignment, Membership } from '../../../streams/contracts/consumer-group.ts'
import type { EventLog } from '../../../streams/contracts/event-log.ts'
import { openLog } from './log.ts'

/** For a file of tests: what each of them opened is closed behind it. */
export const openAndClose = (): typeof openLog => {
  const opened: EventLog[] = []
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((log) => log.close()))
  })
  return async (...args) => {
    const log = await openLog(...args)
    opened.push(log)
    return log
  }
}

export interface HeldMember {
  /** By partition, what this member has now. */
  readonly held: ReadonlyMap<number, Assignment>
  /** Every partition that it was ever given, in order. */
  readonly given: readonly number[]
  readonly membership: Membership
}

/** `finish` is what a member does with a partition that is lost before it lets go of it. */
export const joinAndHold = async (
  log: EventLog,
  finish: (assignment: Assignment) => Promise<void> = () => Promise.resolve(),
  group = 'analytics',
): Promise<HeldMember> => {
  const held = new Map<number, Assignment>()
  const given: number[] = []
  const membership = await log.join(group, async (assignment) => {
    held.set(assignment.partition, assignment)
    given.push(assignment.partition)
    await new Promise<void>((resolve) => {
      if (assignment.lost.aborted) resolve()
      else
        assignment.lost.addEventListener(
          'abort',
          () => {
            resolve()
          },
          { once: true },
        )
    })
    await finish(assignment)
    held.delete(assignment.partition)
  })
  return { held, given, membership }
}

/** @throws Error naming `what` when it is not so in time. */
export const until = async (isSo: () => boolean | Promise<boolean>, what: string, withinMs = 30_000): Promise<void> => {
  for (const deadline = performance.now() + withinMs; !(await isSo());) {
    if (performance.now() > deadline) throw new Error(`not in time: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

export const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'no error',
    (error: { code?: string }) => error.code ?? String(error),
  )
