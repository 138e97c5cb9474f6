import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import {
  cpuOfTree,
  parseOwnMiB,
  parsePs,
  parsePsTime,
  parseStat,
  readProcesses,
  treeOf,
  type ProcessTable,
} from '../../bench/measure/processes.ts'

describe('processor time and memory of processes', () => {
  it('is read behind a name that holds spaces and brackets, children that have ended included', () => {
    const stat = '4242 (node (x) y) S 17 4242 4242 0 -1 4194304 100 200 0 0 150 50 25 5 20 0 11 0 100 1000 200'
    expect(parseStat(stat)).toEqual({ parent: 17, cpuSeconds: 2.3 })
  })
  it('is read off ps in every form that it writes', () => {
    expect(['0:01.50', '12:34', '1:02:03', '2-03:00:00'].map(parsePsTime)).toEqual([1.5, 754, 3723, 183_600])
    expect(parsePs('    1     0   0:10.00\n  250     1   1:00.25\n').get(250)).toEqual({ parent: 1, cpuSeconds: 60.25 })
  })
  it('counts a process with all below it, but for a part that is counted apart', () => {
    const table: ProcessTable = new Map([
      [1, { parent: 0, cpuSeconds: 100 }],
      [10, { parent: 1, cpuSeconds: 1 }],
      [11, { parent: 10, cpuSeconds: 2 }],
      [12, { parent: 11, cpuSeconds: 4 }],
      [13, { parent: 10, cpuSeconds: 8 }],
    ])
    expect(treeOf(table, 10).toSorted()).toEqual([10, 11, 12, 13])
    expect(cpuOfTree(table, 10)).toBe(15)
    expect(cpuOfTree(table, 10, [11])).toBe(9)
  })
  it('what a process holds itself leaves out the pages of files', () => {
    expect(parseOwnMiB('VmHWM:\t  999999 kB\nRssAnon:\t   10240 kB\nRssFile:\t  500000 kB\n')).toBe(10)
  })
  it('a child that works shows in the table of this machine', async () => {
    const child = spawn(
      process.execPath,
      ['-e', 'for (const end = Date.now() + 300; Date.now() < end;); console.log("done"); setTimeout(() => {}, 10_000)'],
      { stdio: ['ignore', 'pipe', 'ignore'] },
    )
    try {
      await once(child.stdout, 'data')
      const table = readProcesses()
      expect(table.get(child.pid!)?.parent).toBe(process.pid)
      expect(cpuOfTree(table, child.pid!)).toBeGreaterThan(0.05)
    } finally {
      child.kill()
    }
  })
})
