// Two real servers as two shards (test/support/clickhouse-cluster.ts says what of a cluster is real there and what is not), beside one
// server with the same rows: what is read through Distributed tables is what the one server answers.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createClusterClickHouse } from '../../../clickhouse/cluster/client.ts'
import { completeNodes } from '../../../clickhouse/cluster/complete.ts'
import { toClusterStatements } from '../../../clickhouse/cluster/statements.ts'
import type { ClickHouse } from '../../../clickhouse/client.ts'
import { migrate } from '../../../clickhouse/migrate.ts'
import { enforceRetention } from '../../../clickhouse/retention.ts'
import { keepDays } from '../../../clickhouse/ttl.ts'
import { startClickHouseCluster, type ClickHouseCluster } from '../../support/clickhouse-cluster.ts'
import { collectQueries } from '../../support/collected-queries.ts'
import { openTestStore, toRow, type TestStore } from './store.ts'

const NOW = Date.now() - 3_600_000
const DAY = new Date(NOW).toISOString().slice(0, 10)
/** As ClickHouse reads a time: within the hours that the queries ask for, whatever time of day it is. */
const AT = new Date(NOW).toISOString().slice(0, 19).replace('T', ' ')
const OLD = new Date(NOW - 3 * 86_400_000).toISOString().slice(0, 10)
const ROWS = 400
const schema = join(import.meta.dirname, '../../../clickhouse/schema')
let servers: ClickHouseCluster
let cluster: ClickHouse
let plain: TestStore
const clientOf = (name: string): ClickHouse =>
  createClusterClickHouse({ url: servers.url, user: 'default', password: '', database: 'lapwing', cluster: name, insertQuorum: 'auto' })

const logRows = Array.from(
  { length: ROWS },
  (_, n) =>
    toRow({
      tenant: n % 5 === 0 ? 'other' : 't',
      ms: NOW - n * 100,
      body: n % 7 === 0 ? 'one two timeout' : `tick ${n}`,
      service: `s${n % 3}`,
      severity: 1 + (n % 20),
      attributes: { k: n % 4 === 0 ? 'v' : String(n), l: 'w' },
      resource: { 'service.version': String(n % 2) },
      traceId: `trace-${n % 20}`,
      offset: n,
      partition: n % 4,
      day: DAY,
    }) as { log_partition: number },
)
const seconds = (ms: number): number => Math.floor(ms / 10_000) * 10
const partials = Array.from({ length: 40 }, (_, n) => ({
  tenant: 't',
  service: `s${n % 3}`,
  bucket: seconds(NOW - n * 1000),
  metric: ['logs'],
  count: [n],
  sum: [n],
  min: [0],
  max: [n],
  sum_sq: [n * n],
  templates: [n],
  receive_day: DAY,
  log_id: 'test-log',
  log_partition: n % 4,
  log_offset: n,
  last_offset: n,
}))
const counts = Array.from({ length: 40 }, (_, n) => ({
  tenant: 't',
  service: `s${n % 3}`,
  severity: n % 7,
  template: String(n % 5),
  minute: Math.floor(NOW / 60_000) * 60 - 60 * (n % 3),
  records: 1 + n,
  receive_day: DAY,
  log_id: 'test-log',
  log_partition: n % 4,
  log_offset: n,
  last_offset: n,
}))
/** Callers on one shard, those whom they call on the other. */
const spans = Array.from({ length: 60 }, (_, n) => ({
  tenant: 't',
  Timestamp: AT,
  Duration: 1000 * n,
  TraceId: `trace-${String(n >> 1).padStart(10, '0')}`,
  SpanId: `span-${n}`.padEnd(8, '_'),
  ParentSpanId: n % 2 === 0 ? '\0'.repeat(8) : `span-${n - 1}`.padEnd(8, '_'),
  ServiceName: n % 2 === 0 ? 's1' : 's2',
  SpanName: 'op',
  SpanKind: n % 2 === 0 ? 'Client' : 'Server',
  StatusCode: n % 6 === 1 ? 'Error' : 'Unset',
  IsEntry: n % 2,
  PeerService: n % 8 === 0 ? 's9' : '',
  receive_day: DAY,
  log_id: 'test-log',
  log_partition: n % 2,
  log_offset: n,
  record_index: 0,
}))
const fromLog = [
  ['otel_logs', logRows],
  ['otel_spans', spans],
  ['series_partials', partials],
  ['log_template_counts', counts],
] as const
const control: Readonly<Record<string, readonly object[]>> = {
  anomalies: [1, 2, 3].flatMap((n) =>
    [0, 1].map((resolved) => ({
      tenant: 't',
      anomaly_id: `a${n}`,
      kind: 'anomaly',
      service_id: 's1',
      metric_name: 'logs',
      detected_at: AT,
      started_at: AT,
      resolved_at: AT,
      resolved: n === 3 ? 0 : resolved,
      anomaly_score: 0.5,
      version: 1 + resolved,
    })),
  ),
  log_templates: [1, 2, 3, 4].map((n) => ({
    tenant: 't',
    service: 's1',
    template: String(n),
    text: `text ${n}`,
    example: 'text',
    record: 'test-log:0:1:2',
    first_seen: seconds(NOW),
    last_seen: seconds(NOW),
  })),
  series_points: [1, 2].map((version) => ({
    tenant: 't',
    service: 's1',
    metric: 'logs',
    bucket: seconds(NOW),
    count: version,
    sum: version,
    expected: 1,
    lower: 0,
    upper: 2,
    version,
  })),
  watchdog_checkpoints: [
    { slot: 0, tenant: '', service: '', generation: '7', state: 'header' },
    { slot: 0, tenant: 't', service: 's1', generation: '7', state: 'state' },
  ],
  watchdog_calibrations: [7, 8].map((generation) => ({
    tenant: 't',
    service: 's1',
    metric: 'logs',
    slot: 0,
    generation,
    state: 'AQ==',
    stored_at: AT,
  })),
  dead_letters: [
    {
      log_id: 'test-log',
      log_partition: 0,
      log_offset: 9,
      tenant: 't',
      signal: 'logs',
      reason: 'store_rejected',
      received_at: AT,
      body: '',
    },
  ],
}

