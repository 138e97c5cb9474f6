import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freeSpace, storeDays, storeStats } from '../../../clickhouse/queries/store.ts'
import { enforceRetention } from '../../../clickhouse/retention.ts'
import { openTestStore, toRow, type TestStore } from './store.ts'

const DAY_MS = 86_400_000
const NOW = Date.now()
const dayOf = (age: number): string => new Date(NOW - age * DAY_MS).toISOString().slice(0, 10)

describe('retention by size', () => {
  let store: TestStore
  const days = async (): Promise<string[]> => (await store.clickhouse.query(storeDays, {})).map((row) => `${row.name} ${row.day}`)
  const bytes = async (): Promise<number> => Number((await store.clickhouse.query(storeStats, {}))[0].bytes)
  beforeAll(async () => {
    store = await openTestStore()
    for (const age of [0, 1, 2, 3]) {
      const rows = Array.from({ length: 500 }, (_, n) =>
        toRow({ tenant: 'a', ms: NOW - age * DAY_MS, body: `record ${n * 7919} of day ${age}`, offset: n, index: age }),
      )
      await store.clickhouse.insertRows({ table: 'otel_logs', rows })
    }
    await store.clickhouse.insertRows({
      table: 'series_partials',
      rows: [{ tenant: 'a', service: 'shop', bucket: Math.floor(NOW / 1000) - 2 * 86_400, receive_day: dayOf(2) }],
    })
  })
  afterAll(() => store.dispose())

  it('drops nothing within its bounds', async () => {
    const report = await enforceRetention({ maxBytes: 2 ** 40, minFreeBytes: 0 }, store.clickhouse, NOW)
    expect(report).toMatchObject({ dropped: [], over: false })
    expect(await enforceRetention({ maxBytes: null, minFreeBytes: 1 }, store.clickhouse, NOW)).toMatchObject({ dropped: [], over: false })
    expect(await days()).toHaveLength(5)
  })

  it('drops the oldest days, no more than are needed, and says which', async () => {
    const before = await bytes()
    const report = await enforceRetention({ maxBytes: before - 1, minFreeBytes: 0 }, store.clickhouse, NOW)
    expect(report.dropped).toEqual([{ day: dayOf(3), rows: 500, bytes: expect.any(Number) }])
    expect(report).toMatchObject({ over: false, bytes: before - report.dropped[0].bytes })
    expect(await days()).toEqual([`otel_logs ${dayOf(2)}`, `series_partials ${dayOf(2)}`, `otel_logs ${dayOf(1)}`, `otel_logs ${dayOf(0)}`])
    expect((await store.clickhouse.query(storeStats, {}))[0]).toMatchObject({ rows: '1500', oldest_day: dayOf(2) })
  })

  it('frees the disk to its floor, keeps today, and says when that is not enough', async () => {
    const [{ free_bytes: free }] = await store.clickhouse.query(freeSpace, {})
    const report = await enforceRetention({ maxBytes: null, minFreeBytes: Number(free) * 2 }, store.clickhouse, NOW)
    expect(report.dropped.map((one) => one.day)).toEqual([dayOf(2), dayOf(1)])
    expect(report.over).toBe(true)
    expect(await days()).toEqual([`otel_logs ${dayOf(0)}`])
  })
})
