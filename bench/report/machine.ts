// What the numbers were measured on: without it they say little.
import { execFileSync } from 'node:child_process'
import { cpus, release, totalmem } from 'node:os'
import type { Stage } from './result.ts'

export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryGiB: number
  readonly system: string
  readonly node: string
  readonly gomaxprocs: string
  readonly commit: string
  readonly at: string
}

const commit = (): string => {
  try {
    return execFileSync('git', ['describe', '--always', '--dirty'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  } catch {
    return 'unknown'
  }
}
export const readMachine = (): Machine => ({
  cpu: cpus()[0]?.model.trim() ?? 'unknown',
  cores: cpus().length,
  memoryGiB: Math.round(totalmem() / 1024 ** 3),
  system: `${process.platform} ${release()}`,
  node: process.version,
  // Given by whoever runs it; Go's own choice otherwise.
  gomaxprocs: process.env.GOMAXPROCS ?? 'not set',
  commit: commit(),
  at: new Date().toISOString(),
})
export const describeMachine = (machine: Machine): string =>
  `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ${machine.system}, Node ${machine.node}, GOMAXPROCS ${machine.gomaxprocs}, commit ${machine.commit}, ${machine.at.slice(0, 16).replace('T', ' ')} UTC; load generator on the same machine`

/** What some of the recorded stages were measured with. */
export interface RecordedRun {
  readonly stages: readonly Stage[]
  readonly rounds: number
  /** Of each turn, at most. */ readonly size: { readonly records: number; readonly seconds: number }
  readonly machine: Machine
}
export const describeRun = ({ stages, rounds, size, machine }: RecordedRun): string =>
  `${stages.join(', ')}: ${rounds} rounds, each turn of at most ${size.records.toLocaleString('en')} records and ${size.seconds} s, on ${describeMachine(machine)}`
