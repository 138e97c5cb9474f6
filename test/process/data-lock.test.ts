import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { lockDataDirectory } from '../../process/data-lock.ts'

const modulePath = new URL('../../process/data-lock.ts', import.meta.url).href
let directory: string
const children: ChildProcess[] = []
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'lapwing-lock-'))
})
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  rmSync(directory, { recursive: true, force: true })
})

/** A process that tries for the lock, prints what came of it and stays alive. */
const contender = async (): Promise<{ child: ChildProcess; outcome: string }> => {
  const script = `import(${JSON.stringify(modulePath)}).then(({ lockDataDirectory }) => {
    try { lockDataDirectory(process.argv[1]); console.log('held') } catch (error) { console.log(error.code) }
    setInterval(() => {}, 1000)
  })`
  const child = spawn(process.execPath, ['-e', script, directory], { stdio: ['ignore', 'pipe', 'inherit'] })
  children.push(child)
  const [data] = (await once(child.stdout!, 'data')) as [Buffer]
  return { child, outcome: data.toString().trim() }
}

describe('the data directory', () => {
  it('is made with everything above it', () => {
    const deep = join(directory, 'a', 'b')
    lockDataDirectory(deep).release()
    expect(statSync(deep).isDirectory()).toBe(true)
  })

  it('that cannot be one is refused by the name of its setting, at once', () => {
    writeFileSync(join(directory, 'file'), '')
    for (const path of [join(directory, 'file'), join(directory, 'file', 'below'), '/proc/no-such-place/data']) {
      expect(() => lockDataDirectory(path)).toThrow(
        expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining(`LAPWING_DATA_DIR: ${path}`) }),
      )
    }
  })
})

describe('the data directory lock', () => {
  it('is refused while its owner lives, and names the owner', () => {
    const lock = lockDataDirectory(directory)
    expect(() => lockDataDirectory(directory)).toThrow(new RegExp(`process ${process.pid}`))
    lock.release()
    lockDataDirectory(directory).release()
  })

  it('is taken over after its owner was killed', async () => {
    const { child, outcome } = await contender()
    expect(outcome).toBe('held')
    expect(() => lockDataDirectory(directory)).toThrow(/in use/)
    child.kill('SIGKILL')
    await once(child, 'exit')
    lockDataDirectory(directory).release()
  })

  it('does not take a reused pid for the owner', () => {
    writeFileSync(join(directory, 'lapwing.lock'), JSON.stringify({ pid: process.pid, started: 'another boot:1', nonce: 'x' }))
    lockDataDirectory(directory).release()
  })

  it('has one winner when several take over a dead owner at once', async () => {
    writeFileSync(join(directory, 'lapwing.lock'), JSON.stringify({ pid: 2 ** 22 - 3, started: 'gone', nonce: 'x' }))
    const outcomes = (await Promise.all(Array.from({ length: 4 }, contender))).map((one) => one.outcome)
    expect(outcomes.filter((outcome) => outcome === 'held')).toHaveLength(1)
  })
})
