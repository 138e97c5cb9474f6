import { describe, expect, it } from 'vitest'
import { createRateLimiter } from '../../streams/contracts/rate-limiter.ts'

describe('a rate limiter', () => {
  it("lets a second's worth through at once, then no more than the rate", () => {
    const rates = createRateLimiter()
    let passed = 0
    for (let ms = 0; ms < 10_000; ms += 10) if (rates.take('a', 20, ms) === 0) passed += 1
    expect(passed).toBeGreaterThanOrEqual(20 + 199)
    expect(passed).toBeLessThanOrEqual(20 + 200)
  })

  it('says how long to wait, and keeps the keys apart', () => {
    const rates = createRateLimiter()
    expect([rates.take('a', 1, 0), rates.take('a', 1, 0), rates.take('b', 1, 0)]).toEqual([0, 1000, 0])
    expect(rates.take('a', 1, 400)).toBe(600)
    expect(rates.take('a', 1, 1001)).toBe(0)
  })

  it('a clock that goes back gives nothing and takes nothing', () => {
    const rates = createRateLimiter()
    rates.take('a', 1, 10_000)
    expect(rates.take('a', 1, 0)).toBe(1000)
    expect(rates.take('a', 1, 1000)).toBe(0)
  })
})
