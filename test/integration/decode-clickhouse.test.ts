// Blocks of the decoder in a real ClickHouse: what is read back equals the reference, and a recount by SQL equals the partials.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { decodeBatch } from '../../analytics/decode/decode.ts'
import type { DecodeInput } from '../../analytics/decode-contract.ts'
import type { ClickHouse } from '../../clickhouse/client.ts'
import { partialRows, recountBucket } from '../../clickhouse/queries/series-partials.ts'
import { CONTEXT, nanos, rangeOf } from '../analytics/decode/support.ts'
import { encodeRequest } from '../support/otlp-encode.ts'
import type { TestRecord, TestRequest, TestValue } from '../support/otlp-encode.ts'
import { referenceRows } from '../support/otlp-reference.ts'
import { openTestStore, type TestStore } from './clickhouse/store.ts'

const NOW_MS = Math.floor(Date.now() / 10_000) * 10_000 + 3000
let opened: TestStore
let ch: ClickHouse

beforeAll(async () => {
  opened = await openTestStore()
  ch = opened.clickhouse
})
afterAll(() => opened?.dispose())
beforeEach(async () => {
  for (const table of ['otel_logs', 'series_partials']) await ch.command(`TRUNCATE TABLE ${table}`)
})

const context = { ...CONTEXT, receivedAtMs: NOW_MS }
const range = (bodies: readonly Uint8Array[]): DecodeInput =>
  rangeOf(
    bodies.map((body) => ({ body, envelope: { receivedAtMs: NOW_MS } })),
    { receiveDay: Math.floor(NOW_MS / 86_400_000) },
  )
const store = async (input: DecodeInput): Promise<void> => {
  const output = decodeBatch(input)
  expect(output.poison).toEqual([])
  const token = `${input.messages[0].offset}-${input.messages[input.messages.length - 1].offset}`
  if (output.logs !== null) await ch.insert({ table: 'otel_logs', block: output.logs, token })
  if (output.partials !== null) await ch.insert({ table: 'series_partials', block: output.partials, token })
}

const values: TestValue[] = [
  { stringValue: 'grüße' },
  { stringValue: Uint8Array.of(0x61, 0xff) },
  { stringValue: 'x'.repeat(70_000) },
  { stringValue: 'y'.repeat(127) },
  { stringValue: 'z'.repeat(128) },
  { stringValue: '' },
  { boolValue: true },
  { boolValue: false },
  { intValue: 0n },
  { intValue: 7n },
  { intValue: -1n },
  { intValue: 2n ** 40n },
  { intValue: -(2n ** 63n) },
  { intValue: 2n ** 63n - 1n },
  { doubleValue: 0.1 },
  { doubleValue: 1e21 },
  { doubleValue: 1e-7 },
  { doubleValue: -0 },
  { doubleValue: Number.NaN },
  { doubleValue: -Infinity },
  { bytesValue: Uint8Array.of(0, 255, 16) },
  {},
  { arrayValue: { values: [{ intValue: 1n }, { stringValue: '"' }, {}, { bytesValue: Uint8Array.of(9) }, { doubleValue: Number.NaN }] } },
  {
    kvlistValue: {
      values: [
        { key: 'b', value: { boolValue: true } },
        { key: 'a', value: { arrayValue: { values: [] } } },
        { key: 'b', value: { intValue: 5n } },
      ],
    },
  },
]
const records: TestRecord[] = values.map((value, i) => ({
  timeUnixNano: i === 3 ? 0n : i === 4 ? 12345n : nanos(NOW_MS) - BigInt(i),
  observedTimeUnixNano: i % 2 === 0 ? nanos(NOW_MS) + BigInt(i) : 0n,
  severityNumber: i,
  severityText: ['', 'INFO', 'Warnung'][i % 3],
  body: value,
  attributes: [
    { key: 'value', value },
    { key: `key ${i}`, value: { stringValue: `v${i}` } },
    ...(i % 4 === 0 ? [{ key: 'value', value: { stringValue: 'again' } }] : []),
  ],
  flags: i,
  traceId: i % 3 === 0 ? new Uint8Array(16) : new Uint8Array(16).fill(i),
  spanId: i % 5 === 0 ? new Uint8Array(0) : new Uint8Array(8).fill(i),
  eventName: i % 2 === 0 ? 'event' : '',
}))
const request: TestRequest = {
  resourceLogs: [
    {
      resource: { attributes: values.map((value, i) => ({ key: `r${i}`, value })) },
      schemaUrl: 'https://r',
      scopeLogs: [{ logRecords: records }],
    },
    {
      resource: [
        { attributes: [{ key: 'service.name', value: { stringValue: 'shop' } }] },
        { attributes: [{ key: 'host.name', value: { stringValue: 'h1' } }] },
      ],
      scopeLogs: [
        {
          scope: { name: 'lib', version: '1', attributes: [{ key: 's', value: { intValue: 1n } }] },
          schemaUrl: 'https://s',
          logRecords: records,
        },
        { logRecords: records.slice(0, 3) },
      ],
    },
  ],
}

