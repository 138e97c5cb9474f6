import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ClickHouse } from '../../../clickhouse/client.ts'
import { startLocalClickHouse, type LocalClickHouse } from '../../../clickhouse/local/local.ts'
import { migrate } from '../../../clickhouse/migrate.ts'
import { findLogs } from '../../../clickhouse/queries/find-logs.ts'
import { searchLogs, type LogFilter } from '../../../clickhouse/queries/logs-search.ts'
import { clientOf, createDirectory, settingsOf, toRow, until } from './store.ts'

const schema = join(import.meta.dirname, '../../../clickhouse/schema')
const ROWS = 8192
const NOW = Date.now() - 3_600_000

let directory: string
let local: LocalClickHouse
let clickhouse: ClickHouse
beforeAll(async () => {
  directory = createDirectory()
  local = await startLocalClickHouse(settingsOf(directory))
  clickhouse = clientOf(local)
})
afterAll(async () => {
  await clickhouse.close()
  await local.close()
  rmSync(directory, { recursive: true, force: true })
})

const number = async (sql: string, params: Record<string, unknown> = {}): Promise<number> =>
  Number((await clickhouse.query<{ n: string }>({ name: 'number', sql }, params))[0].n)

test('rows of the first version get the later indexes while they are searched, and lose the old ones', async () => {
  await clickhouse.ensureDatabase()
  await clickhouse.command(readFileSync(join(schema, '0001_otel_logs.sql'), 'utf8'))
  await clickhouse.command(
    'CREATE TABLE schema_migrations (version String, applied_at DateTime DEFAULT now()) ENGINE = ReplacingMergeTree ORDER BY version',
  )
  await clickhouse.insertRows({ table: 'schema_migrations', rows: [{ version: '0001' }] })
  await clickhouse.insertRows({
    table: 'otel_logs',
    rows: Array.from({ length: ROWS }, (_, n) =>
      toRow({
        tenant: 'a',
        ms: NOW - n,
        body: n === 5000 ? 'NullPointerException' : `tick ${n}`,
        attributes: { 'user.id': String(n % 100), ...(n === 6000 ? { 'cart.id': '7' } : {}) },
        offset: n,
        day: new Date(NOW).toISOString().slice(0, 10),
      }),
    ),
  })
  expect(await migrate(clickhouse)).toBeGreaterThan(1)
  const filter: LogFilter = {
    tenant: 'a',
    fromNs: BigInt(NOW - ROWS) * 1_000_000n,
    toNs: BigInt(NOW) * 1_000_000n,
    service: null,
    severityMin: 0,
    words: [],
    attributes: [],
    traceId: null,
  }
  const byWord: LogFilter = { ...filter, words: ['nullPointerException'] }
  const byPair: LogFilter = { ...filter, attributes: [['cart.id', '7']] }
  const found = async (): Promise<string[]> =>
    (await Promise.all([byWord, byPair].map((asked) => findLogs(clickhouse, asked, 10, null))))
      .flatMap((found) => found.rows)
      .map((row) => row.Body)
  /** How many of the eight granules the indexes leave to be read. */
  const granules = async (asked: LogFilter): Promise<string[]> => {
    const { query, params } = searchLogs(asked, 10, null)
    return (
      await clickhouse.query<{ explain: string }>({ name: 'explain', sql: 'EXPLAIN indexes = 1 '.concat(query.sql) }, params)
    ).flatMap((line) => /Granules: \d+\/\d+/.exec(line.explain) ?? [])
  }
  expect(await found()).toEqual(['NullPointerException', 'tick 6000'])
  await until(
    'no part waits to be rewritten',
    async () =>
      (await number('SELECT toString(count()) AS n FROM system.mutations WHERE database = currentDatabase() AND is_done = 0')) === 0,
  )
  expect(
    await clickhouse.query(
      {
        name: 'indexes',
        sql: "SELECT name, toUInt8(data_compressed_bytes > 0) AS filled FROM system.data_skipping_indices WHERE database = currentDatabase() AND table = 'otel_logs' AND (startsWith(name, 'idx_body') OR name LIKE 'idx%attr%') ORDER BY name",
      },
      {},
    ),
  ).toEqual([
    { name: 'idx_attribute_hash', filled: 1 },
    { name: 'idx_body_text', filled: 1 },
  ])
  expect(await found()).toEqual(['NullPointerException', 'tick 6000'])
  for (const asked of [byWord, byPair]) expect(await granules(asked)).toContain('Granules: 1/8')
  expect(await migrate(clickhouse)).toBe(0)
})
