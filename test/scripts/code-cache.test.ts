// The cache of code beside the packages: used again, never stale, never in the way. Each run is a process of its own, on a copy of the script.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, it } from 'vitest'

let root = ''
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'lapwing-code-cache-'))
  mkdirSync(join(root, 'scripts'))
  mkdirSync(join(root, 'node_modules'))
  writeFileSync(join(root, 'package.json'), '{"type":"module"}')
  cpSync(fileURLToPath(new URL('../../scripts/code-cache.mjs', import.meta.url)), join(root, 'scripts', 'code-cache.mjs'))
  write('greeting.ts', "export const greeting: string = 'hello'\n")
  write('main.ts', "import { greeting } from './greeting.ts'\nconsole.log(greeting as string)\n")
})
afterEach(() => {
  chmodSync(join(root, 'node_modules'), 0o755)
  rmSync(root, { recursive: true, force: true })
})
const write = (name: string, text: string): void => writeFileSync(join(root, name), text)
const run = (): string =>
  execFileSync(process.execPath, ['--disable-warning=ExperimentalWarning', '--import', './scripts/code-cache.mjs', 'main.ts'], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH },
  }).trim()
const sha = (text: string): string => createHash('sha1').update(text).digest('hex')
/** What is used is the cache: a change there that keeps its mark is seen. */
const forge = (from: string, to: string): void => {
  for (const file of kept()) {
    const text = readFileSync(file, 'utf8')
    const body = text.slice(text.indexOf('\n') + 1).replace(from, to)
    writeFileSync(file, `${text.split(' ')[0]} ${sha(body)}\n${body}`)
  }
}
const kept = (): string[] => {
  const folder = join(root, 'node_modules', '.cache', 'lapwing', 'without-types')
  return readdirSync(folder).map((name) => join(folder, name))
}

it('is made by one run and used by the next', () => {
  expect(run()).toBe('hello')
  expect(kept()).toHaveLength(2)
  forge("'hello'", "'kept'")
  expect(run()).toBe('kept')
})

it('knows a file that has changed, and does not grow by it', () => {
  expect(run()).toBe('hello')
  write('greeting.ts', "export const greeting: string = 'good day'\n")
  expect(run()).toBe('good day')
  expect(kept()).toHaveLength(2)
})

it('is made anew where it is damaged', () => {
  expect(run()).toBe('hello')
  for (const part of [0.1, 0.8, 1]) {
    for (const file of kept()) {
      const text = readFileSync(file, 'utf8')
      writeFileSync(file, part === 1 ? `${text}console.log('more')\n` : text.slice(0, text.length * part))
    }
    expect(run()).toBe('hello')
  }
  for (const file of kept()) expect(readFileSync(file, 'utf8')).not.toContain('more')
})

it('is done without where it cannot be written', () => {
  rmSync(join(root, 'node_modules'), { recursive: true })
  writeFileSync(join(root, 'node_modules'), 'a file, in which no folder can be made')
  expect(run()).toBe('hello')
})

it('keeps lines and columns where they are', () => {
  write('main.ts', "interface A {\n  readonly b: number\n}\nconst a: A = { b: 1 }\nif (a.b === 1) throw new Error('here')\n")
  for (const round of [1, 2])
    expect(() => run(), `run ${round}`).toThrow(
      expect.objectContaining({ stderr: expect.stringContaining('main.ts:5:22') as string }) as Error,
    )
})

it('threads use it too', () => {
  write(
    'main.ts',
    "import { isMainThread, Worker } from 'node:worker_threads'\nimport { greeting } from './greeting.ts'\nif (isMainThread) new Worker(new URL(import.meta.url))\nelse console.log(greeting satisfies string)\n",
  )
  expect(run()).toBe('hello')
  forge("'hello'", "'kept'")
  expect(run()).toBe('kept')
})
