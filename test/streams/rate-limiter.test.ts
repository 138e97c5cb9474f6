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

  it('reports what it let through, and for a while that it is asked for more', () => {
    const rates = createRateLimiter()
    expect(rates.takeReport(0)).toBeNull()
    rates.take(by('a'), 1, 0)
    rates.take(by('a'), 1, 0)
    expect(rates.takeReport(0)).toEqual([{ ...by('a'), taken: 1 }])
    expect(rates.takeReport(5000)).toEqual([{ ...by('a'), taken: 0 }])
    expect(rates.takeReport(5001)).toBeNull()
  })

  it('takes out of its bucket what others let through, and never more than two seconds of it', () => {
    const rates = createRateLimiter()
    rates.charge([{ ...by('unknown'), taken: 5 }])
    rates.take(by('a'), 10, 0)
    rates.charge([{ ...by('a'), taken: 9 }])
    expect(rates.take(by('a'), 10, 0)).toBe(100)
    rates.charge([{ ...by('a'), taken: 1_000_000 }])
    expect(rates.take(by('a'), 10, 0)).toBe(2100)
  })
})
