import { describe, expect, it } from 'vitest'
import { createRateLimiter } from '../../streams/contracts/rate-limiter.ts'

const by = (tokenId: string) => ({ tenant: 't', tokenId })

describe('a rate limiter', () => {
  it("lets a second's worth through at once, then no more than the rate", () => {
    const rates = createRateLimiter()
    let passed = 0
    for (let ms = 0; ms < 10_000; ms += 10) if (rates.take(by('a'), 20, ms) === 0) passed += 1
    expect(passed).toBeGreaterThanOrEqual(20 + 199)
    expect(passed).toBeLessThanOrEqual(20 + 200)
  })

  it('says how long to wait, and keeps the keys apart', () => {
    const rates = createRateLimiter()
    expect([rates.take(by('a'), 1, 0), rates.take(by('a'), 1, 0), rates.take(by('b'), 1, 0)]).toEqual([0, 1000, 0])
    expect(rates.take(by('a'), 1, 400)).toBe(600)
    expect(rates.take(by('a'), 1, 1001)).toBe(0)
  })

  it('a clock that goes back gives nothing and takes nothing', () => {
    const rates = createRateLimiter()
    rates.take(by('a'), 1, 10_000)
    expect(rates.take(by('a'), 1, 0)).toBe(1000)
    expect(rates.take(by('a'), 1, 1000)).toBe(0)
  })

  it('reports what was asked, and for a while that nothing was', () => {
    const rates = createRateLimiter()
    expect(rates.takeReport(0)).toBeNull()
    rates.take(by('a'), 1, 0)
    rates.take(by('a'), 1, 0)
    expect(rates.takeReport(0)).toEqual([{ ...by('a'), asked: 2 }])
    expect(rates.takeReport(15_000)).toEqual([{ ...by('a'), asked: 0 }])
    expect(rates.takeReport(15_001)).toBeNull()
  })

  it('fills its bucket with its share of what was asked, and with all of it while nobody knows', () => {
    const rates = createRateLimiter()
    const passed = (fromMs: number, toMs: number): number => {
      let count = 0
      for (let ms = fromMs; ms < toMs; ms++) if (rates.take(by('a'), 100, ms) === 0) count++
      return count
    }
    expect(passed(0, 1000)).toBe(199)
    expect(rates.takeReport(1000)).toEqual([{ ...by('a'), asked: 1000 }])
    rates.learn([{ ...by('a'), asked: 3000 }], 1000)
    expect(passed(1000, 2000)).toBeCloseTo(25, -0.5)
    rates.learn(null, 2000)
    expect(passed(2000, 3000)).toBeCloseTo(100, -0.5)
  })
})
