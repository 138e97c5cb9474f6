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

/** @param perSecond how often a key is asked of each process. @returns requests that each let through in each second. */
const letThrough = async (
  tokenId: string,
  perSecond: readonly number[],
  seconds: number,
  store = test.store as Pick<typeof test.store, 'query'>,
): Promise<number[][]> => {
  const by = { tenant: 'acme', tokenId }
  let nowMs = Date.parse('2026-03-01T12:00:00Z')
  const all = perSecond.map((asked) => ({
    everyMs: 1000 / asked,
    rates: createRateLimiter(),
    shared: createSharedRates({ store, clock: () => nowMs }),
    passed: Array.from({ length: seconds }, () => 0),
  }))
  for (let ms = 0; ms < seconds * 1000; ms++, nowMs++) {
    for (const { rates, passed, everyMs } of all)
      if (ms % everyMs === 0 && rates.take(by, RATE, nowMs) === 0) passed[Math.floor(ms / 1000)]++
    // Each at a moment of its own.
    for (const [n, { rates, shared }] of all.entries())
      if (ms % EXCHANGE_MS === 40 * n) rates.learn(await shared.exchange(rates.takeReport(nowMs) ?? []), nowMs)
  }
  return all.map(({ passed }) => passed)
}
const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0)

describe('a rate that several processes share', () => {
  it.each([1, 2, 3])('holds over all of them, but for what comes in before they hear of each other: %i', async (processes) => {
    const seconds = 10
    const passed = await letThrough(
      `key-${processes}`,
      Array.from({ length: processes }, () => 1000),
      seconds,
    )
    expect(sum(passed.flat())).toBeLessThanOrEqual(RATE * (seconds + processes * (1 + (2 * EXCHANGE_MS) / 1000)))
    const last = passed.map((each) => sum(each.slice(-4)))
    expect(sum(last)).toBeGreaterThanOrEqual(RATE * 3.5)
    expect(sum(last)).toBeLessThanOrEqual(RATE * 4.5)
    // Asked alike, they let through alike.
    for (const each of last) expect(each).toBeGreaterThanOrEqual((RATE * 4 * 0.7) / processes)
  })

  it('is divided by what is asked: who keeps well within it where others do not is not shut out', async () => {
    const [much, little] = await letThrough('key-uneven', [200, 50], 20)
    const [more, less] = [much, little].map((each) => sum(each.slice(-10)))
    expect(more + less).toBeLessThanOrEqual(RATE * 11)
    expect(less / more).toBeGreaterThan(0.15)
    expect(less / more).toBeLessThan(0.4)
  })

  it('is not cut where all together keep to it', async () => {
    const [much, little] = await letThrough('key-within', [40, 5], 10)
    expect([sum(much), sum(little)]).toEqual([400, 50])
  })

  it('is kept by each on its own while the store is away', async () => {
    const away = { query: () => Promise.reject(new Error('away')) }
    expect(sum((await letThrough('key-away', [1000, 1000], 5, away)).flat())).toBe(2 * (RATE * 6 - 1))
  })

  it('does not count against who comes back what was asked of others while it was not there', async () => {
    const one = { tenant: 'acme', tokenId: 'key-back' }
    const [here, there] = [0, 1].map(() => createSharedRates({ store: test.store, clock: Date.now }))
    expect(await here.exchange([{ ...one, asked: 5 }])).toEqual([])
    expect(await there.exchange([{ ...one, asked: 1000 }])).toEqual([])
    expect(await here.exchange([{ ...one, asked: 1 }])).toEqual([{ ...one, asked: 1000 }])
    expect(await here.exchange([{ ...one, tokenId: 'other', asked: 1 }])).toEqual([])
    await there.exchange([{ ...one, asked: 1000 }])
    expect(await here.exchange([{ ...one, asked: 1 }])).toEqual([])
  })
})
