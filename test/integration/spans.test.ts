// Spans in a real ClickHouse: blocks as they were decoded, series equal to a recount by SQL, and the calls between services.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { decodeBatch } from '../../analytics/decode/decode.ts'
import { findRefused } from '../../analytics/find-refused.ts'
import { insertRange, presenceOf } from '../../analytics/insert-range.ts'
import { blocksOf } from '../../analytics/range-blocks.ts'
import { loadSpanCalls } from '../../analytics/rca/span-calls.ts'
import type { ClickHouse } from '../../clickhouse/client.ts'
import { partialRows, recountSpans } from '../../clickhouse/queries/series-partials.ts'
import { nanos, rangeOf } from '../analytics/decode/support.ts'
import type { TestMessage } from '../analytics/decode/support.ts'
import { encodeRequest } from '../support/otlp-encode.ts'
import type { TestSpan } from '../support/otlp-encode.ts'
import { openTestStore, type TestStore } from './clickhouse/store.ts'

const NOW_MS = Math.floor(Date.now() / 10_000) * 10_000 + 3000
const START = nanos(NOW_MS)
let opened: TestStore
let ch: ClickHouse

beforeAll(async () => {
  opened = await openTestStore()
  ch = opened.clickhouse
})
afterAll(() => opened?.dispose())
beforeEach(async () => {
  for (const table of ['otel_spans', 'otel_logs', 'series_partials']) await ch.command(`TRUNCATE TABLE ${table}`)
})

const bytesOf = (size: number, n: number): Uint8Array => {
  const bytes = new Uint8Array(size)
  // Spread over the hash, and never zero.
  new DataView(bytes.buffer).setUint32(size - 4, Math.imul(n + 1, 0x9e3779b1) >>> 0)
  bytes[0] = 1
  return bytes
}
interface Made extends TestSpan {
  readonly service: string
}
const message = (spans: readonly Made[], tenant = 'default'): TestMessage => ({
  body: encodeRequest({
    resourceSpans: spans.map(({ service, ...span }) => ({
      resource: { attributes: [{ key: 'service.name', value: { stringValue: service } }] },
      scopeSpans: [{ spans: [span] }],
    })),
  }),
  envelope: { signal: 'otlp_traces', tenant, receivedAtMs: NOW_MS, recordCount: spans.length },
})
const range = (...messages: TestMessage[]) => rangeOf(messages, { receiveDay: Math.floor(NOW_MS / 86_400_000) })
const store = async (...messages: TestMessage[]) => {
  const input = range(...messages)
  const output = decodeBatch(input)
  expect(output.poison).toEqual([])
  for (const [table, block] of blocksOf(output)) await ch.insert({ table, block, token: `${table} ${messages.length}` })
  return input
}
let spans = 0
/** A call of `to` by `from`: the caller's span, the client's under it, the server's under that. */
const call = (
  trace: number,
  from: string,
  to: string,
  changes: { failed?: boolean; client?: boolean; ms?: number; atMs?: number } = {},
): Made[] => {
  const { failed = false, client = true, ms = 5, atMs = NOW_MS } = changes
  const traceId = bytesOf(16, trace)
  const [root, out, inside] = [bytesOf(8, spans++), bytesOf(8, spans++), bytesOf(8, spans++)]
  const time = { startTimeUnixNano: nanos(atMs), endTimeUnixNano: nanos(atMs) + BigInt(ms) * 1_000_000n }
  const status = { code: failed ? 2 : 0 }
  return [
    { service: from, traceId, spanId: root, kind: 2, name: 'in', ...time },
    ...(client ? [{ service: from, traceId, spanId: out, parentSpanId: root, kind: 3, name: 'out', ...time }] : []),
    { service: to, traceId, spanId: inside, parentSpanId: client ? out : root, kind: 2, name: `serve ${to}`, status, ...time },
  ]
}
const window = { fromMs: NOW_MS - 600_000, toMs: NOW_MS + 60_000 }

