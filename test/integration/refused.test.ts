// A real store that refuses one record by a constraint: its message alone is set aside, and nothing is left by the asking.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startConsumer } from '../../analytics/consumer.ts'
import { createDecodePool, type DecodePool } from '../../analytics/pool/pool.ts'
import { createDeadLetters } from '../../api/services/dead-letters.ts'
import type { EventLog } from '../../streams/contracts/event-log.ts'
import { openEmbeddedLog } from '../../streams/embedded/embedded-log.ts'
import { createSinkControlPlane } from '../analytics/consumer/sink.ts'
import { createEnvelope } from '../support/envelopes.ts'
import { encodeRequest } from '../support/otlp-encode.ts'
import { openTestStore, type TestStore, until } from './clickhouse/store.ts'

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }
const T0 = Date.now()
let directory: string
let store: TestStore
let log: EventLog
let pool: DecodePool
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'lapwing-refused-'))
  store = await openTestStore()
  log = await openEmbeddedLog({
    directory,
    partitions: 1,
    sync: 'os',
    maxBytes: 64 * 1024 * 1024,
    maxAgeMs: 3_600_000,
    groups: ['analytics'],
  })
  pool = createDecodePool({ threads: 1, timeoutMs: 20_000 })
})
afterAll(async () => {
  await pool?.close()
  await log?.close()
  await store?.dispose()
  rmSync(directory, { recursive: true, force: true })
})

const append = (text: string) =>
  log.append({
    partition: 0,
    envelope: createEnvelope({ receivedAtMs: T0, recordCount: 2 }),
    body: encodeRequest({
      resourceLogs: [
        {
          resource: { attributes: [{ key: 'service.name', value: { stringValue: 'shop' } }] },
          scopeLogs: [{ logRecords: [{ body: { stringValue: text } }, { body: { stringValue: 'beside it' } }] }],
        },
      ],
    }),
  })
const start = () =>
  startConsumer(
    { retentionMs: 30 * 86_400_000, lingerMs: 50, retryMinMs: 5, retryMaxMs: 50 },
    {
      log,
      pool,
      child: pool,
      clickhouse: store.clickhouse,
      controlPlane: createSinkControlPlane(),
      clock: Date.now,
      logger: silent,
    },
  )
const count = (sql: string): Promise<string> => store.clickhouse.query<{ n: string }>({ name: 'count', sql }, {}).then(([row]) => row.n)

test('the message that the store refuses is set aside, the rest of its range is stored once, and its series are a recount of the rows', async () => {
  await store.clickhouse.command("ALTER TABLE otel_logs ADD CONSTRAINT clean CHECK Body != 'refuse me'")
  for (const text of ['one', 'two', 'refuse me', 'four', 'five']) await append(text)
  const consumer = start()
  await consumer.idle()
  expect(
    await store.clickhouse.query(
      {
        name: 'rows',
        sql: 'SELECT toString(log_offset) AS at, toString(count()) AS n FROM otel_logs GROUP BY log_offset ORDER BY log_offset',
      },
      {},
    ),
  ).toEqual(['0', '1', '3', '4'].map((at) => ({ at, n: '2' })))
  expect(await count("SELECT toString(sum(c)) AS n FROM series_partials ARRAY JOIN metric AS m, count AS c WHERE m = 'log.rate'")).toBe('8')
  const { deadLetters } = await createDeadLetters(store.clickhouse).list(
    { tenant: 'default', fromMs: T0 - 1000, toMs: T0 + 1000, reason: '' },
    10,
    null,
  )
  expect(deadLetters).toMatchObject([{ reason: 'store_rejected', detail: expect.stringContaining('clean'), records: 2 }])
  expect(await count('SELECT toString(count()) AS n FROM otel_logs_check')).toBe('0')
  await consumer.close()
})

test('a store without its table is waited for, and nothing is set aside', async () => {
  await store.clickhouse.command('RENAME TABLE otel_logs TO otel_logs_away')
  const consumer = start()
  await append('six')
  await until('several tries', () => (consumer.stats().retries.store ?? 0) > 5)
  await store.clickhouse.command('RENAME TABLE otel_logs_away TO otel_logs')
  await consumer.idle()
  expect(await count('SELECT toString(count()) AS n FROM otel_logs')).toBe('10')
  expect(consumer.stats().poison).toEqual({})
  await consumer.close()
})

test('a store that refuses every record is waited for, and nothing is set aside', async () => {
  await store.clickhouse.command("ALTER TABLE otel_logs ADD CONSTRAINT never CHECK Body = 'nothing is like this'")
  const consumer = start()
  await append('seven')
  await until('several tries', () => (consumer.stats().retries.store ?? 0) > 5)
  await store.clickhouse.command('ALTER TABLE otel_logs DROP CONSTRAINT never')
  await consumer.idle()
  expect(await count('SELECT toString(count()) AS n FROM otel_logs')).toBe('12')
  expect(consumer.stats().poison).toEqual({})
  await consumer.close()
})