describe('blocks in ClickHouse', () => {
  it('read back as the reference, with every kind of value, in every order of fields', async () => {
    const bodies = (['spec', 'collector', 'shuffled'] as const).map((order) =>
      encodeRequest(request, { order, unknownFields: order === 'shuffled' }),
    )
    await store(range(bodies))
    const rows = await ch.query<Record<string, unknown> & { log_offset: string }>(
      {
        name: 'test.rows',
        sql: `SELECT toString(toUnixTimestamp64Nano(Timestamp)) AS Timestamp,
      toString(toUnixTimestamp64Nano(ObservedTimestamp)) AS ObservedTimestamp, TraceId, SpanId, TraceFlags, SeverityText, SeverityNumber, ServiceName, Body, ResourceSchemaUrl, ResourceAttributes,
      ScopeSchemaUrl, ScopeName, ScopeVersion, ScopeAttributes, LogAttributes, EventName, record_index, toString(log_offset) AS log_offset
      FROM otel_logs WHERE tenant = {tenant:String} AND log_partition = 1 AND receive_day = toDate({day:UInt32}) ORDER BY otel_logs.log_offset, record_index`,
      },
      { tenant: 'default', day: Math.floor(NOW_MS / 86_400_000) },
    )
    const expected = bodies.flatMap((body, i) =>
      referenceRows(body, context).map((row) => ({
        ...row,
        Timestamp: String(row.Timestamp),
        ObservedTimestamp: String(row.ObservedTimestamp),
        log_offset: String(100 + i),
      })),
    )
    expect(rows).toHaveLength(3 * (2 * values.length + 3))
    expect(rows).toEqual(expected)
  })

  it('are one part each, and the same token lands once', async () => {
    const input = range([encodeRequest(request)])
    await store(input)
    await store(input)
    const [counted] = await ch.query<{ rows: string; parts: string }>(
      {
        name: 'test.parts',
        sql: 'SELECT toString(count()) AS rows, toString(uniqExact(_part)) AS parts FROM otel_logs WHERE tenant = {tenant:String}',
      },
      { tenant: 'default' },
    )
    expect(counted).toEqual({ rows: String(2 * values.length + 3), parts: '1' })
  })

  it('recounted by SQL give the count and sum of every log, error, severity and numeric series', async () => {
    const numbers: TestValue[] = [
      ...values,
      { stringValue: '12' },
      { stringValue: '-1.25e2' },
      { stringValue: '3 ms' },
      { stringValue: ' 4' },
      { stringValue: '5.' },
      { stringValue: '.5' },
      { stringValue: '+6' },
      { stringValue: '1e999' },
      { stringValue: 'inf' },
      { stringValue: '0x10' },
      { stringValue: '1e' },
      { stringValue: '-' },
    ]
    const logRecords = Array.from({ length: 400 }, (_, i): TestRecord => ({
      timeUnixNano: nanos(NOW_MS - (i % 3) * 7000),
      severityNumber: i % 25,
      body: { stringValue: 'x' },
      attributes: [
        { key: 'duration_ms', value: numbers[i % numbers.length] },
        { key: 'db.size', value: { intValue: BigInt(i) } },
      ],
    }))
    const body = encodeRequest({
      resourceLogs: ['a', 'b'].map((service) => ({
        resource: { attributes: [{ key: 'service.name', value: { stringValue: service } }] },
        scopeLogs: [{ logRecords }],
      })),
    })
    const input = range([body, body])
    await store(input)
    const partials = await ch.query(partialRows, { partition: 1, firsts: [100], logId: input.logId, shard: 0, shards: 1 })
    expect(partials).toHaveLength(6)
    for (const partial of partials) {
      const recounted = await ch.query(recountBucket, {
        tenant: 'default',
        service: partial.service,
        fromMs: partial.bucket * 1000,
        toMs: partial.bucket * 1000 + 10_000,
        attributes: ['duration_ms', 'db.size'],
      })
      const metrics = partial.metric
        .map((metric, i) => ({ metric, count: String(partial.count[i]), sum: partial.sum[i], min: partial.min[i], max: partial.max[i] }))
        .filter(({ metric }) => !metric.startsWith('log.template.'))
        .sort((a, b) => (a.metric < b.metric ? -1 : 1))
      expect(recounted.map(({ metric, count, min, max }) => ({ metric, count, min, max }))).toEqual(
        metrics.map(({ metric, count, min, max }) => ({ metric, count, min, max })),
      )
      recounted.forEach(({ sum }, i) => expect(Math.abs(sum - metrics[i].sum)).toBeLessThanOrEqual(1e-9 * Math.max(1, Math.abs(sum))))
    }
  })
})
