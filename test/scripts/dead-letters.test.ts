// `npm run dead-letters` beside a server: the real script over a real control socket, with dead letters of the test's own making.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { DeadLetterReplay } from '../../api/services/dead-letter-replay.ts'
import type { DeadLetter, DeadLetters } from '../../api/services/dead-letters.ts'
import { createCommandHandler } from '../../process/control-plane-commands.ts'
import { openControlSocket } from '../../process/control-socket.ts'

const script = fileURLToPath(new URL('../../scripts/dead-letters.ts', import.meta.url))
const letter = (id: string): DeadLetter => ({
  id,
  receivedAt: '2030-01-01T00:00:00.000Z',
  signal: 'otlp_logs',
  reason: 'malformed',
  meaning: 'm',
  detail: 'why',
  format: 'json',
  compression: 'identity',
  records: 1,
  bodyBytes: 300_000,
})
const body = Buffer.from(Array.from({ length: 200_000 }, (_, at) => at % 256))
const position = { receivedAtMs: '1', logId: 'l', partition: 0, offset: '1' }

let asked: unknown[]
const replay: DeadLetterReplay = {
  replay: async ({ id, ...request }) => {
    asked.push([id, request])
    if (id === 'one') return { outcome: 'already_replayed', at: '2030-01-02T00:00:00.000Z', position: '1:7' }
    return request.dryRun ? { outcome: 'would_be_replayed' } : { outcome: 'replayed', position: '0:8' }
  },
  replayedAt: async () => new Map([['two', '2030-01-02T00:00:00.000Z']]),
}
let directory: string
let socket: { close(): Promise<void> }
const deadLetters: DeadLetters = {
  list: async (...args) => {
    asked.push(args)
    return args[2] === null
      ? { deadLetters: [letter('one'), letter('two')], next: position }
      : { deadLetters: [letter('three')], next: null }
  },
  get: async (...args) => {
    asked.push(args)
    return args[1] === 'one' ? { ...letter('one'), bodyBase64: body.toString('base64'), bodyTruncated: true } : null
  },
}
beforeEach(async () => {
  asked = []
  directory = mkdtempSync(join(tmpdir(), 'lapwing-dead-'))
  const store = { query: () => Promise.reject(new Error('not asked')) } as never
  socket = await openControlSocket(
    directory,
    createCommandHandler({
      store,
      onCredentialsChanged: async () => undefined,
      readerPassword: () => null,
      deadLetters,
      deadLetterReplay: replay,
    }),
  )
})
afterEach(async () => {
  await socket.close()
  rmSync(directory, { recursive: true, force: true })
})

const run = (...args: string[]): Promise<{ code: number | null; out: Buffer; err: string }> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [script, ...args], { env: { PATH: process.env.PATH, LAPWING_DATA_DIR: directory } })
    const [out, err]: Buffer[][] = [[], []]
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk))
    child.on('error', reject).on('close', (code) => resolve({ code, out: Buffer.concat(out), err: Buffer.concat(err).toString() }))
  })

test('list prints every page, by what was asked for', async () => {
  const { code, out } = await run('list', '--reason', 'malformed', '--since', '2029-12-31T00:00:00Z', '--tenant', 'acme')
  expect(code).toBe(0)
  const lines = out
    .toString()
    .trimEnd()
    .split('\n')
    .map((line) => line.split('\t'))
  expect(lines.map(([id]) => id)).toEqual(['one', 'two', 'three'])
  expect(lines.map((columns) => columns[6])).toEqual([undefined, 'replayed 2030-01-02T00:00:00.000Z', undefined])
  expect(asked).toEqual(
    [null, position].map((after) => [
      { tenant: 'acme', reason: 'malformed', fromMs: Date.UTC(2029, 11, 31), toMs: expect.any(Number) },
      500,
      after,
    ]),
  )
})

test('show writes the bytes of the body to standard output and the rest to standard error', async () => {
  const { code, out, err } = await run('show', 'one')
  expect(code).toBe(0)
  expect(Buffer.compare(out, body)).toBe(0)
  expect(err).toContain('reason: malformed')
  expect(err).toContain('only the first 200000 bytes')
  expect(asked).toEqual([['default', 'one']])
})

test('replay says of each what became of it, and fails when one that was named is not replayed', async () => {
  const named = await run('replay', 'one', 'other', '--tenant', 'acme')
  expect(named).toMatchObject({ code: 1, err: expect.stringContaining('1 of 2 not replayed') })
  expect(named.out.toString()).toBe('one\treplayed 2030-01-02T00:00:00.000Z to 1:7: --again does it again\nother\treplayed to 0:8\n')
  expect(asked).toEqual(['one', 'other'].map((id) => [id, { tenant: 'acme', again: false, dryRun: false }]))
})

test('replay takes all of a reason, page by page, or all', async () => {
  const ofReason = await run('replay', '--reason', 'malformed', '--dry-run')
  expect(ofReason.code).toBe(0)
  expect(ofReason.out.toString().trimEnd().split('\n').slice(1)).toEqual(['two\twould be replayed', 'three\twould be replayed'])
  expect(asked.map((one) => (one as unknown[])[0])).toEqual([
    expect.objectContaining({ reason: 'malformed' }),
    'one',
    'two',
    expect.objectContaining({ reason: 'malformed' }),
    'three',
  ])
  asked = []
  expect((await run('replay', '--all', '--again')).code).toBe(0)
  expect(asked.slice(0, 2)).toEqual([
    [expect.objectContaining({ reason: '' }), 500, null],
    ['one', { tenant: 'default', again: true, dryRun: false }],
  ])
})

test('an unknown id, a wrong option and a server that does not run are said in words', async () => {
  expect(await run('show', 'nothing')).toMatchObject({ code: 1, err: expect.stringContaining('no dead letter nothing') })
  expect(await run('list', '--reason', 'bored')).toMatchObject({ code: 2, err: expect.stringContaining('usage') })
  for (const args of [['replay'], ['replay', 'one', '--all'], ['replay', '--all', '--reason', 'malformed'], ['show']])
    expect(await run(...args)).toMatchObject({ code: 2, err: expect.stringContaining('usage') })
  await socket.close()
  expect(await run('list')).toMatchObject({ code: 1, err: expect.stringContaining('no server runs') })
})
