// One process, several threads, one instance each: a thread appends, the main one reads, commits and trims.
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { Worker } from 'node:worker_threads'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openEmbeddedLog } from '../../../streams/embedded/embedded-log.ts'
import { withMember } from '../../support/log-member.ts'
import type { EmbeddedLogConfig } from '../../../streams/embedded/embedded-log.ts'

let config: EmbeddedLogConfig

beforeEach(async () => {
  const directory = await mkdtemp(join(tmpdir(), 'lapwing-threads-'))
  config = { directory, partitions: 2, sync: 'fsync', maxBytes: 2 * 1024 * 1024, maxAgeMs: 3_600_000, groups: ['analytics'] }
})
afterEach(() => rm(config.directory, { recursive: true, force: true }))

interface Told {
  logId?: string
  offset?: number
  ackedAtMs?: number
  done?: boolean
}

const startAppender = (count: number, pauseMs: number): { told: Told[]; finished: Promise<void> } => {
  const told: Told[] = []
  const worker = new Worker(join(import.meta.dirname, 'append-thread.ts'), { workerData: { config, count, pauseMs } })
  worker.on('message', (message: Told) => told.push(message))
  const finished = new Promise<void>((resolve, reject) => {
    worker.on('error', reject)
    worker.on('exit', () => resolve())
  })
  return { told, finished }
}

test('the main thread reads what a thread appends, soon after its ack, while it commits and the log keeps its bound', async () => {
  const count = 150
  const log = withMember(await openEmbeddedLog(config))
  const { told, finished } = startAppender(count, 4)
  const seenAtMs: number[] = []
  while (seenAtMs.length < count) {
    await log.waitFor(0, seenAtMs.length, 10_000)
    const messages = await log.read({ partition: 0, from: seenAtMs.length, maxBytes: 2 ** 30, maxMessages: 1000 })
    expect(messages.length).toBeGreaterThan(0)
    for (const { offset, envelope, body } of messages) {
      expect([offset, envelope.subject]).toEqual([seenAtMs.length, String(seenAtMs.length)])
      expect(Buffer.compare(body, Buffer.alloc(40_000, offset % 251))).toBe(0)
      seenAtMs.push(Date.now())
    }
    await log.commit('analytics', 0, { offset: seenAtMs.length, open: [], note: '' })
  }
  await finished
  expect(told[0].logId).toBe(log.logId)
  expect(told.at(-1)).toEqual({ done: true })
  const delays = told
    .filter(({ ackedAtMs }) => ackedAtMs !== undefined)
    .map(({ offset, ackedAtMs }) => seenAtMs[offset!] - ackedAtMs!)
    .toSorted((a, b) => a - b)
  expect(delays).toHaveLength(count)
  expect(delays[count >> 1]).toBeLessThanOrEqual(20)
  await log.close()
})

test('a thread that closes its instance leaves the other one working', async () => {
  const log = withMember(await openEmbeddedLog(config))
  await startAppender(3, 0).finished
  expect(await log.read({ partition: 0, from: 0, maxBytes: 2 ** 30, maxMessages: 10 })).toHaveLength(3)
  await log.commit('analytics', 0, { offset: 3, open: [], note: '' })
  await startAppender(2, 0).finished
  expect((await log.lag('analytics'))[0]).toMatchObject({ end: 5, committed: 3 })
  await log.close()
})

test('a thread that is terminated in the middle of appends leaves the log whole', async () => {
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, 'terminating-process.ts'), JSON.stringify(config)],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  )
  const acknowledged = Number(await text(child.stdout))
  const log = withMember(await openEmbeddedLog(config))
  const messages = await log.read({ partition: 0, from: 0, maxBytes: 2 ** 30, maxMessages: 1000 })
  expect(messages.map(({ offset }) => offset)).toEqual(messages.map((_, n) => n))
  expect(acknowledged).toBeGreaterThanOrEqual(4)
  expect(messages.length).toBeGreaterThan(acknowledged)
  const { offset } = await log.append({ partition: 0, envelope: messages[0].envelope, body: messages[0].body })
  expect(offset).toBeGreaterThanOrEqual(messages.length)
  await log.close()
})
