// How many transactions appends take. The store is a sink that counts them.
import { setTimeout as pause } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { createAppendQueue } from '../../../streams/embedded/append-queue.ts'
import type { Store } from '../../../streams/embedded/store.ts'
import { createEnvelope } from '../../support/envelopes.ts'

const open = () => {
  const batches: number[] = []
  let offset = 0
  const store = {
    refresh: () => undefined,
    tail: () => ({ mark: { offset, before: 0 }, version: 1 }),
    append: async (_partition: number, _tail: unknown, messages: readonly unknown[]) => {
      batches.push(messages.length)
      offset += messages.length
      await pause(1)
      return true
    },
  } as unknown as Store
  const retention = { usedBytes: () => 0, shrinkTo: async () => 0, expire: async () => 0 }
  const queue = createAppendQueue({ maxPendingBytes: 1e9 }, { store, retention, bound: async () => 1e9, onDurable: () => undefined })
  return { batches, append: () => queue.append({ partition: 0, envelope: createEnvelope(), body: new Uint8Array(10) }) }
}

it('appends of one turn share a transaction, and who comes while it is made durable shares the next', async () => {
  const { batches, append } = open()
  const all = Array.from({ length: 100 }, append)
  while (batches.length === 0) await pause(0)
  for (let late = 0; late < 5; late++) all.push(append())
  await Promise.all(all)
  expect(batches).toEqual([100, 5])
})

it('who waits for each answer waits for nobody else', async () => {
  const { batches, append } = open()
  for (let at = 0; at < 60; at++) await append()
  expect(batches).toHaveLength(60)
})
