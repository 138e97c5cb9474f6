// Work under a lease: one process at a time for as long as it takes, and the next one when it has ended, however it ended.
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createLeases } from '../../api/services/leases.ts'
import type { Store } from '../../api/store/store.ts'
import { underLease } from '../../process/under-lease.ts'
import { openMigratedStore } from '../support/migrated-store.ts'

const LEASE_MS = 2000
const TIMES = { againMs: 5, renewEveryMs: 100 }
let opened: { readonly store: Store; close(): Promise<void> }
beforeAll(async () => {
  opened = await openMigratedStore()
})
afterAll(() => opened.close())

it('is done by one at a time, also when it takes longer than a lease lasts', async () => {
  let working = 0
  let most = 0
  const work = async (): Promise<void> => {
    most = Math.max(most, ++working)
    await new Promise((resolve) => setTimeout(resolve, 1.5 * LEASE_MS))
    working--
  }
  await Promise.all(['one', 'two'].map((owner) => underLease(createLeases(opened.store, owner, LEASE_MS), 'long', work, TIMES)))
  expect([most, working]).toEqual([1, 0])
})

it('that fails is free for the next', async () => {
  const [one, two] = ['one', 'two'].map((owner) => createLeases(opened.store, owner))
  await expect(underLease(one, 'failing', () => Promise.reject(new Error('broken')), TIMES)).rejects.toThrow('broken')
  expect(await underLease(two, 'failing', async () => 'done', TIMES)).toBe('done')
})