describe('spans in ClickHouse', () => {
  it('read back as they were sent, as one part, and the same token lands once', async () => {
    const sent = call(1, 'cart', 'db', { failed: true })
    for (let round = 0; round < 2; round++) await store(message(sent), message(call(2, 'a', 'b')))
    const rows = await ch.query<Record<string, string>>(
      {
        name: 'test.spans',
        sql: `SELECT toString(toUnixTimestamp64Nano(Timestamp)) AS at, toString(Duration) AS took, lower(hex(TraceId)) AS trace, lower(hex(SpanId)) AS span, lower(hex(ParentSpanId)) AS parent,
      ServiceName, SpanName, toString(SpanKind) AS kind, toString(StatusCode) AS status, toString(IsEntry) AS entry, toString(log_offset) AS offset, toString(record_index) AS index, _part AS part FROM otel_spans WHERE tenant = {tenant:String} ORDER BY log_offset, record_index`,
      },
      { tenant: 'default' },
    )
    expect(rows).toHaveLength(6)
    expect(new Set(rows.map(({ part }) => part)).size).toBe(1)
    const hex = (bytes: unknown): string => Buffer.from((bytes as Uint8Array | undefined) ?? new Uint8Array(8)).toString('hex')
    expect(rows.slice(0, 3).map(({ part: _part, ...row }) => row)).toEqual(
      sent.map((span, index) => ({
        at: String(START),
        took: '5000000',
        trace: hex(span.traceId),
        span: hex(span.spanId),
        parent: hex(span.parentSpanId),
        ServiceName: span.service,
        SpanName: span.name,
        kind: ['', '', 'Server', 'Client'][span.kind as number],
        status: index === 2 ? 'Error' : 'Unset',
        entry: index === 1 ? '0' : '1',
        offset: '100',
        index: String(index),
      })),
    )
  })

  it('are asked for by position, and sent again under the next token only when they are absent', async () => {
    const input = range(message(call(1, 'a', 'b')))
    const block = decodeBatch(input).spans!
    const where = { partition: input.partition, first: 100, last: 100, receiveDay: input.receiveDay, records: 3, cost: 0 }
    const retry = { minMs: 5, maxMs: 50, signal: new AbortController().signal, onFailure: () => undefined }
    const sent: string[] = []
    const target = {
      token: 'r',
      shard: null,
      send: async (token: string) => {
        sent.push(token)
        await ch.insert({ table: 'otel_spans', block, token })
      },
      isPresent: presenceOf(ch, 'otel_spans', input.logId, where, null),
    }
    expect([
      await target.isPresent(),
      await insertRange(target, true, retry),
      await insertRange(target, true, retry),
      await target.isPresent(),
    ]).toEqual([false, true, true, true])
    await ch.command('TRUNCATE TABLE otel_spans')
    // Truncation forgets no token: as after a crash between token and part.
    await insertRange(target, true, retry)
    expect(await target.isPresent()).toBe(true)
    expect(sent.slice(0, 2)).toEqual(['r', 'r'])
  })

  it('recounted by SQL give every series of their partials', async () => {
    const made = Array.from({ length: 60 }, (_, i) =>
      call(i, 'a', 'b', { failed: i % 7 === 0, ms: i % 5 === 0 ? 0 : i * 300, client: i % 2 === 0, atMs: NOW_MS - (i % 4) * 9000 }),
    )
      .flat()
      .map((span, i) => ({ ...span, name: i % 11 === 0 ? '' : `op ${i % 3}` }))
    const input = await store(message(made))
    const partials = await ch.query(partialRows, { partition: 1, firsts: [100], logId: input.logId, shard: 0, shards: 1 })
    expect(partials.length).toBeGreaterThan(6)
    for (const partial of partials) {
      const recounted = await ch.query(recountSpans, {
        tenant: 'default',
        service: partial.service,
        fromMs: partial.bucket * 1000,
        toMs: partial.bucket * 1000 + 10_000,
      })
      const metrics = partial.metric
        .map((metric, i) => ({
          metric,
          count: String(partial.count[i]),
          sum: partial.sum[i],
          min: partial.min[i],
          max: partial.max[i],
          sum_sq: partial.sum_sq[i],
        }))
        .sort((a, b) => (a.metric < b.metric ? -1 : 1))
      expect(recounted).toEqual(metrics)
    }
  })

  it('are not held against their message where the store refuses even a span of our own', async () => {
    const input = range(message(call(1, 'a', 'b')), message(call(2, 'a', 'b')))
    const decode = async (messages: typeof input.messages) => decodeBatch({ ...input, messages })
    expect(await findRefused(input.messages, decode, ch)).toEqual([])
    await ch.command("ALTER TABLE otel_spans ADD CONSTRAINT no_b CHECK ServiceName != 'lapwing'")
    try {
      expect(await findRefused(input.messages, decode, ch)).toEqual([])
    } finally {
      await ch.command('ALTER TABLE otel_spans DROP CONSTRAINT no_b')
    }
    await ch.command("ALTER TABLE otel_spans ADD CONSTRAINT no_b CHECK ServiceName != 'b'")
    try {
      const bad = range(message(call(1, 'a', 'c')), message(call(2, 'a', 'b')))
      expect(await findRefused(bad.messages, async (messages) => decodeBatch({ ...bad, messages }), ch)).toMatchObject([
        { offset: 101, reason: 'store_rejected' },
      ])
    } finally {
      await ch.command('ALTER TABLE otel_spans DROP CONSTRAINT no_b')
    }
  })
})

