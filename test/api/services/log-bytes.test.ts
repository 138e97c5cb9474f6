// What ingest reports is added up for all processes, also over an outage of the store.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createLogBytes } from '../../../api/services/log-bytes.ts'
import type { Store } from '../../../api/store/store.ts'
import { openMigratedStore } from '../../support/migrated-store.ts'

let opened: { readonly store: Store; close(): Promise<void> }
beforeAll(async () => {
  opened = await openMigratedStore()
})
afterAll(async () => {
  await opened.close()
})

const clock = () => Date.UTC(2026, 0, 31, 12)
const use = (tokenId: string, bytes: number, day = '2026-01-31') => ({ tenant: 'a', tokenId, day, bytes })

test('reports of several processes at once are added, each told the total; days stand apart', async () => {
  const all = Array.from({ length: 4 }, () =>
    createLogBytes({
      store: opened.store,
      clock,
      onError: (error) => {
        throw error as Error
      },
    }),
  )
  const told = (await Promise.all(Array.from({ length: 40 }, (_, n) => all[n % 4].add([use('t1', 10), use('t2', 1)]))))
    .flat()
    .filter(({ tokenId }) => tokenId === 't1')
    .map(({ bytes }) => bytes)
  expect(told.sort((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, n) => (n + 1) * 10))
  await all[0].add([use('t1', 5, '2026-02-01'), use('t2', -30)])
  expect((await all[1].load()).sort((a, b) => (a.tokenId < b.tokenId ? -1 : 1))).toEqual([
    { tokenId: 't1', day: '2026-01-31', bytes: 400 },
    { tokenId: 't2', day: '2026-01-31', bytes: 10 },
  ])
})

test('while the store is away a report waits; closing ends the wait', async () => {
  let away = 1
  const errors: unknown[] = []
  const store = {
    query: async <Row>(sql: string, params?: readonly (string | number | boolean | null)[]) => {
      if (away-- > 0) throw new Error('away')
      return await opened.store.query<Row>(sql, params)
    },
  }
  const logBytes = createLogBytes({ store, clock, onError: (error) => errors.push(error) })
  expect(await logBytes.add([use('t3', 7)])).toEqual([{ tokenId: 't3', day: '2026-01-31', bytes: 7 }])
  expect(errors).toHaveLength(1)
  away = Number.POSITIVE_INFINITY
  const waiting = logBytes.add([use('t3', 7)])
  await logBytes.close()
  expect(await waiting).toEqual([])
})
