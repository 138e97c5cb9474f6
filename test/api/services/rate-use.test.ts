// One rate over all processes: each has its own buckets, and they hear of each other through the store.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createSharedRates } from '../../../api/services/rate-use.ts'
import { createRateLimiter } from '../../../streams/contracts/rate-limiter.ts'
import { openTestStore, type TestStore } from './open-test-store.ts'

const RATE = 50
const EXCHANGE_MS = 200
let test: TestStore
beforeAll(async () => {
  test = await openTestStore([])
})
afterAll(async () => {
  await test.close()
})

/** @returns requests let through by all of `processes` together in each second, of a key that is asked of each a thousand times a second. */
const letThrough = async (tokenId: string, processes: number, seconds: number, store = test.store as Pick<typeof test.store, 'query'>) => {
  const by = { tenant: 'acme', tokenId }
  let nowMs = Date.parse('2026-03-01T12:00:00Z')
  const all = Array.from({ length: processes }, () => ({
    rates: createRateLimiter(),
    shared: createSharedRates({ store, clock: () => nowMs }),
  }))
  const passed: number[] = Array.from({ length: seconds }, () => 0)
  for (let ms = 0; ms < seconds * 1000; ms++, nowMs++) {
    for (const { rates } of all) if (rates.take(by, RATE, nowMs) === 0) passed[Math.floor(ms / 1000)]++
    if (ms % EXCHANGE_MS === EXCHANGE_MS - 1)
      for (const { rates, shared } of all) rates.charge(await shared.exchange(rates.takeReport(nowMs) ?? []))
  }
  return passed
}
const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0)

describe('a rate that several processes share', () => {
  it.each([1, 2, 3])('holds over all of them, but for what comes in before they hear of each other: %i', async (processes) => {
    const seconds = 10
    const passed = await letThrough(`key-${processes}`, processes, seconds)
    expect(sum(passed)).toBeLessThanOrEqual(RATE * (seconds + processes * (1 + EXCHANGE_MS / 1000)))
    // What one let through too much all do without afterwards, and nobody is left without.
    expect(sum(passed.slice(-4))).toBeGreaterThanOrEqual(RATE * 3)
    expect(sum(passed.slice(-4))).toBeLessThanOrEqual(RATE * 5)
  })

  it('is kept by each on its own while the store is away', async () => {
    const away = { query: () => Promise.reject(new Error('away')) }
    expect(sum(await letThrough('key-away', 2, 5, away))).toBe(2 * (RATE * 6 - 1))
  })

  it('does not charge who comes back for what others did while it was not asked', async () => {
    const one = { tenant: 'acme', tokenId: 'key-back' }
    const [here, there] = [0, 1].map(() => createSharedRates({ store: test.store, clock: Date.now }))
    expect(await here.exchange([{ ...one, taken: 5 }])).toEqual([])
    expect(await there.exchange([{ ...one, taken: 1000 }])).toEqual([])
    expect(await here.exchange([{ ...one, taken: 1 }])).toEqual([{ ...one, taken: 1000 }])
    expect(await here.exchange([{ ...one, tokenId: 'other', taken: 1 }])).toEqual([])
    await there.exchange([{ ...one, taken: 1000 }])
    expect(await here.exchange([{ ...one, taken: 1 }])).toEqual([])
  })
})