describe('calls between services', () => {
  it("are spans whose parent is another service's, with failures, and failed and slow traces as examples", async () => {
    await store(
      message([
        ...call(1, 'web', 'cart'),
        ...call(2, 'web', 'cart', { failed: true }),
        ...call(3, 'web', 'cart', { ms: 900, client: false }),
        ...call(4, 'web', 'cart', { ms: 20 }),
        ...call(5, 'cart', 'cart'),
      ]),
      message(call(6, 'cart', 'db')),
      message(call(7, 'web', 'db'), 'other'),
    )
    const examples = [2, 3, 4].map((n) => Buffer.from(bytesOf(16, n)).toString('hex'))
    const at = { firstMs: NOW_MS, lastMs: NOW_MS }
    expect(await loadSpanCalls(ch, 'default', window)).toEqual([
      { from: 'web', to: 'cart', calls: 4, errors: 1, ...at, examples, isEstimate: false },
      { from: 'cart', to: 'db', calls: 1, errors: 0, ...at, examples: [Buffer.from(bytesOf(16, 6)).toString('hex')], isEstimate: false },
    ])
    expect(await loadSpanCalls(ch, 'other', window)).toMatchObject([{ from: 'web', to: 'db' }])
    expect(await loadSpanCalls(ch, 'default', { fromMs: window.fromMs - 3_600_000, toMs: window.fromMs })).toEqual([])
  })

  it('that nobody answered are known where the caller names its peer', async () => {
    const calls = (peer: string): Made[] => {
      const [root, out] = call(1, 'cart', 'x')
      return [root, { ...out, status: { code: 2 }, attributes: [{ key: 'peer.service', value: { stringValue: peer } }] }]
    }
    const [root, out, inside] = call(2, 'cart', 'db')
    await store(
      message([
        ...calls('db'),
        ...calls('cart'),
        root,
        { ...out, attributes: [{ key: 'service.peer.name', value: { stringValue: 'alias' } }] },
        inside,
      ]),
    )
    expect(await loadSpanCalls(ch, 'default', window)).toMatchObject([{ from: 'cart', to: 'db', calls: 2, errors: 1 }])
  })

  it('are estimated from a share of the traces where there are too many, each trace whole', async () => {
    await store(
      message(Array.from({ length: 4000 }, (_, i) => call(i, 'web', i % 4 === 0 ? 'cart' : 'search', { failed: i % 8 === 0 })).flat()),
    )
    const exact = await loadSpanCalls(ch, 'default', window)
    expect(exact).toMatchObject([
      { to: 'search', calls: 3000, errors: 0, isEstimate: false },
      { to: 'cart', calls: 1000, errors: 500 },
    ])
    const estimated = await loadSpanCalls(ch, 'default', window, 3000)
    expect(estimated.map(({ to, isEstimate }) => [to, isEstimate])).toEqual([
      ['search', true],
      ['cart', true],
    ])
    const near = (value: number, wanted: number) => expect(Math.abs(value / wanted - 1)).toBeLessThan(0.25)
    near(estimated[0].calls, 3000)
    near(estimated[1].calls, 1000)
    near(estimated[1].errors ?? 0, 500)
  })
})