const fill = async (clickhouse: ClickHouse): Promise<void> => {
  for (const [table, rows] of fromLog) {
    for (const [partition, some] of Map.groupBy(rows as readonly { log_partition: number }[], (row) => row.log_partition))
      await clickhouse.insertRows({ table, rows: some, token: `${table}-${partition}`, shard: clickhouse.shardOf(partition) })
  }
  for (const [table, rows] of Object.entries(control)) for (const row of rows) await clickhouse.insertRows({ table, rows: [row] })
}

beforeAll(async () => {
  ;[servers, plain] = await Promise.all([startClickHouseCluster(), openTestStore()])
  cluster = clientOf(servers.names.two)
  await cluster.ensureDatabase()
  expect(await migrate(cluster)).toBeGreaterThan(10)
  await Promise.all([fill(cluster), fill(plain.clickhouse)])
})
afterAll(async () => {
  await cluster?.close()
  await Promise.all([servers?.stop(), plain?.dispose()])
})

const count = async (node: number, table: string, where = '1'): Promise<number> =>
  Number(await servers.ask(node, `SELECT count() FROM lapwing.${table} WHERE ${where}`))

test('ClickHouse reads what a cluster is told', async () => {
  const statements = readdirSync(schema).flatMap((file) => toClusterStatements(readFileSync(join(schema, file), 'utf8'), 'a-cluster'))
  expect(statements.length).toBeGreaterThan(20)
  for (const statement of statements)
    expect(await servers.ask(0, `EXPLAIN AST ${statement.replace(/^(\s*--.*\n)+/, '')}`), statement).toMatch(/^(?:Create|Alter)Query/)
  for (const setting of ["distributed_ddl_output_mode = 'throw_only_active'", "insert_quorum = 'auto'"])
    expect(await servers.ask(0, `SELECT 1 SETTINGS ${setting}`)).toBe('1')
})

test('a second start has nothing to migrate', async () => {
  expect(await migrate(cluster)).toBe(0)
})

test('rows go to the local table of their shard, and never through a Distributed table', async () => {
  for (const node of [0, 1]) {
    for (const [table, rows] of fromLog) {
      expect(await count(node, `${table}_local`)).toBe(
        rows.filter((row: { log_partition: number }) => row.log_partition % 2 === node).length,
      )
      expect(await count(node, table)).toBe(rows.length)
    }
  }
  const inserts = servers.statements.filter((statement) => /\bINSERT INTO\b/.test(statement))
  expect(inserts.length).toBeGreaterThan(10)
  for (const statement of inserts) expect(statement).toMatch(/INSERT INTO \w+_local\b/)
  await expect(servers.ask(0, 'INSERT INTO lapwing.otel_logs (tenant) VALUES (1)')).rejects.toThrow('sharding key')
})

