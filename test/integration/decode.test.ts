// Decoded blocks in the real store: rows read back as they were sent, a repeated token adds nothing, and a bucket counted
// again from its rows gives what its partials say.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { decodeBatch } from '../../analytics/decode/decode.ts'
import { toPartial } from '../../analytics/watchdog/read-partials.ts'
import { createClickHouse } from '../../clickhouse/client.ts'
import type { ClickHouse } from '../../clickhouse/client.ts'
import { startLocalClickHouse } from '../../clickhouse/local/local.ts'
import type { LocalClickHouse } from '../../clickhouse/local/local.ts'
import { migrate } from '../../clickhouse/migrate.ts'
import { partialRows, recountBucket } from '../../clickhouse/queries/series-partials.ts'
import { createEnvelope } from '../support/envelopes.ts'
import { encodeRequest } from '../support/otlp-encode.ts'
import type { TestRecord } from '../support/otlp-encode.ts'
import { everyValue } from '../analytics/decode/request.ts'

const DATABASE = 'lapwing'
const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
const NOW_MS = Math.floor(Date.now() / 10_000) * 10_000
const NOW_NS = BigInt(NOW_MS) * 1_000_000n
let directory: string
let local: LocalClickHouse
let ch: ClickHouse

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'lapwing-decode-'))
  local = await startLocalClickHouse({ directory, listen: { host: '127.0.0.1', port: 0 }, maxMemoryBytes: 1_000_000_000, readerPassword: 'reader-password', database: DATABASE, log: silent })
  ch = createClickHouse({ url: local.url, user: local.user, password: local.password, database: DATABASE })
  await migrate(ch)
})
afterAll(async () => {
  await ch?.close()
  await local?.close()
  rmSync(directory, { recursive: true, force: true })
})

const record = (i: number): TestRecord => ({
  timeUnixNano: NOW_NS - BigInt(i) * 37_000_001n, severityNumber: i % 25, severityText: `S${i % 25}`, body: { stringValue: `request ${i} done` },
  attributes: [
    { key: 'index', value: { intValue: BigInt(i) } }, ...(i === 0 ? everyValue : []),
    ...(i % 3 === 0 ? [{ key: 'duration_ms', value: { intValue: BigInt(i * 11) } }] : []), ...(i % 5 === 0 ? [{ key: 'response.size', value: { doubleValue: i / 4 } }] : []),
    ...(i % 7 === 0 ? [{ key: 'queue_latency', value: { stringValue: i % 14 === 0 ? '12.5' : 'slow' } }] : []),
  ],
  ...(i === 1 ? { timeUnixNano: 5n } : {}),
})
const body = encodeRequest({
  resourceLogs: ['a', 'b'].map((service, half) => ({
    resource: { attributes: [{ key: 'service.name', value: { stringValue: service } }] }, scopeLogs: [{ scope: { name: 'lib' }, logRecords: Array.from({ length: 1000 }, (_, i) => record(half * 1000 + i)) }],
  })),
}, { order: 'collector' })

it('blocks are stored once, row for row, and partials equal the recount of their rows', async () => {
  const output = decodeBatch({
    logId: 'log-1', partition: 2, receiveDay: Math.floor(NOW_MS / 86_400_000), maxAheadMs: 86_400_000, retentionMs: 30 * 86_400_000,
    messages: [{ offset: 40, body, envelope: createEnvelope({ receivedAtMs: NOW_MS, recordCount: 2000 }) }],
  })
  for (let time = 0; time < 2; time++) {
    await ch.insert({ table: 'otel_logs', block: output.logs as Uint8Array, token: 'range-40' })
    await ch.insert({ table: 'series_partials', block: output.partials as Uint8Array, token: 'range-40' })
  }
  const rows = await ch.query<Record<string, unknown>>({
    name: 'test.rows',
    sql: `SELECT toString(toUnixTimestamp64Nano(Timestamp)) AS ns, SeverityText, ServiceName, Body, ScopeName, LogAttributes, tenant, log_id, log_partition, toString(log_offset) AS at, record_index
FROM otel_logs WHERE tenant = {tenant:String} ORDER BY record_index`,
  }, { tenant: 'default' })
  expect(rows).toHaveLength(2000)
  expect(rows[1]).toMatchObject({ ns: String(NOW_NS), LogAttributes: { index: '1', 'lapwing.original_timestamp': '5' } })
  expect(rows[0].LogAttributes).toMatchObject({ text: 'grüße', long: 'x'.repeat(20_000), int64: '9223372036854775807', list: '["a\\"b",1,true,[]]', bytes: 'AAH+/w==', nothing: '' })
  const wrong = rows.filter((row, i) => i !== 1 && (row.ns !== String(NOW_NS - BigInt(i) * 37_000_001n) || row.SeverityText !== `S${i % 25}` || row.Body !== `request ${i} done`
    || row.ServiceName !== (i < 1000 ? 'a' : 'b') || row.ScopeName !== 'lib' || row.at !== '40' || row.log_partition !== 2 || (row.LogAttributes as Record<string, string>).index !== String(i)))
  expect(wrong).toEqual([])

  const partials = (await ch.query(partialRows, { partition: 2, firsts: [40], logId: 'log-1' })).map(toPartial)
  expect(partials.length).toBeGreaterThan(8)
  expect(partials.reduce((sum, partial) => sum + (new Map(partial.metrics).get('log.rate')?.count ?? 0), 0)).toBe(2000)
  for (const { tenant, service, bucketMs, metrics } of partials) {
    const attributes = ['duration_ms', 'response.size', 'queue_latency']
    const counted = await ch.query(recountBucket, { tenant, service, fromMs: bucketMs, toMs: bucketMs + 10_000, attributes })
    const expected = counted.map((c) => [c.metric, { count: Number(c.count), sum: c.sum, min: c.min, max: c.max, sumSq: c.sum_sq }])
    expect(metrics.toSorted(([a], [b]) => (a < b ? -1 : 1)), `${service} ${bucketMs}`).toEqual(expected)
  }
})
