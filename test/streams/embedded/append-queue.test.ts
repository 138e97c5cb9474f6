// How many transactions appends take. The store is a sink that counts them.
import { setTimeout as pause } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { createAppendQueue } from '../../../streams/embedded/append-queue.ts'
import type { Store } from '../../../streams/embedded/store.ts'
import { createEnvelope } from '../../support/envelopes.ts'

const open = (bodyBytes = 10) => {
  const batches: number[] = []
  const waits: number[] = []
  let offset = 0
  const store = {
    refresh: () => undefined,
    tail: () => ({ mark: { offset, before: 0 }, version: 1 }),
    append: async (_partition: number, _tail: unknown, messages: readonly unknown[]) => {
      batches.push(messages.length)
      offset += messages.length
      return true
    },
  } as unknown as Store
  const retention = { usedBytes: () => 0, shrinkTo: async () => 0, expire: async () => 0 }
  const queue = createAppendQueue({ maxPendingBytes: 1e9 }, { store, retention, bound: async () => 1e9, onDurable: () => undefined, pause: async (ms) => { waits.push(await pause(ms, ms)) } })
  return { batches, waits, append: () => queue.append({ partition: 0, envelope: createEnvelope(), body: new Uint8Array(bodyBytes) }) }
}

it('small appends that follow one another closely share transactions', async () => {
  const { batches, append } = open()
  const all: Promise<unknown>[] = []
  for (let at = 0; at < 40; at++) {
    all.push(append())
    if (at % 4 === 3) await pause(1)
  }
  await Promise.all(all)
  expect(batches.reduce((sum, count) => sum + count, 0)).toBe(40)
  expect(batches.length).toBeLessThanOrEqual(10)
})

it('who waits for each answer does not wait for company that never comes', async () => {
  const { batches, waits, append } = open()
  for (let at = 0; at < 60; at++) await append()
  expect(batches).toHaveLength(60)
  expect(waits).toHaveLength(1)
})

it('a large append waits for nobody, and many do not either', async () => {
  const { batches, append } = open(1024 * 1024)
  const first = append()
  await pause(0)
  await first
  expect(batches).toEqual([1])
  const small = open()
  await Promise.all(Array.from({ length: 100 }, small.append))
  expect(small.batches).toEqual([100])
})
