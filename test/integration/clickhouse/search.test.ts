import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createClickHouse } from '../../../clickhouse/client.ts'
import { findFacets } from '../../../clickhouse/queries/find-facets.ts'
import { findLogs } from '../../../clickhouse/queries/find-logs.ts'
import { positionOf, type FacetRow, type LogFilter, type LogPosition, type LogRow } from '../../../clickhouse/queries/logs-search.ts'
import { toWords } from '../../../clickhouse/queries/words.ts'
import { openTestStore, toRow, type LogRecord, type TestStore } from './store.ts'

const HOUR = 3_600_000
/** Noon of yesterday: what is older than retention would not be stored. */
const NOW = Math.floor(Date.now() / (24 * HOUR)) * 24 * HOUR - 12 * HOUR
const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10)
const filterOf = (part: Partial<LogFilter> = {}): LogFilter => ({
  tenant: 'a',
  fromNs: BigInt(NOW - 48 * HOUR) * 1_000_000n,
  toNs: BigInt(NOW) * 1_000_000n,
  service: null,
  severityMin: 0,
  words: [],
  attributes: [],
  traceId: null,
  ...part,
})

const RECORDS: readonly Omit<LogRecord, 'offset'>[] = [
  {
    tenant: 'a',
    ms: NOW - 60_000,
    body: 'payment failed: card declined',
    service: 'payments',
    severity: 17,
    attributes: { 'user.id': '42' },
    resource: { 'host.name': 'h1' },
    traceId: '0123456789abcdef0123456789abcdef',
  },
  {
    tenant: 'a',
    ms: NOW - 120_000,
    body: 'Payment accepted',
    service: 'payments',
    severity: 9,
    attributes: { 'user.id': '43' },
    resource: { 'host.name': 'h2' },
  },
  {
    tenant: 'a',
    ms: NOW - 2 * HOUR,
    body: 'GET /cart timeout after 3000ms',
    service: 'cart',
    severity: 13,
    attributes: { 'http.route': '/cart' },
  },
  {
    tenant: 'a',
    ms: NOW - 40 * HOUR,
    body: 'TIMEOUT while paying; payments_total=1',
    service: 'cart',
    severity: 21,
    resource: { 'host.name': 'h1' },
  },
  // Received a day after it happened, and a day before.
  { tenant: 'a', ms: NOW - 30 * HOUR, body: 'late arrival', service: 'cart', day: dayOf(NOW) },
  { tenant: 'a', ms: NOW - 10 * HOUR, body: 'early bird', service: 'cart', day: dayOf(NOW - 24 * HOUR) },
  { tenant: 'a', ms: NOW - 60 * HOUR, body: 'payment of last week', service: 'payments' },
  {
    tenant: 'b',
    ms: NOW - 60_000,
    body: 'payment failed in another tenant',
    service: 'payments',
    severity: 17,
    attributes: { 'user.id': '42' },
    resource: { 'host.name': 'h1' },
    traceId: '0123456789abcdef0123456789abcdef',
  },
]

