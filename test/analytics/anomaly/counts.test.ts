import { describe, expect, it } from 'vitest'
import { scatterOfCounts, surpriseOfCount } from '../../../analytics/anomaly/surprise/counts.ts'

/** Term by term from the definition, up to where nothing is left. */
const distribution = (mean: number): number[] => {
  const probabilities = [Math.exp(-mean)]
  for (let k = 1; k < 400; k++) probabilities.push((probabilities[k - 1] * mean) / k)
  return probabilities
}
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)

describe('counts that come by chance', () => {
  it.each([0.02, 0.3, 1, 4.5, 30, 100])('of mean %d are as rare as the definition says', (mean) => {
    const all = distribution(mean)
    for (let count = 0; count < 2 * mean + 20; count++) {
      const tail = count > mean ? all.slice(count) : all.slice(0, count + 1)
      expect(surpriseOfCount(count, mean), `${count}`).toBeCloseTo(-Math.log10(sum(tail)), 2)
    }
    const scatter = sum(all.map((probability, k) => probability * Math.abs(k - mean)))
    expect(Math.abs(scatterOfCounts(mean) / scatter - 1)).toBeLessThan(0.09)
  })

  it('are never impossible, however far out', () => {
    expect(surpriseOfCount(9_999, 0.02)).toBe(300)
    expect(surpriseOfCount(0, 9_999)).toBe(300)
  })
})
