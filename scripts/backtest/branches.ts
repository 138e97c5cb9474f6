// Which earlier rows a row goes on from, where times are not in order. A time far in the future must not make all later rows late:
// a row far ahead of the rest goes on in a copy of what was learned, and where the next rows come before it the copy is left behind.
// Whatever is chosen rests on this row's time and on earlier rows alone. Five branches at most.
import { LEARNING, newSurpriseState, type SurpriseState } from '../../analytics/anomaly/surprise/surprise.ts'

interface Branch {
  readonly state: SurpriseState
  lastMs: number
  /** Steps of a usual length, and their sum. */
  steps: number
  stepsMs: number
  /** Rows since it began. */
  rows: number
}

/** So many usual steps ahead is far: no more rows than these are lost to a time that is wrong by less. */
const FAR_STEPS = 100
/** Far, where no step is known. */
const FAR_MS = 86_400_000

const newBranch = (): Branch => ({ state: newSurpriseState(), lastMs: -Infinity, steps: 0, stepsMs: 0, rows: 0 })
const farOf = ({ steps, stepsMs }: Branch): number => (steps === 0 ? FAR_MS : (FAR_STEPS * stepsMs) / steps)

const goOn = (branch: Branch, atMs: number): void => {
  const stepMs = atMs - branch.lastMs
  if (Number.isFinite(stepMs) && (branch.steps === 0 || stepMs <= farOf(branch))) {
    branch.steps++
    branch.stepsMs += stepMs
  }
  branch.lastMs = atMs
  branch.rows++
}

/** Of a row's time what the row is judged by, and changes; null where it is not after the rows before. */
export const createBranches = (): ((atMs: number) => SurpriseState | null) => {
  /** In order of their last times; the first one holds nothing until some rows in a row agree. */
  let branches = [newBranch()]
  return (atMs) => {
    const at = branches.findLastIndex(({ lastMs }) => lastMs < atMs)
    if (at < 0) return null
    const ahead = branches.slice(at + 1, at + 2)
    let branch = branches[at]
    const far = farOf(branch)
    if (atMs - branch.lastMs <= far) {
      // Those ahead are refuted.
      branches = branches.slice(0, at + 1)
    } else {
      if (ahead.some(({ lastMs }) => lastMs - atMs <= far)) return null
      // The first one is what most of the rows made.
      const behind = [branches[0], ...branches.slice(Math.max(1, at - 1), at + 1)]
      branch = { ...structuredClone(branch), rows: 0 }
      branches = [...behind, branch, ...ahead]
    }
    goOn(branch, atMs)
    if (branch.rows >= LEARNING) branches = branches.slice(branches.indexOf(branch))
    return branch.state
  }
}
