// The ingest thread with the real event log: what was answered with 200 is read by another thread's instance.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startIngestThread } from '../../ingest/ingest-thread.ts'
import type { IngestThread } from '../../ingest/ingest-thread.ts'
import { openEventLog } from '../../streams/open-event-log.ts'
import { CREDENTIALS, asJson, send } from './harness.ts'

let dataDir: string
let thread: IngestThread | null = null
const used: string[] = []
beforeEach(() => { dataDir = mkdtempSync(join(tmpdir(), 'lapwing-ingest-')) })
afterEach(async () => {
  await thread?.close()
  thread = null
  rmSync(dataDir, { recursive: true, force: true })
})

const logConfig = () => ({ dataDir, logPartitions: 2, logSync: 'os' as const, logMaxBytes: 64 * 1024 * 1024, logMaxAgeMs: 3_600_000, maxBodyBytes: 1024 * 1024 })
const start = async (port = 0) => startIngestThread({
  otlpListen: { host: '127.0.0.1', port }, alertsListen: { host: '127.0.0.1', port: 0 }, alertsOpen: false,
  maxBodyBytes: 1024 * 1024, maxInflatedBytes: 4 * 1024 * 1024, maxInflightBytes: 16 * 1024 * 1024, maxSockets: 1000, log: logConfig(),
}, { credentials: CREDENTIALS, onTokenUses: (uses) => { used.push(...uses.map((use) => use.tokenId)) }, logger: { info: () => {}, warn: () => {}, error: () => {} }, onDeath: () => {} })
const body = '{"message":"hello"}'
const post = (port: number, headers: Record<string, string> = asJson) => send(port, { path: '/api/v1/logs/ingest', headers, body })

describe('the ingest thread', () => {
  it('appends what another instance of the same log reads', async () => {
    thread = await start()
    const { port } = thread.addresses.otlp
    for (let index = 0; index < 10; index++) expect((await post(port)).status).toBe(200)
    const log = await openEventLog(logConfig())
    const read = (await Promise.all([0, 1].map((partition) => log.read({ partition, from: 0, maxBytes: 1024 * 1024, maxMessages: 100 })))).flat()
    expect(read.filter(({ envelope }) => envelope.signal === 'json_logs').map((message) => Buffer.from(message.body).toString())).toEqual(Array.from({ length: 10 }, () => body))
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

  it('fails to start on a taken port, naming the setting, and closes its log', async () => {
    thread = await start()
    await expect(start(thread.addresses.otlp.port)).rejects.toMatchObject({ name: 'PermanentError', code: 'PORT_BUSY', message: expect.stringContaining('LAPWING_OTLP_LISTEN') })
    expect((await post(thread.addresses.otlp.port)).status).toBe(200)
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
