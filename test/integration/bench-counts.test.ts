// What a benchmark counts, on rows that went the product's own way into a real ClickHouse.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createDecoder } from '../../analytics/decode/decode.ts'
import { createCorpus } from '../../bench/load/body.ts'
import { selectAsReader } from '../../bench/load/product.ts'
import { faultsOf, selectAttempts } from '../../bench/measure/counts.ts'
import { createClickHouse, type ClickHouse } from '../../clickhouse/client.ts'
import { startLocalClickHouse, type LocalClickHouse } from '../../clickhouse/local/local.ts'
import { migrate } from '../../clickhouse/migrate.ts'

const directory = mkdtempSync(join(tmpdir(), 'lapwing-counts-'))
const corpora = {
  protobuf: createCorpus({ records: 30, resources: 3, run: 'proto' }),
  json: createCorpus({ records: 30, resources: 3, run: 'json', format: 'json' }),
}
let local: LocalClickHouse
let clickhouse: ClickHouse

const store = async (format: 'protobuf' | 'json', attempts: readonly number[]): Promise<void> => {
  const nowMs = Date.now()
  const { logs, poison } = createDecoder()({
    logId: 'ab'.repeat(16),
    partition: 0,
    receiveDay: Math.floor(nowMs / 86_400_000),
    maxAheadMs: 86_400_000,
    retentionMs: 30 * 86_400_000,
    messages: attempts.map((attempt, offset) => ({
      offset,
      body: corpora[format].body(attempt, nowMs),
      envelope: {
        signal: 'otlp_logs',
        format,
        compression: 'identity',
        tenant: 'default',
        tokenId: '',
        receivedAtMs: nowMs,
        recordCount: 30,
        inflatedBytes: corpora[format].bytes,
        expandedBytes: 0,
        rejected: [],
        subject: '',
      },
    })),
  })
  expect(poison).toEqual([])
  await clickhouse.insert({ table: 'otel_logs', block: logs!, token: `${format}-${attempts.join()}-${nowMs}` })
}
const faults = async (format: 'protobuf' | 'json', acknowledged: readonly number[]): Promise<string[]> => {
  const select = <Row>(sql: string): Promise<Row[]> => selectAsReader(local.url, local.readerPassword, sql)
  return faultsOf(await selectAttempts(select, corpora[format], format === 'json' ? 'json' : 'proto'), acknowledged, 30)
}

beforeAll(async () => {
  local = await startLocalClickHouse({
    directory,
    listen: { host: '127.0.0.1', port: 0 },
    maxMemoryBytes: 1024 ** 3,
    readerPassword: null,
    database: 'lapwing',
    log: { info: () => {}, warn: () => {} },
  })
  clickhouse = createClickHouse({ url: local.url, user: local.user, password: local.password, database: 'lapwing' })
  await migrate(clickhouse)
  await store('protobuf', [1, 2, 3])
  await store('json', [1, 2])
})
afterAll(async () => {
  await clickhouse.close()
  await local.close()
  rmSync(directory, { recursive: true, force: true })
})

it('rows of either encoding are what was sent, and what is not there is lost', async () => {
  expect(await faults('protobuf', [1, 2, 3])).toEqual([])
  expect(await faults('json', [1, 2])).toEqual([])
  expect(await faults('json', [1, 2, 3])).toEqual(['1 requests acknowledged and lost'])
})
it('what was stored twice is doubled', async () => {
  await store('json', [2])
  expect(await faults('json', [1, 2])).toEqual(['1 requests doubled'])
})
it.each([
  'SeverityNumber = 10',
  "Body = concat(Body, ' ')",
  "LogAttributes = mapUpdate(LogAttributes, map('user.id', 'other'))",
  "ResourceAttributes = mapUpdate(ResourceAttributes, map('host.name', 'other'))",
  "SpanId = lower(hex('changed!'))",
])('%s in one row is altered', async (change) => {
  await store('protobuf', [4])
  const [where, condition] = ["LogAttributes['attempt.id'] LIKE 'proto%4'", "LogAttributes['attempt.index'] = '7'"]
  await clickhouse.command(`ALTER TABLE otel_logs UPDATE ${change} WHERE ${where} AND ${condition} SETTINGS mutations_sync = 1`)
  expect(await faults('protobuf', [1, 2, 3, 4])).toEqual(['1 requests altered'])
  await clickhouse.command(`ALTER TABLE otel_logs DELETE WHERE ${where} SETTINGS mutations_sync = 1`)
})
