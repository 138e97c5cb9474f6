// What processes have spent and hold. Linux tells in /proc; elsewhere `ps` does, less exactly.
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

export interface ProcessFigures {
  readonly parent: number
  /** Its own and that of its children that have ended. */
  readonly cpuSeconds: number
}
export type ProcessTable = ReadonlyMap<number, ProcessFigures>

const TICKS_PER_SECOND = 100
const KIB_PER_MIB = 1024

/** Of /proc/<pid>/stat; the name in it may hold anything. */
export const parseStat = (stat: string): ProcessFigures => {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0)
  return { parent: Number(fields[1]), cpuSeconds: ticks / TICKS_PER_SECOND }
}

/** [[days-]hours:]minutes:seconds */
export const parsePsTime = (time: string): number => {
  const [rest, days = '0'] = time.split('-').toReversed()
  return Number(days) * 86_400 + rest.split(':').reduce((sum, part) => sum * 60 + Number(part), 0)
}
/** Of `ps -A -o pid=,ppid=,time=`. */
export const parsePs = (text: string): ProcessTable =>
  new Map(
    text
      .trim()
      .split('\n')
      .map((line) => {
        const [pid, parent, time] = line.trim().split(/\s+/)
        return [Number(pid), { parent: Number(parent), cpuSeconds: parsePsTime(time) }]
      }),
  )

export const readProcesses = (): ProcessTable => {
  if (process.platform !== 'linux') return parsePs(execFileSync('ps', ['-A', '-o', 'pid=,ppid=,time='], { encoding: 'utf8' }))
  const table = new Map<number, ProcessFigures>()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    // It may have ended since it was listed.
    try {
      table.set(Number(name), parseStat(readFileSync(`/proc/${name}/stat`, 'utf8')))
    } catch {
      continue
    }
  }
  return table
}

/** A process and all below it, but for these and what is below them. */
export const treeOf = (table: ProcessTable, root: number, without: readonly number[] = []): number[] => {
  const tree = [root]
  // The list grows while it is walked.
  for (const parent of tree) for (const [pid, figures] of table) if (figures.parent === parent && !without.includes(pid)) tree.push(pid)
  return tree
}
export const cpuOfTree = (table: ProcessTable, root: number, without: readonly number[] = []): number =>
  treeOf(table, root, without).reduce((sum, pid) => sum + (table.get(pid)?.cpuSeconds ?? 0), 0)

/** Of /proc/<pid>/status: what a process holds itself, without pages of files, which the kernel takes back when it wants. */
export const parseOwnMiB = (status: string): number => Number(/RssAnon:\s+(\d+)/.exec(status)?.[1] ?? 0) / KIB_PER_MIB
export const ownMiB = (pid: number): number => {
  try {
    return process.platform === 'linux'
      ? parseOwnMiB(readFileSync(`/proc/${pid}/status`, 'utf8'))
      : Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' })) / KIB_PER_MIB
  } catch {
    return 0
  }
}
