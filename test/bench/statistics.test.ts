import { describe, expect, it } from 'vitest'
import { latenciesOf, median, noiseOf, quantile, ratioToOurs, rotated } from '../../bench/measure/statistics.ts'

describe('what is made of rounds', () => {
  it('a quantile is the smallest value that so many are not above', () => {
    const sorted = Array.from({ length: 1000 }, (_, index) => index + 1)
    expect([0, 0.5, 0.99, 0.999, 1].map((q) => quantile(sorted, q))).toEqual([1, 500, 990, 999, 1000])
    expect(quantile([], 0.5)).toBeNaN()
  })
  it('latencies need not come in order', () => {
    expect(latenciesOf([3, 1, 2])).toEqual({ p50: 2, p99: 3, p999: 3 })
  })
  it('the median of an even number of rounds lies between the two in the middle', () => {
    expect(median([4, 1, 3, 2])).toBe(2.5)
    expect(median([9, 1, 5])).toBe(5)
  })
  it('the noise is the worst round of two identical copies, whichever of them was dearer', () => {
    expect(noiseOf([1, 1, 1], [1, 1.1, 0.8])).toBeCloseTo(1.25)
    expect(noiseOf([2, 2], [2, 2])).toBe(1)
  })
  it('a ratio inside the noise is no difference, on either side of 1', () => {
    expect(ratioToOurs([1.2, 1.1, 1.2], [1, 1, 1], 1.25).verdict).toBe('no difference')
    expect(ratioToOurs([0.85, 0.9, 0.85], [1, 1, 1], 1.25).verdict).toBe('no difference')
    expect(ratioToOurs([1.3, 1.3, 1.2], [1, 1, 1], 1.25)).toEqual({ median: 1.3, low: 1.2, high: 1.3, verdict: 'dearer than ours' })
    expect(ratioToOurs([0.7, 0.7, 0.7], [1, 1, 1], 1.25).verdict).toBe('cheaper than ours')
  })
  it('ratios are of the same round: a machine that slows down for both changes none', () => {
    expect(ratioToOurs([3, 30, 300], [1, 10, 100], 1).median).toBe(3)
  })
  it('in as many rounds as there are contestants each has every place once', () => {
    const orders = [0, 1, 2].map((round) => rotated(['a', 'b', 'c'], round))
    for (const place of [0, 1, 2]) expect(new Set(orders.map((order) => order[place])).size).toBe(3)
  })
})