test('a row that is written again replaces the one before: what is not from the log lives on one shard', async () => {
  for (const table of Object.keys(control)) {
    // Merges may have replaced some already.
    expect(await count(0, `${table}_local`)).toBeGreaterThan(0)
    expect(await count(1, `${table}_local`)).toBe(0)
  }
  expect(
    await cluster.query(
      { name: 'all_tenants.test', sql: "SELECT anomaly_id, resolved FROM anomalies FINAL WHERE tenant = 't' ORDER BY anomaly_id" },
      {},
    ),
  ).toEqual([
    { anomaly_id: 'a1', resolved: 1 },
    { anomaly_id: 'a2', resolved: 1 },
    { anomaly_id: 'a3', resolved: 0 },
  ])
})

test('a call whose two spans are on different shards is found', async () => {
  const found = (await collectQueries()).find(({ name }) => name === 'rca.span_calls')!
  const rows = await cluster.query<Record<string, unknown>>(found, {
    tenant: 't',
    fromMs: NOW - 3_600_000,
    toMs: NOW + 3_600_000,
    maxHash: '18446744073709551615',
  })
  expect(rows).toMatchObject([{ caller: 's1', callee: 's2', calls: '30', errors: '10' }])
})

/** Of the types that a query names. */
const KNOWN: Readonly<Record<string, unknown>> = {
  tenant: 't',
  service: '',
  maxHash: '18446744073709551615',
  fromMs: String(NOW - 3_600_000),
  toMs: String(NOW + 3_600_000),
  sinceMs: '0',
  untilMs: String(NOW + 10 ** 9),
  afterMs: String(NOW + 10 ** 9),
  afterId: '',
  afterLog: 'z',
  fromNs: String((NOW - 3_600_000) * 1e6),
  toNs: String((NOW + 3_600_000) * 1e6),
  shards: 1,
  shard: 0,
  pages: 1,
  page: 0,
  slot: 0,
  generation: '7',
  logId: 'test-log',
  partition: 1,
  first: '0',
  last: '1000',
  severityMin: 0,
  template: '1',
  firstFrom: Math.floor(NOW / 1000) - 3600,
  lastTo: Math.floor(NOW / 1000) + 3600,
  baselineFrom: Math.floor(NOW / 1000) - 3600,
  baselineTo: Math.floor(NOW / 1000) - 3000,
  limit: 1000,
  minScore: 0,
  day: Math.floor(NOW / 86_400_000),
  from: '0',
  traceId: '',
  reason: '',
  id: 'a1',
  offset: '9',
  metric: 'logs',
  rate: 'logs',
  oneIn: 1,
  sliceMs: 60_000,
  services: ['s0', 's1', 's2'],
  buckets: [seconds(NOW)],
  to: Math.floor(NOW / 1000) + 3600,
  direction: 0,
  beforeMs: String(NOW + 10 ** 9),
  aNs: String((NOW + 1000) * 1e6),
}
const valueFor = (name: string, type: string): unknown => KNOWN[name] ?? (type.startsWith('Array') ? [] : type === 'String' ? 's1' : 1000)

test('every query answers over Distributed tables what it answers over the tables of one server', async () => {
  const queries = (await collectQueries()).filter(
    ({ sql, name }) => /^\s*(?:WITH|SELECT)\b/.test(sql) && !/free_space|store_stats|store_days/.test(name),
  )
  expect(queries.length).toBeGreaterThan(30)
  let answered = 0
  for (const query of queries) {
    const named = Object.fromEntries([...query.sql.matchAll(/\{(\w+):([^}]+)\}/g)].map(([, name, type]) => [name, valueFor(name, type)]))
    // Those put together by functions bring what stands for their fields and words; times and limits are ours.
    const params = { ...named, ...Object.fromEntries(Object.entries(query.params ?? {}).filter(([name]) => !(name in KNOWN))) }
    const [here, there] = await Promise.all(
      [plain.clickhouse, cluster].map((clickhouse) => clickhouse.query<Record<string, unknown>>(query, params)),
    )
    const ordered = (rows: readonly object[]): string[] => rows.map((row) => JSON.stringify(row)).toSorted()
    expect(ordered(there), `${query.name}: ${query.sql}`).toEqual(ordered(here))
    if (here.length > 0) answered += 1
  }
  expect(answered).toBeGreaterThan(queries.length * 0.6)
})

