import { afterAll, beforeAll, expect, it } from 'vitest'
import { huntCanaries } from './canaries.ts'
import { openTestStore, type TestStore } from './store.ts'

let store: TestStore
beforeAll(async () => {
  store = await openTestStore()
})
afterAll(() => store.dispose())

// `npm run test:large` asks 100,000.
it('600 random queries of one tenant see nothing of another', async () => {
  const { queries, matched, leaks } = await huntCanaries(store, 600, 5)
  expect(leaks).toEqual([])
  expect(queries).toBeGreaterThanOrEqual(600)
  expect(matched).toBeGreaterThan(1000)
}, 120_000)
