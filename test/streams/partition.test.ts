import { describe, expect, it } from 'vitest'
import { partitionOf, subjectKey } from '../../streams/partition.ts'

describe('the partition of a key', () => {
  it('is FNV-1a of its UTF-8, the same for ever', () => {
    const vectors: [string, number][] = [
      ['', 0x811c9dc5],
      ['a', 0xe40c292c],
      ['foobar', 0xbf9cf968],
    ]
    for (const [key, hash] of vectors)
      for (const partitions of [1, 2, 3, 7, 64]) expect(partitionOf(key, partitions)).toBe(hash % partitions)
  })

  it('spreads subjects over all partitions', () => {
    const counts = [0, 0, 0, 0]
    for (let at = 0; at < 4000; at += 1) counts[partitionOf(subjectKey('default', `monitor-${at}-ü`), 4)] += 1
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(150)
  })
})
