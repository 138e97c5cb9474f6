// The embedded log's own promises: byte bound, retention, limits, and how it opens.
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { NewMessage } from '../../../streams/contracts/event-log.ts'
import { openEmbeddedLog } from '../../../streams/embedded/embedded-log.ts'
import type { EmbeddedLogConfig } from '../../../streams/embedded/embedded-log.ts'
import { createEnvelope } from '../../support/envelopes.ts'
import { withMember, type MemberLog } from '../../support/log-member.ts'

const MiB = 1024 * 1024
let directory: string
let logs: MemberLog[]

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lapwing-embedded-'))
  logs = []
})
afterEach(async () => {
  for (const log of logs) await log.close()
  await rm(directory, { recursive: true, force: true })
})

const open = async (changes: Partial<EmbeddedLogConfig> = {}): Promise<MemberLog> => {
  const log = withMember(
    await openEmbeddedLog({
      directory,
      partitions: 2,
      sync: 'os',
      maxBytes: 4 * MiB,
      maxAgeMs: 3_600_000,
      groups: ['analytics'],
      ...changes,
    }),
  )
  logs.push(log)
  return log
}
const message = (bytes: number, partition = 0, receivedAtMs = Date.now()): NewMessage => ({
  partition,
  envelope: createEnvelope({ receivedAtMs }),
  body: Buffer.alloc(bytes, 1),
})
const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'no error',
    (error: { name: string; code: string }) => [error.name, error.code],
  )
const commit = (log: MemberLog, offset: number, partition = 0, group = 'analytics'): Promise<void> =>
  log.commit(group, partition, { offset, open: [], note: '' })
const readAll = (log: MemberLog, partition = 0): ReturnType<MemberLog['read']> =>
  log.read({ partition, from: 0, maxBytes: 2 ** 40, maxMessages: 2 ** 30 })

/** Appends in groups of 8 until one is refused; how many were accepted. */
const fill = async (log: MemberLog): Promise<number> => {
  for (let accepted = 0; ;) {
    const results = await Promise.allSettled(Array.from({ length: 8 }, () => log.append(message(60_000))))
    accepted += results.filter(({ status }) => status === 'fulfilled').length
    const refused = results.find((result) => result.status === 'rejected')
    if (refused === undefined) continue
    expect(refused.reason).toMatchObject({ name: 'TransientError', code: 'LOG_FULL' })
    return accepted
  }
}

describe('byte bound', () => {
  test('unconsumed data at the bound refuses appends and loses nothing; consuming makes room by itself', async () => {
    const log = await open()
    const accepted = await fill(log)
    expect(accepted).toBeGreaterThan((4 * MiB) / 64_000 - 10)
    expect(accepted).toBeLessThanOrEqual((4 * MiB) / 60_000)
    expect(await readAll(log)).toHaveLength(accepted)
    await log.trim(Date.now() + 1e9)
    expect(await readAll(log)).toHaveLength(accepted)
    await commit(log, 10)
    expect((await log.append(message(60_000))).offset).toBe(accepted)
    const left = await readAll(log)
    expect(left[0].offset).toBeGreaterThan(0)
    expect(left[0].offset).toBeLessThanOrEqual(10)
    expect(left.at(-1)!.offset).toBe(accepted)
  })

  test('the slowest group holds the data', async () => {
    const log = await open({ groups: ['analytics', 'archive'] })
    const accepted = await fill(log)
    await commit(log, accepted)
    expect(await codeOf(log.append(message(60_000)))).toEqual(['TransientError', 'LOG_FULL'])
    await commit(log, accepted, 0, 'archive')
    expect(await codeOf(log.append(message(60_000)))).toBe('no error')
  })

  test('the bound counts all partitions, and the oldest consumed message goes first', async () => {
    const log = await open()
    for (let n = 0; n < 30; n++) await log.append(message(60_000, n < 10 ? 1 : 0, Date.now() + n))
    await commit(log, 20, 0)
    await commit(log, 10, 1)
    for (let n = 0; n < 40; n++) await log.append(message(60_000, 0, Date.now() + 100))
    expect((await readAll(log, 1)).length).toBeLessThan(10)
    expect((await readAll(log, 0))[0].offset).toBe(0)
  })

  test('a log without groups never drops anything', async () => {
    const log = await open({ groups: [] })
    const accepted = await fill(log)
    await log.trim(Date.now() + 1e9)
    await log.close()
    expect(await readAll(await open())).toHaveLength(accepted)
  })

  test('the file stays near the bound however much flows through', async () => {
    const log = await open({ maxBytes: 8 * MiB })
    let flowed = 0
    for (let round = 0; flowed < 120 * MiB; round++) {
      const sizes = Array.from({ length: 16 }, (_, n) => 500 + ((round * 7919 + n * 104_729) % 97) * 1300)
      await Promise.all(sizes.map((size) => log.append(message(size))))
      flowed += sizes.reduce((sum, size) => sum + size, 0)
      await commit(log, (round + 1) * 16)
    }
    expect((await stat(join(directory, 'data.mdb'))).size).toBeLessThan(2.5 * 8 * MiB)
  })

  test('on a nearly full disk the file does not grow: appends are LOG_FULL until consumed messages make room inside it', async () => {
    const roomy = await open()
    const accepted = await fill(roomy)
    await roomy.close()
    const before = (await stat(join(directory, 'data.mdb'))).size
    const log = await open({ maxBytes: 100 * MiB, minFreeBytes: 2 ** 50 })
    expect(await codeOf(log.append(message(60_000)))).toEqual(['TransientError', 'LOG_FULL'])
    expect(await readAll(log)).toHaveLength(accepted)
    await commit(log, accepted)
    for (let n = 0; n < 40; n++) await log.append(message(60_000))
    expect((await readAll(log)).at(-1)!.offset).toBe(accepted + 39)
    expect((await stat(join(directory, 'data.mdb'))).size).toBeLessThan(before * 1.6)
  })

  test('appends beyond the pending limit are refused, one alone is always taken', async () => {
    const log = await open({ maxPendingBytes: 100_000 })
    const results = await Promise.all([1, 2, 3].map(() => codeOf(log.append(message(80_000)))))
    expect(results).toEqual(['no error', ['TransientError', 'LOG_FULL'], ['TransientError', 'LOG_FULL']])
    expect(await codeOf(log.append(message(200_000)))).toBe('no error')
  })
})

