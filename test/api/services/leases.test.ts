// Leases: one owner at a time, a new epoch at each change of owner, and nothing is written under an old one.
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createLeases } from '../../../api/services/leases.ts'
import type { Store } from '../../../api/store/store.ts'
import { until } from '../../../bench/load/product.ts'
import { openMigratedStore } from '../../support/migrated-store.ts'

let opened: { readonly store: Store; close(): Promise<void> }
let store: Store
beforeAll(async () => {
  opened = await openMigratedStore()
  store = opened.store
})
afterAll(() => opened.close())

const tenants = async (): Promise<string[]> =>
  (await store.query<{ id: string }>("SELECT id FROM tenants WHERE id LIKE 'by-%' ORDER BY id")).map(({ id }) => id)
const write = (id: string) => async (): Promise<void> => {
  await store.query('INSERT INTO tenants (id, name) VALUES ($1, $1)', [id])
}

it('has one owner, who keeps its epoch while it prolongs', async () => {
  const [first, second] = [createLeases(store, 'one'), createLeases(store, 'two')]
  const lease = (await first.claim('work'))!
  expect([lease.epoch, lease.isHeld()]).toEqual([1, true])
  expect(await second.claim('work')).toBeNull()
  expect((await first.claim('work'))!.epoch).toBe(1)
  expect((await second.claim('other work'))!.epoch).toBe(1)
})

it('of many who ask at once one gets it', async () => {
  const asked = await Promise.all(Array.from({ length: 20 }, (_, n) => createLeases(store, `asker-${n}`).claim('crowded')))
  expect(asked.filter((lease) => lease !== null)).toHaveLength(1)
})

it('released it is free at once, and its next owner has the next epoch', async () => {
  const [first, second] = [createLeases(store, 'one'), createLeases(store, 'two')]
  const lease = (await first.claim('released'))!
  await first.release(lease)
  expect((await second.claim('released'))!.epoch).toBe(2)
  // Released a second time it is not taken from the new owner.
  await first.release(lease)
  expect(await first.claim('released')).toBeNull()
})

it('ends by itself: its owner stops believing in it before another can have it', async () => {
  const [first, second] = [createLeases(store, 'one', 1400), createLeases(store, 'two', 1400)]
  const lease = (await first.claim('short'))!
  await until('it is not held any more', 3000, () => !lease.isHeld(), 5)
  expect(await second.claim('short')).toBeNull()
  await until('another has it', 5000, async () => (await second.claim('short')) !== null, 20)
})

it('what is written under it is written only while it is held; after another had it nothing is', async () => {
  const [first, second] = [createLeases(store, 'one', 1200), createLeases(store, 'two', 1200)]
  const lease = (await first.claim('guarded'))!
  await lease.guard(write('by-one'))
  await until('another has it', 5000, async () => (await second.claim('guarded')) !== null, 20)
  await expect(lease.guard(write('by-late-one'))).rejects.toMatchObject({ name: 'PermanentError', code: 'FENCED' })
  expect(await tenants()).toEqual(['by-one'])
  // Its old owner gets it back some time, under an epoch of its own: the old lease stays dead.
  await until('the first has it again', 5000, async () => (await first.claim('guarded')) !== null, 20)
  await expect(lease.guard(write('by-older-one'))).rejects.toMatchObject({ code: 'FENCED' })
})
