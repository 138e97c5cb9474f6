// Which partitions cannot go on at present, and why: what failed since their last commit. For status and metrics.
import { PermanentError, TransientError } from '../streams/contracts/errors.ts'

export interface Failing {
  readonly partition: number
  /** What is tried again: store, commit, effects, read, … */
  readonly what: string
  /** An error code; UNKNOWN when it is none of ours. */
  readonly code: string
  readonly attempts: number
  readonly sinceMs: number
}

export interface FailingParts {
  failed(partition: number, what: string, error: unknown): void
  committed(partition: number): void
  list(): readonly Failing[]
}

const codeOf = (error: unknown): string => (error instanceof PermanentError || error instanceof TransientError ? error.code : 'UNKNOWN')

export const createFailingParts = (clock: () => number): FailingParts => {
  let failing: readonly Failing[] = []
  return {
    failed: (partition, what, error) => {
      const before = failing.find((one) => one.partition === partition && one.what === what)
      const now: Failing = {
        partition,
        what,
        code: codeOf(error),
        attempts: (before?.attempts ?? 0) + 1,
        sinceMs: before?.sinceMs ?? clock(),
      }
      failing = [...failing.filter((one) => one !== before), now]
    },
    committed: (partition) => {
      failing = failing.filter((one) => one.partition !== partition)
    },
    list: () => failing,
  }
}
