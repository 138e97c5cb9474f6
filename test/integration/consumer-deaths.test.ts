// A message whose decoding ends the whole process: after three deaths it alone is set aside, and what is stored is what would
// have been stored without it, under the range's own token. Real processes on a real log; the killer is the test's worker.
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { decodeBatch } from '../../analytics/decode/decode.ts'
import { decodeNote } from '../../analytics/note.ts'
import { receiveDayOf } from '../../analytics/ranges.ts'
import type { LogMessage } from '../../streams/contracts/consumer-group.ts'
import { openEmbeddedLog } from '../../streams/embedded/embedded-log.ts'
import { createEnvelope } from '../support/envelopes.ts'
import { withMember, type MemberLog } from '../support/log-member.ts'
import { encodeRequest } from '../support/otlp-encode.ts'

const program = fileURLToPath(new URL('consumer-process.ts', import.meta.url))
const T0 = Date.now()
let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'lapwing-deaths-'))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const withLog = async <T>(use: (log: MemberLog) => Promise<T>): Promise<T> => {
  const log = withMember(
    await openEmbeddedLog({
      directory: join(directory, 'log'),
      partitions: 1,
      sync: 'os',
      maxBytes: 64 * 1024 * 1024,
      maxAgeMs: 3_600_000,
      groups: ['analytics'],
    }),
  )
  try {
    return await use(log)
  } finally {
    await log.close()
  }
}
const bodyOf = (text: string): Uint8Array =>
  encodeRequest({
    resourceLogs: [
      {
        resource: { attributes: [{ key: 'service.name', value: { stringValue: 'shop' } }] },
        scopeLogs: [{ logRecords: [{ body: { stringValue: text } }, { body: { stringValue: `${text} again` } }] }],
      },
    ],
  })

/** Resolves to how it ended. */
const live = (): Promise<{ code: number | null; signal: string | null }> =>
  new Promise((resolve, reject) => {
    spawn(process.execPath, ['--disable-warning=ExperimentalWarning', program, directory], {
      stdio: ['ignore', 'inherit', 'inherit'],
      timeout: 20_000,
      killSignal: 'SIGABRT',
    })
      .on('error', reject)
      .on('close', (code, signal) => resolve({ code, signal }))
  })
const storedBlocks = (): Map<string, unknown> =>
  new Map(JSON.parse(readFileSync(join(directory, 'stored.json'), 'utf8')) as [string, unknown][])

test('a message that ends the process is set aside after three deaths; the rest of its range is stored as one block under its token', async () => {
  const { messages, logId } = await withLog(async (log) => {
    for (const text of ['one', 'two', 'KILL THE PROCESS', 'four'])
      await log.append({ partition: 0, envelope: createEnvelope({ receivedAtMs: T0, recordCount: 2 }), body: bodyOf(text) })
    const range = { first: 0, last: 3 }
    await log.commit('analytics', 0, { offset: 0, open: [range], note: '' })
    const read = await log.read({ partition: 0, from: 0, maxBytes: 2 ** 30, maxMessages: 10 })
    return { messages: read.map(({ offset, envelope, body }) => ({ offset, envelope, body })), logId: log.logId }
  })
  for (const deaths of [1, 2]) {
    expect(await live()).toEqual({ code: null, signal: 'SIGKILL' })
    expect(decodeNote(await withLog((log) => log.state('analytics', 0)).then(({ note }) => note)).deaths).toEqual([deaths])
  }
  expect(existsSync(join(directory, 'stored.json'))).toBe(false)
  expect(await live()).toEqual({ code: 0, signal: null })

  const stored = storedBlocks()
  const sound = messages.filter((message: LogMessage) => message.offset !== 2)
  const expected = decodeBatch({
    logId,
    partition: 0,
    receiveDay: receiveDayOf(T0),
    maxAheadMs: 86_400_000,
    retentionMs: 30 * 86_400_000,
    messages: sound,
  })
  expect(stored.get(`otel_logs ${logId}:0:0-3`)).toBe(Buffer.from(expected.logs as Uint8Array).toString('base64'))
  expect(stored.get(`series_partials ${logId}:0:0-3`)).toBe(Buffer.from(expected.partials as Uint8Array).toString('base64'))
  expect(stored.get(`log_template_counts ${logId}:0:0-3`)).toBe(Buffer.from(expected.templateCounts as Uint8Array).toString('base64'))
  // Each was named when it was decoded alone, and that output was thrown away.
  expect([...new Set((stored.get('log_templates') as { text: string }[]).map(({ text }) => text))].toSorted()).toEqual([
    'four',
    'four again',
    'one',
    'one again',
    'two',
    'two again',
  ])
  expect(stored.get('dead_letters')).toMatchObject([{ log_offset: '2', reason: 'killed_process', records: 2 }])
  expect(await withLog((log) => log.state('analytics', 0))).toMatchObject({ offset: 4, open: [], note: '' })
}, 60_000)
