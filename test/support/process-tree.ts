// A process and all that it started, whatever groups and sessions they have made for themselves (PostgreSQL's do).
import { execFileSync } from 'node:child_process'

const withChildren = (root: number): number[] => {
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
  const tree = [root]
  // The list grows while it is walked.
  for (const parent of tree) for (const [pid, ppid] of lines) if (ppid === parent) tree.push(pid)
  return tree
}

/** The parent first: it must not start anew what it sees end. A process that has ended meanwhile is passed over. */
export const signalTree = (root: number, signal: NodeJS.Signals): void => {
  for (const pid of withChildren(root)) {
    try {
      process.kill(pid, signal)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }
}
