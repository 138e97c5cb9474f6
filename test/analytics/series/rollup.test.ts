import { describe, expect, it } from 'vitest'
import { addPartial, closable, closesAtMs, meaningOf, newBucket, valueOf, type Partial } from '../../../analytics/series/rollup.ts'

const partial = (over: { count: number; sum: number; min: number; max: number; sumSq: number }, templates: string[]): Partial => ({
  tenant: 't',
  service: 's',
  bucketMs: 0,
  metrics: [['attr.duration', over]],
  templates,
  covers: 3,
})

describe('a roll-up', () => {
  it('is the same whatever the order of its partials', () => {
    const parts = [
      partial({ count: 2, sum: 10, min: 4, max: 6, sumSq: 52 }, ['1', '2']),
      partial({ count: 1, sum: 1, min: 1, max: 1, sumSq: 1 }, ['2']),
    ]
    const forward = newBucket(0)
    const backward = newBucket(0)
    for (const part of parts) addPartial(forward, part, 5, () => true)
    for (const part of parts.toReversed()) addPartial(backward, part, 5, () => true)
    expect(forward.metrics).toEqual({ 'attr.duration': { count: 3, sum: 11, min: 1, max: 6, sumSq: 53 } })
    expect(backward.metrics).toEqual(forward.metrics)
    expect([forward.version, forward.templates.length, backward.version]).toEqual([6, 2, 6])
    expect(valueOf('attr.duration', forward.metrics['attr.duration'])).toBeCloseTo(11 / 3)
  })

  it('closes a live bucket 15 s after its end and a backfilled one 2 s after its last partial', () => {
    expect(closesAtMs(100_000, 104_000)).toBe(125_000)
    expect(closesAtMs(100_000, 900_000)).toBe(902_000)
  })

  it('never closes a bucket while something received before is not stored', () => {
    expect(closable(125_000, { nowMs: 124_999, uncommittedMs: null })).toBe(false)
    expect(closable(125_000, { nowMs: 130_000, uncommittedMs: 120_000 })).toBe(false)
    expect(closable(125_000, { nowMs: 130_000, uncommittedMs: 129_000 })).toBe(true)
    expect(closable(125_000, { nowMs: 125_000, uncommittedMs: null })).toBe(true)
  })

  it('counts a missing bucket as zero only where somebody looked', () => {
    const missing = { bucketMs: 400_000, beforeMs: 390_000, afterMs: null, watched: true, othersReported: true, alone: false }
    expect(meaningOf(missing)).toBe('zero')
    expect(meaningOf({ ...missing, othersReported: false })).toBe('gap')
  })

  it('counts it as zero in backfilled time for ten minutes where others went on, and as a gap where all are silent', () => {
    const missing = { bucketMs: 1_000_000, beforeMs: 990_000, afterMs: null, watched: false, othersReported: true, alone: false }
    expect(meaningOf(missing)).toBe('zero')
    expect(meaningOf({ ...missing, beforeMs: 400_000 })).toBe('zero')
    expect(meaningOf({ ...missing, beforeMs: 390_000 })).toBe('gap')
    expect(meaningOf({ ...missing, othersReported: false, afterMs: 1_010_000 })).toBe('gap')
  })

  it('takes a service that is alone to be there when it has buckets within five minutes on both sides', () => {
    const missing = { bucketMs: 400_000, beforeMs: 100_000, afterMs: 700_000, watched: false, othersReported: false, alone: true }
    expect(meaningOf(missing)).toBe('zero')
    expect(meaningOf({ ...missing, afterMs: 710_000 })).toBe('gap')
    expect(meaningOf({ ...missing, beforeMs: 90_000 })).toBe('gap')
    expect(meaningOf({ ...missing, afterMs: null })).toBe('gap')
  })
})