test('a token holds within its shard, also for a block that comes again', async () => {
  const before = await count(1, 'otel_logs_local')
  await cluster.insertRows({ table: 'otel_logs', rows: logRows.filter((row) => row.log_partition === 1), token: 'otel_logs-1', shard: 2 })
  expect(await count(1, 'otel_logs_local')).toBe(before)
})

test('rows of a range go where it is recorded, and to no other shard when that one is gone', async () => {
  await expect(cluster.insertRows({ table: 'otel_logs', rows: [logRows[0]], token: 'x', shard: 9 })).rejects.toThrow('shard 9')
  await expect(cluster.insertRows({ table: 'otel_logs', rows: [logRows[0]], token: 'x' })).rejects.toThrow('have a shard')
})

test('tables that only check rows are made and asked on one node', async () => {
  await cluster.command('CREATE OR REPLACE TABLE otel_logs_check AS otel_logs ENGINE = Null')
  await cluster.insertRows({ table: 'otel_logs_check', rows: [logRows[0]], token: 'check' })
})

test('another lifetime is told to the tables that hold rows, once', async () => {
  expect((await keepDays(cluster, 12)).toSorted()).toEqual([
    'dead_letters',
    'log_template_counts',
    'log_templates',
    'otel_logs',
    'otel_spans',
    'series_points',
  ])
  expect(await keepDays(cluster, 12)).toEqual([])
  for (const node of [0, 1])
    expect(
      await servers.ask(
        node,
        "SELECT count() FROM system.tables WHERE database = 'lapwing' AND endsWith(name, '_local') AND engine_full LIKE '%toIntervalDay(%12%'",
      ),
    ).toBe('6')
})

test('a node without tables gets what the others have', async () => {
  await servers.ask(1, 'DROP TABLE lapwing.dead_letters_local SYNC')
  await servers.ask(1, 'DROP TABLE lapwing.dead_letters SYNC')
  const settings = { cluster: servers.names.two, database: 'lapwing' }
  expect(await completeNodes(cluster, settings)).toBe(2)
  expect(await completeNodes(cluster, settings)).toBe(0)
  expect(
    await servers.ask(
      1,
      "SELECT count() FROM system.columns WHERE database = 'lapwing' AND table = 'dead_letters_local' AND name = 'body_bytes'",
    ),
  ).toBe('1')
})

test('retention counts all shards and drops a day on each', async () => {
  const old = logRows.slice(0, 4).map((row) => ({ ...row, receive_day: OLD }))
  for (const row of old)
    await cluster.insertRows({
      table: 'otel_logs',
      rows: [row],
      token: `old-${row.log_partition}`,
      shard: cluster.shardOf(row.log_partition),
    })
  const report = await enforceRetention({ maxBytes: 1, minFreeBytes: 0 }, cluster, NOW)
  expect(report.dropped).toMatchObject([{ day: OLD, rows: 4 }])
  for (const node of [0, 1]) expect(await count(node, 'otel_logs_local', `receive_day = '${OLD}'`)).toBe(0)
})

test('a cluster that the server does not know is named, with those it knows', async () => {
  const unknown = clientOf('three')
  await expect(unknown.ensureDatabase()).rejects.toThrow(/LAPWING_CLICKHOUSE_CLUSTER: the server knows no cluster three, only .*pair.*two/)
  await unknown.close()
})

// The last: a node is gone afterwards.
test('after a failure the next try goes to another replica, and reads go to another node', async () => {
  const pair = clientOf(servers.names.pair)
  await pair.ensureDatabase()
  const insert = (n: number): Promise<void> =>
    pair.insertRows({ table: 'otel_logs', rows: [{ ...logRows[0], log_offset: 10_000 + n }], token: `pair-${n}`, shard: 1 })
  await insert(0)
  await servers.cutOff(0)
  // Which replica is first is not said: one of two tries may fail.
  await insert(1).catch(() => insert(1))
  expect(await count(1, 'otel_logs_local', 'log_offset = 10001')).toBe(1)
  expect(await pair.ping()).toBe(true)
  expect(await pair.query({ name: 'all_tenants.test', sql: 'SELECT 1 AS one' }, {})).toEqual([{ one: 1 }])
  await pair.close()
})
