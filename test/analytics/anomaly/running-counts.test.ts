import { describe, expect, it } from 'vitest'
import { countBelow, countOne, newRunningCounts, readCounts } from '../../../analytics/anomaly/surprise/running-counts.ts'
import { createRandom } from '../../seasonal/random.ts'

describe('running counts', () => {
  it.each([1, 2, 7, 8, 96])('sum and give back what was counted, over %i buckets', (buckets) => {
    const random = createRandom(buckets)
    const plain = new Uint32Array(buckets)
    const tree = newRunningCounts(buckets)
    for (let i = 0; i < 500; i++) {
      const bucket = Math.floor(random.next() ** 2 * buckets)
      plain[bucket]++
      countOne(tree, bucket)
    }
    const counts = new Uint32Array(buckets)
    readCounts(tree, counts)
    expect(counts).toEqual(plain)
    let below = 0
    for (let bucket = 0; bucket <= buckets; bucket++) {
      expect(countBelow(tree, bucket)).toBe(below)
      below += plain[bucket]
    }
  })
})