describe('limits and opening', () => {
  test('a body above the limit is MESSAGE_TOO_LARGE and takes no offset', async () => {
    const log = await open({ maxMessageBytes: 1000 })
    expect(await codeOf(log.append(message(1001)))).toEqual(['PermanentError', 'MESSAGE_TOO_LARGE'])
    expect((await log.append(message(1000))).offset).toBe(0)
  })

  test('an unknown partition or group is refused', async () => {
    const log = await open()
    await expect(log.append(message(1, 2))).rejects.toThrow(RangeError)
    await expect(log.append(message(1, -1))).rejects.toThrow(RangeError)
    await expect(log.read({ partition: 2, from: 0, maxBytes: 1, maxMessages: 1 })).rejects.toThrow(RangeError)
    await expect(log.state('nobody', 0)).rejects.toThrow(RangeError)
    await expect(commit(log, 0, 0, 'nobody')).rejects.toThrow(RangeError)
  })

  test('partitions may be added to a log and never taken away', async () => {
    const two = await open()
    await two.append(message(10, 1))
    await two.close()
    const four = await open({ partitions: 4 })
    expect(four.logId).toBe(two.logId)
    expect((await four.append(message(10, 3))).offset).toBe(0)
    expect(await readAll(four, 1)).toHaveLength(1)
    await four.close()
    expect(await codeOf(open())).toEqual(['PermanentError', 'CONFIG_INVALID'])
  })

  test('a log written with fsync opens with os and back', async () => {
    for (const sync of ['fsync', 'os', 'fsync'] as const) {
      const log = await open({ sync })
      await log.append(message(10))
      await log.close()
    }
    expect(await readAll(await open())).toHaveLength(3)
  })

  test('a generous bound takes no disk in advance', async () => {
    const log = await open({ maxBytes: 64 * 1024 * MiB })
    await log.append(message(10))
    const { size, blocks } = await stat(join(directory, 'data.mdb'))
    expect(Math.max(size, blocks * 512)).toBeLessThan(MiB)
  })

  test('offsets sort and read right across every byte boundary of a key', async () => {
    const log = await open({ maxBytes: 64 * MiB })
    for (let n = 0; n < 70_000; n += 1000) await Promise.all(Array.from({ length: 1000 }, () => log.append(message(1))))
    const read = await log.read({ partition: 0, from: 65_530, maxBytes: 2 ** 30, maxMessages: 12 })
    expect(read.map(({ offset }) => offset)).toEqual(Array.from({ length: 12 }, (_, n) => 65_530 + n))
  })

  test('an idle wait costs next to no CPU', async () => {
    const log = await open()
    await log.waitFor(0, 0, 100)
    const before = process.cpuUsage()
    await Promise.all([log.waitFor(0, 0, 1000), log.waitFor(1, 0, 1000)])
    const { user, system } = process.cpuUsage(before)
    expect((user + system) / 1000).toBeLessThan(60)
  })
})
