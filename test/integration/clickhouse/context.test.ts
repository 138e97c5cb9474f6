// One log record by its place and one service's rates, asked of a real store by their own queries.
import { afterAll, beforeAll, expect, it } from 'vitest'
import { logByPosition } from '../../../clickhouse/queries/log-by-position.ts'
import { findLogs } from '../../../clickhouse/queries/find-logs.ts'
import { pointsOfSeries } from '../../../clickhouse/queries/series-points.ts'
import { serviceRates } from '../../../clickhouse/queries/service-rates.ts'
import { openTestStore, toRow, type TestStore } from './store.ts'

const NOW = Math.floor(Date.now() / 3_600_000) * 3_600_000 - 3_600_000
const second = (ms: number): number => ms / 1000

let store: TestStore
beforeAll(async () => {
  store = await openTestStore()
  await store.clickhouse.insertRows({
    table: 'otel_logs',
    rows: [
      ...Array.from({ length: 3000 }, (_, offset) =>
        toRow({ tenant: 'a', ms: NOW - offset * 1000, body: `body ${offset}`, service: 'cart', offset }),
      ),
      toRow({ tenant: 'b', ms: NOW, body: 'of b', service: 'cart', offset: 17 }),
    ],
  })
  const point = (tenant: string, service: string, metric: string, secondsAgo: number, count: number, sum: number, version = 1): object => ({
    tenant,
    service,
    metric,
    bucket: second(NOW) - secondsAgo,
    count,
    sum,
    min: 0,
    max: 0,
    sum_sq: 0,
    version,
  })
  await store.clickhouse.insertRows({
    table: 'series_points',
    rows: [
      point('a', 'cart', 'log.rate', 60, 10, 10),
      point('a', 'cart', 'log.rate', 70, 5, 5),
      point('a', 'cart', 'log.rate', 60, 12, 12, 2),
      point('a', 'cart', 'log.rate', 700, 3, 3),
      point('a', 'cart', 'attr.duration', 50, 2, 30),
      point('a', 'other', 'log.rate', 60, 100, 100),
      point('a', 'other', 'log.rate', 80, 1, 1),
      point('a', 'cart', 'log.error_rate', 60, 4, 4),
      point('b', 'cart', 'log.rate', 90, 1, 1),
      point('b', 'cart', 'log.rate', 60, 100, 100),
      point('a', 'cart', 'log.rate', 2000, 100, 100),
    ],
  })
})
afterAll(() => store.dispose())

it('a record is found by the place that a search gives, and by no other tenant', async () => {
  const filter = {
    tenant: 'a',
    fromNs: BigInt(NOW - 2_000_000) * 1_000_000n,
    toNs: BigInt(NOW) * 1_000_000n,
    service: null,
    severityMin: 0,
    words: [],
    attributes: [],
    traceId: null,
  }
  const { rows } = await findLogs(store.clickhouse, filter, 40, null)
  for (const row of [rows[0], rows[17], rows[39]]) {
    const place = { logId: row.log_id, partition: row.log_partition, offset: row.log_offset, index: row.record_index }
    expect(await store.clickhouse.query(logByPosition, { tenant: 'a', ...place })).toEqual([row])
    expect((await store.clickhouse.query(logByPosition, { tenant: 'b', ...place })).filter(({ Body }) => Body !== 'of b')).toEqual([])
    expect(await store.clickhouse.query(logByPosition, { tenant: 'a', ...place, index: 99 })).toEqual([])
  }
})

it('rates are of one service and tenant, newest version, in the window and the one before it', async () => {
  expect(
    await store.clickhouse.query(serviceRates, {
      tenant: 'a',
      service: 'cart',
      before: second(NOW) - 1200,
      from: second(NOW) - 600,
      to: second(NOW),
    }),
  ).toEqual([
    { metric: 'log.rate', count: '17', total: 17, count_before: '3', total_before: 3 },
    { metric: 'log.error_rate', count: '4', total: 4, count_before: '0', total_before: 0 },
    { metric: 'attr.duration', count: '2', total: 30, count_before: '0', total_before: 0 },
  ])
})

it('a bucket in which nothing was counted is 0 where the service logged, and of its rate where anybody did; elsewhere nothing is known', async () => {
  const of = async (metric: string, rate: string, step = 10) =>
    (
      await store.clickhouse.query(pointsOfSeries, {
        tenant: 'a',
        service: 'cart',
        metric,
        from: second(NOW) - 100,
        to: second(NOW),
        step,
        rate,
      })
    ).map((row) => [second(NOW) - row.at, row.count, row.sum])
  expect(await of('log.error_rate', 'log.rate')).toEqual([
    [70, '0', 0],
    [60, '4', 4],
  ])
  expect(await of('log.rate', 'log.rate')).toEqual([
    [80, '0', 0],
    [70, '5', 5],
    [60, '12', 12],
  ])
  expect(await of('attr.duration', '')).toEqual([[50, '2', 30]])
  expect(await of('log.rate', 'log.rate', 100)).toEqual([[100, '17', 17]])
})