describe('log search', () => {
  let store: TestStore
  const bodies = async (part: Partial<LogFilter>, limit = 100): Promise<string[]> =>
    (await findLogs(store.clickhouse, filterOf(part), limit, null)).rows.map((row) => row.Body)
  /** Of a full page of one row, with a clock that stands: nothing is left out for want of time. */
  const facetsOf = async (filter: LogFilter): Promise<readonly FacetRow[]> =>
    (await findFacets(store.clickhouse, filter, { ...(await findLogs(store.clickhouse, filter, 1, null)), limit: 1, tookMs: 0 }, () => 0))
      .rows
  beforeAll(async () => {
    store = await openTestStore()
    await store.clickhouse.insertRows({ table: 'otel_logs', rows: RECORDS.map((record, offset) => toRow({ ...record, offset })) })
  })
  afterAll(() => store.dispose())

  it('answers newest first, within the time range, whenever a record was received', async () => {
    expect(await bodies({})).toEqual([
      'payment failed: card declined',
      'Payment accepted',
      'GET /cart timeout after 3000ms',
      'early bird',
      'late arrival',
      'TIMEOUT while paying; payments_total=1',
    ])
    expect(await bodies({}, 2)).toEqual(['payment failed: card declined', 'Payment accepted'])
    expect(await bodies({ fromNs: BigInt(NOW - 60_000) * 1_000_000n })).toEqual(['payment failed: card declined'])
  })

  it('shows no tenant another, whichever way it is asked', async () => {
    for (const part of [
      {},
      { words: ['payment'] },
      { attributes: [['user.id', '42']] as const },
      { traceId: '0123456789abcdef0123456789abcdef' },
      { service: 'payments' },
      { severityMin: 17 },
    ]) {
      expect(await bodies({ ...part, tenant: 'b' }), JSON.stringify(part)).toEqual(['payment failed in another tenant'])
      expect(await bodies({ ...part, tenant: 'nobody' })).toEqual([])
      expect((await bodies(part)).filter((body) => body.includes('another tenant'))).toEqual([])
      expect(await facetsOf(filterOf({ ...part, tenant: 'b' }))).toEqual([{ service: 'payments', severity: 17, records: '1' }])
    }
  })

  it('finds whole words, all of them, in any case of ASCII letters', async () => {
    expect(await bodies({ words: ['payment'] })).toEqual(['payment failed: card declined', 'Payment accepted'])
    expect(await bodies({ words: ['timeout'] })).toEqual(['GET /cart timeout after 3000ms', 'TIMEOUT while paying; payments_total=1'])
    expect(await bodies({ words: ['Payment', 'DECLINED'] })).toEqual(['payment failed: card declined'])
    expect(await bodies({ words: ['pAYMENT', 'deClined'] })).toEqual(['payment failed: card declined'])
    expect(await bodies({ words: ['paym'] })).toEqual([])
    expect(await bodies({ words: toWords('payments_total=1') })).toEqual(['TIMEOUT while paying; payments_total=1'])
    expect(await bodies({ words: toWords("' OR 1=1 --") })).toEqual([])
  })

  it('filters by service, severity, trace and attributes of record or resource', async () => {
    expect(await bodies({ service: 'payments' })).toHaveLength(2)
    expect(await bodies({ severityMin: 17 })).toEqual(['payment failed: card declined', 'TIMEOUT while paying; payments_total=1'])
    expect(await bodies({ traceId: '0123456789abcdef0123456789abcdef' })).toEqual(['payment failed: card declined'])
    expect(await bodies({ attributes: [['user.id', '42']] })).toEqual(['payment failed: card declined'])
    expect(await bodies({ attributes: [['host.name', 'h1']] })).toEqual([
      'payment failed: card declined',
      'TIMEOUT while paying; payments_total=1',
    ])
    expect(
      await bodies({
        attributes: [
          ['host.name', 'h1'],
          ['user.id', '42'],
        ],
      }),
    ).toEqual(['payment failed: card declined'])
    expect(await bodies({ attributes: [['host.name', '42']] })).toEqual([])
  })

  it('counts services and severities of what matches', async () => {
    const facets = await facetsOf(filterOf())
    expect(facets).toHaveLength(5)
    expect(facets).toEqual(
      expect.arrayContaining([
        { service: 'cart', severity: 9, records: '2' },
        { service: 'payments', severity: 17, records: '1' },
      ]),
    )
    expect(facets.every((row, index) => index === 0 || Number(row.records) <= Number(facets[index - 1].records))).toBe(true)
  })

  it('finds what was received a day early whatever the time zone of the server', async () => {
    // East of Greenwich the next day has begun.
    await store.clickhouse.insertRows({
      table: 'otel_logs',
      rows: [toRow({ tenant: 'zone', ms: NOW, body: 'noon', offset: 1, day: dayOf(NOW - 24 * HOUR) })],
    })
    for (const zone of ['Pacific/Kiritimati', 'Pacific/Pago_Pago']) {
      const there = createClickHouse({
        url: `${store.local.url}?clickhouse_setting_session_timezone=${zone}`,
        user: store.local.user,
        password: store.local.password,
        database: 'lapwing',
      })
      expect(await there.query({ name: 'zone', sql: 'SELECT timezone() AS zone' }, {}), zone).toEqual([{ zone }])
      const filter = filterOf({ tenant: 'zone', fromNs: BigInt(NOW - 1) * 1_000_000n })
      expect(
        (await findLogs(there, filter, 10, null)).rows.map((row) => row.Body),
        zone,
      ).toEqual(['noon'])
      await there.close()
    }
  })

  it('counts no further back than its time carries, and says from where', async () => {
    const rows = Array.from({ length: 100 }, (_, n) => toRow({ tenant: 'facets', ms: NOW - (n * HOUR) / 4, body: 'tick', offset: n }))
    await store.clickhouse.insertRows({ table: 'otel_logs', rows })
    const filter = filterOf({ tenant: 'facets' })
    const { rows: page } = await findLogs(store.clickhouse, filter, 11, null)
    const found = (tookMs: number, now: () => number) => findFacets(store.clickhouse, filter, { rows: page, limit: 11, tookMs }, now)
    // A page that took all the time there is: its own rows, but for the last one and what may stand beside it.
    expect(await found(1000, () => 0)).toEqual({
      rows: [{ service: 'shop', severity: 9, records: '10' }],
      fromNs: BigInt(page[10].timestamp_ns) + 1n,
    })
    // One step of twice the page's time, after which the time is out.
    let readings = 0
    const some = await found(52.5, () => (readings++ < 3 ? 0 : 1000))
    expect(some.rows).toEqual([{ service: 'shop', severity: 9, records: '30' }])
    expect(Number(filter.toNs - some.fromNs) / 1e6).toBeCloseTo((30 * HOUR) / 4, 0)
    expect(await found(0, () => 0)).toEqual({ rows: [{ service: 'shop', severity: 9, records: '100' }], fromNs: filter.fromNs })
    expect(await findFacets(store.clickhouse, filter, { rows: page, limit: 12, tookMs: 0 }, () => 0)).toEqual({
      rows: [{ service: 'shop', severity: 9, records: '11' }],
      fromNs: filter.fromNs,
    })
  })

  it('walks every row once by cursor, equal times, slices and partitions included', async () => {
    const rows: object[] = []
    // 400 rows on 40 instants of two days, over two partitions, many in one message.
    for (let n = 0; n < 400; n += 1)
      rows.push(
        toRow({
          tenant: 'walk',
          ms: NOW - (n % 40) * HOUR,
          body: n % 3 === 0 ? `tick ${n}` : `Tick ${n}`,
          partition: n % 2,
          offset: Math.floor(n / 80),
          index: n,
        }),
      )
    await store.clickhouse.insertRows({ table: 'otel_logs', rows })
    for (const words of [[], ['tick']]) {
      for (const limit of [7, 64, 399]) {
        const seen: LogRow[] = []
        for (let after: LogPosition | null = null; ;) {
          const { rows: page } = await findLogs(store.clickhouse, filterOf({ tenant: 'walk', words }), limit + 1, after)
          seen.push(...page.slice(0, limit))
          if (page.length <= limit) break
          after = positionOf(page[limit - 1])
        }
        expect(seen).toHaveLength(400)
        expect(new Set(seen.map((row) => row.record_index)).size).toBe(400)
        expect(seen.every((row, index) => index === 0 || BigInt(row.timestamp_ns) <= BigInt(seen[index - 1].timestamp_ns))).toBe(true)
      }
      const facets = await facetsOf(filterOf({ tenant: 'walk', words }))
      expect(facets).toEqual([{ service: 'shop', severity: 9, records: '400' }])
    }
  })
})
