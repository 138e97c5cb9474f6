// The ingest thread with the real event log: what was answered with 200 is read by another thread's instance.
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { loadIngestThread, startIngestThread, type IngestThread, type LoadedThread } from '../../ingest/ingest-thread.ts'
import { openEventLog } from '../../streams/open-event-log.ts'
import type { LogBytesTotal } from '../../streams/contracts/log-bytes.ts'
import { CAPPED, CREDENTIALS, asJson, send } from './harness.ts'
import { withMember } from '../support/log-member.ts'

let dataDir: string
let thread: IngestThread | null = null
const used: string[] = []
let reported: { readonly atMs: number; readonly bytes: number }[] = []
let logBytes: LogBytesTotal[] = []
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'lapwing-ingest-'))
})
afterEach(async () => {
  await thread?.close()
  thread = null
  rmSync(dataDir, { recursive: true, force: true })
})

const logConfig = () => ({
  dataDir,
  logPartitions: 2,
  logSync: 'os' as const,
  logMaxBytes: 64 * 1024 * 1024,
  logMaxAgeMs: 3_600_000,
  maxBodyBytes: 1024 * 1024,
  kafka: null,
})
const start = async (port = 0, loaded?: LoadedThread) =>
  startIngestThread(
    {
      otlpListen: { host: '127.0.0.1', port },
      alertsListen: { host: '127.0.0.1', port: 0 },
      alertsOpen: false,
      maxBodyBytes: 1024 * 1024,
      maxInflatedBytes: 4 * 1024 * 1024,
      maxInflightBytes: 16 * 1024 * 1024,
      maxSockets: 1000,
      log: logConfig(),
    },
    {
      credentials: CREDENTIALS,
      logBytes,
      onLogBytes: async (uses) => {
        reported.push(...uses.map(({ bytes }) => ({ atMs: performance.now(), bytes })))
        return uses.map((use) => ({ ...use, bytes: 1000 - body.length }))
      },
      onTokenUses: (uses) => {
        used.push(...uses.map((use) => use.tokenId))
      },
      logger: { info: () => {}, warn: () => {}, error: () => {} },
      onDeath: () => {},
    },
    loaded,
  )
const body = '{"message":"hello"}'
const post = (port: number, headers: Record<string, string> = asJson) => send(port, { path: '/api/v1/logs/ingest', headers, body })

describe('the ingest thread', () => {
  it('that is not needed after all ends by itself, also while it loads', async () => {
    const loaded = loadIngestThread()
    const exited = once(loaded.worker, 'exit')
    await loaded.dismiss()
    expect(await exited).toEqual([0])
  })

  it('that was loaded ahead waits until it is told where to listen', async () => {
    const loaded = loadIngestThread()
    await new Promise((resolve) => loaded.worker.once('online', resolve))
    thread = await start(0, loaded)
    expect((await post(thread.addresses.otlp.port)).status).toBe(200)
  })

  it('that ended before it was started says so, and takes nobody with it', async () => {
    const loaded = loadIngestThread()
    await loaded.worker.terminate()
    await expect(start(0, loaded)).rejects.toMatchObject({ code: 'WORKER_DIED' })
  })

  it('appends what another instance of the same log reads', async () => {
    thread = await start()
    const { port } = thread.addresses.otlp
    for (let index = 0; index < 10; index++) expect((await post(port)).status).toBe(200)
    const log = withMember(await openEventLog(logConfig(), { warn: () => undefined }))
    const read = (
      await Promise.all([0, 1].map((partition) => log.read({ partition, from: 0, maxBytes: 1024 * 1024, maxMessages: 100 })))
    ).flat()
    expect(read.filter(({ envelope }) => envelope.signal === 'json_logs').map((message) => Buffer.from(message.body).toString())).toEqual(
      Array.from({ length: 10 }, () => body),
    )
    expect(read.filter(({ envelope }) => envelope.signal === 'mark').length).toBeGreaterThanOrEqual(2)
    await log.close()
    expect((await thread.stats()).signals.json_logs).toMatchObject({ requests: 10, accepted: 10 })
  })

  it('refuses a token as soon as a snapshot without it is in force, and takes long headers', async () => {
    thread = await start()
    const { port } = thread.addresses.otlp
    expect((await post(port, { ...asJson, 'x-long': 'y'.repeat(12_000) })).status).toBe(200)
    await thread.updateCredentials({ tokens: [], heartbeats: [] })
    expect((await post(port)).status).toBe(401)
  })

  it('tells everyone to come again while what it knows of tokens is too old, and never that a token is unknown', async () => {
    thread = await start()
    const { port } = thread.addresses.otlp
    await thread.updateCredentials(null)
    for (const headers of [asJson, { ...asJson, authorization: 'Bearer obs_unknown' }]) {
      const answer = await post(port, headers)
      expect([answer.status, answer.headers['retry-after']]).toEqual([503, '1'])
    }
    await thread.updateCredentials(CREDENTIALS)
    expect((await post(port)).status).toBe(200)
  })

  it('fails to start on a taken port, naming the setting, and closes its log', async () => {
    thread = await start()
    await expect(start(thread.addresses.otlp.port)).rejects.toMatchObject({
      name: 'PermanentError',
      code: 'PORT_BUSY',
      message: expect.stringContaining('LAPWING_OTLP_LISTEN'),
    })
    expect((await post(thread.addresses.otlp.port)).status).toBe(200)
  })

  it('tells the bytes of capped tokens within a second, is told the totals, starts with those of the day, and tells the rest at its end', async () => {
    const today = new Date().toISOString().slice(0, 10)
    reported = []
    logBytes = [{ tokenId: 't-capped', day: today, bytes: 500 }]
    thread = await start()
    logBytes = []
    const { port } = thread.addresses.otlp
    const asCapped = { ...asJson, authorization: `Bearer ${CAPPED}` }
    expect((await post(port, asCapped)).headers['x-pat-logbytes-used']).toBe(String(500 + body.length))
    const sentAtMs = performance.now()
    while (reported.length === 0 && performance.now() - sentAtMs < 5000)
      await new Promise((resolve) => {
        setTimeout(resolve, 5)
      })
    expect([reported.map(({ bytes }) => bytes), reported[0].atMs - sentAtMs < 1000]).toEqual([[body.length], true])
    await thread.stats()
    expect([(await post(port, asCapped)).headers['x-pat-logbytes-used'], (await post(port, asCapped)).status]).toEqual(['1000', 429])
    await thread.close()
    thread = null
    expect(reported.map(({ bytes }) => bytes)).toEqual([body.length, body.length])
  })

  it('tells which tokens were used, each once, at its end at the latest', async () => {
    const closing = await start()
    for (let index = 0; index < 3; index++) await post(closing.addresses.otlp.port)
    used.length = 0
    await closing.close()
    expect(used).toEqual([CREDENTIALS.tokens.find(([, principal]) => principal.scopes.includes('logs:write'))![1].tokenId])
  })

  it('closes once, and twice', async () => {
    const closing = await start()
    await Promise.all([closing.close(), closing.close()])
    await expect(closing.stats()).rejects.toMatchObject({ code: 'WORKER_DIED' })
    await expect(post(closing.addresses.otlp.port)).rejects.toThrow()
  })
})
