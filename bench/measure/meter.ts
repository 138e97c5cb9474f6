// Processor time and memory of the parts of a run, each apart.
import { cpuOfTree, ownMiB, readProcesses, treeOf } from './processes.ts'

/** A process with its children; `without` are children that are a part of their own. */
export interface Part {
  readonly pid: number
  readonly without?: readonly number[]
}
export interface Used {
  readonly cpuSeconds: number
  readonly peakMiB: number
  readonly startMiB: number
  /** Every look, in order. */ readonly samplesMiB: readonly number[]
}
export interface Meter {
  stop(): Record<string, Used>
}

const LOOK_EVERY_MS = 250

export const startMeter = (parts: Readonly<Record<string, Part>>): Meter => {
  const all = Object.entries(parts)
  const cpu = (): Map<string, number> => {
    const table = readProcesses()
    return new Map(all.map(([name, { pid, without }]) => [name, cpuOfTree(table, pid, without)]))
  }
  const samples = new Map(all.map(([name]) => [name, [] as number[]]))
  const look = (): void => {
    const table = readProcesses()
    for (const [name, { pid, without }] of all)
      samples.get(name)!.push(treeOf(table, pid, without).reduce((sum, one) => sum + ownMiB(one), 0))
  }
  const before = cpu()
  look()
  const timer = setInterval(look, LOOK_EVERY_MS)
  return {
    stop: () => {
      clearInterval(timer)
      look()
      const after = cpu()
      return Object.fromEntries(
        all.map(([name]) => {
          const samplesMiB = samples.get(name)!
          return [
            name,
            { cpuSeconds: after.get(name)! - before.get(name)!, peakMiB: Math.max(...samplesMiB), startMiB: samplesMiB[0], samplesMiB },
          ]
        }),
      )
    },
  }
}

const IDLE_LOOK_MS = 500
const IDLE_LOOKS = 4
const IDLE_CPU_SECONDS = 0.03

/** Resolves when a process has been at rest for two seconds: merges are over. False after `maxMs`. */
export const untilIdle = async (part: Part, maxMs: number): Promise<boolean> => {
  const deadline = Date.now() + maxMs
  let last = cpuOfTree(readProcesses(), part.pid, part.without)
  for (let quiet = 0; quiet < IDLE_LOOKS;) {
    if (Date.now() > deadline) return false
    await new Promise((resolve) => setTimeout(resolve, IDLE_LOOK_MS))
    const now = cpuOfTree(readProcesses(), part.pid, part.without)
    quiet = now - last <= IDLE_CPU_SECONDS ? quiet + 1 : 0
    last = now
  }
  return true
}
