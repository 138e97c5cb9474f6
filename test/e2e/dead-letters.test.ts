// A message that no decoder can read, in the log of a running product: set aside, readable over HTTP and by the command,
// counted, and in nobody's way. Ingest lets no such message in, so it is appended beside it.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { until, type Product } from '../../bench/load/product.ts'
import { createMigratedProduct } from '../support/migrated-product.ts'
import { openEmbeddedLog } from '../../streams/embedded/embedded-log.ts'
import { GROUPS } from '../../streams/open-event-log.ts'
import { createEnvelope } from '../support/envelopes.ts'

const script = fileURLToPath(new URL('../../scripts/dead-letters.ts', import.meta.url))
const garbage = Uint8Array.of(10, 90, 1, 2, 3)
let product: Product
beforeAll(async () => {
  product = await createMigratedProduct()
  await product.start()
})
afterAll(async () => {
  await product.dispose()
})

const command = (...args: string[]) =>
  spawnSync(process.execPath, ['--disable-warning=ExperimentalWarning', script, ...args], {
    env: { ...process.env, LAPWING_DATA_DIR: product.dataDir },
    timeout: 20_000,
  })

it('is set aside with its bytes, its reason and its count, and the partition goes on', async () => {
  const log = await openEmbeddedLog({
    directory: join(product.dataDir, 'log'),
    partitions: 2,
    sync: 'fsync',
    maxBytes: 8 * 1024 ** 3,
    maxAgeMs: 24 * 3_600_000,
    groups: GROUPS,
  })
  for (const partition of [0, 1])
    await log.append({
      partition,
      envelope: createEnvelope({ tenant: partition === 0 ? 'default' : 'other', receivedAtMs: Date.now(), recordCount: 3 }),
      body: garbage,
    })
  await log.close()
  for (let round = 0; round < 4; round += 1) {
    const sent = await fetch(`${product.addresses().otlp}/api/v1/logs/ingest`, {
      method: 'POST',
      headers: { authorization: `Bearer ${product.token}`, 'content-type': 'application/json' },
      body: '{"service":"behind","message":"it goes on"}',
    })
    expect(sent.status).toBe(200)
  }
  await until(
    'what came behind is stored',
    20_000,
    async () => ((await (await product.api('/api/v1/logs/search?service=behind')).json()) as { events: unknown[] }).events.length === 4,
  )

  const {
    deadLetters: [one, ...more],
  } = (await (await product.api('/api/v1/dead-letters?reason=malformed')).json()) as { deadLetters: { id: string }[] }
  expect(more).toEqual([])
  expect(one).toMatchObject({ signal: 'otlp_logs', reason: 'malformed', records: 3, bodyBytes: garbage.byteLength })
  expect(await (await product.api(`/api/v1/dead-letters/${one.id}`)).json()).toMatchObject({
    id: one.id,
    bodyBase64: Buffer.from(garbage).toString('base64'),
    bodyTruncated: false,
  })
  expect(await (await product.api('/metrics')).text()).toContain('lapwing_dead_letters_total{reason="malformed"} 2\n')
  expect(await (await product.api('/api/v1/status')).json()).toMatchObject({ pipeline: { dead_letters: { malformed: 2 }, failing: [] } })

  expect(command('list').stdout.toString().split('\t').slice(0, 4)).toMatchObject([one.id, expect.any(String), 'otlp_logs', 'malformed'])
  expect(command('list', '--tenant', 'other').stdout.toString().trimEnd().split('\n')).toHaveLength(1)
  expect(Buffer.compare(command('show', one.id).stdout, garbage)).toBe(0)

  // Still garbage: it goes through the log again and is set aside again, at a place of its own, as received then.
  expect(command('replay', one.id, '--dry-run').stdout.toString()).toBe(`${one.id}\twould be replayed\n`)
  expect(command('replay', one.id).stdout.toString()).toMatch(/\treplayed to \d+:\d+\n$/)
  const again = command('replay', one.id)
  expect([again.status, again.stdout.toString()]).toEqual([1, expect.stringContaining('--again')])
  type Told = { deadLetters: { id: string; receivedAt: string }[] }
  await until(
    'it is set aside again',
    20_000,
    async () => ((await (await product.api('/api/v1/dead-letters?reason=malformed')).json()) as Told).deadLetters.length === 2,
  )
  const { deadLetters: both } = (await (await product.api('/api/v1/dead-letters?reason=malformed')).json()) as Told
  expect(new Set(both.map(({ receivedAt }) => receivedAt)).size).toBe(1)
  expect(
    command('list')
      .stdout.toString()
      .split('\n')
      .filter((line) => line.includes('\treplayed ')),
  ).toEqual([expect.stringContaining(one.id)])
  const { auditLogs } = (await (await product.api('/api/v1/audit-logs?action=REPLAY_DEAD_LETTER')).json()) as {
    auditLogs: { resource: string }[]
  }
  expect(auditLogs).toMatchObject([{ resource: `dead_letter:${one.id}` }])
})
