import { createSoleOwner } from '../../api/services/leases.ts'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startStoreRetention, type StoreRetention } from '../../process/store-retention.ts'
import { storeDays } from '../../clickhouse/queries/store.ts'
import { openTestStore, toRow, until, type TestStore } from './clickhouse/store.ts'

const DAY_MS = 86_400_000
const warnings: string[] = []
const logger = {
  debug: () => {},
  info: () => {},
  warn: (_fields: object, message: string) => {
    warnings.push(message)
  },
  error: () => {},
}
let store: TestStore
let retention: StoreRetention
const insertDay = (age: number): Promise<void> =>
  store.clickhouse.insertRows({
    table: 'otel_logs',
    rows: Array.from({ length: 300 }, (_, n) =>
      toRow({ tenant: 'a', ms: Date.now() - age * DAY_MS, body: `record ${n * 7919} of day ${age}`, offset: n, index: age }),
    ),
  })

beforeAll(async () => {
  store = await openTestStore()
  for (const age of [0, 1, 2]) await insertDay(age)
  retention = startStoreRetention(
    { maxBytes: 1, minFreeBytes: 0, firstAfterMs: 1, everyMs: 20 },
    { clickhouse: store.clickhouse, clock: Date.now, logger, leases: createSoleOwner() },
  )
})
afterAll(async () => {
  await retention.close()
  await store.dispose()
})

it('a store over its bound loses its oldest days again and again, keeps today, and says so', async () => {
  await until('two days are dropped', () => retention.stats().droppedDays === 2)
  expect(retention.stats()).toMatchObject({ droppedRows: 600, last: { over: true } })
  await insertDay(3)
  await until('the late day is dropped', () => retention.stats().droppedDays === 3)
  expect((await store.clickhouse.query(storeDays, {})).map((row) => row.day)).toEqual([new Date().toISOString().slice(0, 10)])
  expect(warnings).toContain('store over its bound: oldest day dropped')
  expect(warnings).toContain('store over its bound with nothing but today left')
})

it('a process whose lease another had meanwhile drops nothing on what it counted before', async () => {
  await retention.close()
  await insertDay(4)
  let epoch = 0
  const taken = startStoreRetention(
    { maxBytes: 1, minFreeBytes: 0, firstAfterMs: 1, everyMs: 1 },
    {
      clickhouse: store.clickhouse,
      clock: Date.now,
      logger,
      leases: { ...createSoleOwner(), claim: async (name) => ({ ...(await createSoleOwner().claim(name))!, epoch: epoch++ }) },
    },
  )
  await until('a pass has ended', () => taken.stats().last !== null)
  await taken.close()
  expect([taken.stats().droppedDays, taken.stats().last]).toMatchObject([0, { over: false }])
})

it('a pass that fails is told and tried again', async () => {
  const failing = startStoreRetention(
    { maxBytes: 1, minFreeBytes: 0, firstAfterMs: 1, everyMs: 1 },
    {
      clickhouse: {
        ...store.clickhouse,
        query: async () => {
          throw new Error('away')
        },
      },
      clock: Date.now,
      logger,
      leases: createSoleOwner(),
    },
  )
  await until('two failures', () => warnings.filter((message) => message === 'store retention failed').length > 1)
  expect(failing.stats().last).toBeNull()
  await failing.close()
})
