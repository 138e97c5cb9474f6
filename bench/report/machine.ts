// What the numbers were measured on: without it they say little.
import { execFileSync } from 'node:child_process'
import { cpus, release, totalmem } from 'node:os'

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
