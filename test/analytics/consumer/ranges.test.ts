import { describe, expect, it } from 'vitest'
import { createRangeFormer, lingerMsFor, rangeToken, RANGE_LIMITS, receiveDayOf } from '../../../analytics/ranges.ts'
import type { LogMessage } from '../../../streams/contracts/consumer-group.ts'
import { envelopeOf } from './memory-log.ts'

const DAY = 86_400_000
const NOON = 20_000 * DAY + DAY / 2
const message = (offset: number, receivedAtMs: number, recordCount = 1, expandedBytes = 0): LogMessage => ({
  offset,
  envelope: envelopeOf('otlp_logs', receivedAtMs, { recordCount, expandedBytes }),
  body: new Uint8Array(0),
})

describe('a range', () => {
  it('closes before it holds 400,000 records', () => {
    const former = createRangeFormer(0)
    expect(former.add(message(0, NOON, 200_000))).toBe(true)
    expect(former.add(message(1, NOON, 199_999))).toBe(true)
    expect(former.add(message(2, NOON, 1))).toBe(false)
    expect(former.take()).toMatchObject({ first: 0, last: 1, records: 399_999 })
    expect(former.isEmpty()).toBe(true)
  })

  it('closes before it holds 32 MiB expanded', () => {
    const former = createRangeFormer(0)
    expect(former.add(message(0, NOON, 1, 20 * 1024 * 1024))).toBe(true)
    expect(former.add(message(1, NOON, 1, 12 * 1024 * 1024))).toBe(false)
    expect(former.add(message(1, NOON, 1, 11 * 1024 * 1024))).toBe(true)
  })

  it('takes at least one message, however large, and is full then', () => {
    const former = createRangeFormer(0)
    expect(former.add(message(0, NOON, 500_000, 300 * 1024 * 1024))).toBe(true)
    expect(former.isFull()).toBe(true)
    expect(former.add(message(1, NOON))).toBe(false)
  })

  it('a later receive day closes it; an earlier one does not and takes the range’s day', () => {
    const former = createRangeFormer(0)
    expect(former.add(message(0, NOON))).toBe(true)
    expect(former.add(message(1, NOON - DAY))).toBe(true)
    expect(former.add(message(2, NOON + DAY))).toBe(false)
    expect(former.take()).toMatchObject({ first: 0, last: 1, receiveDay: receiveDayOf(NOON) })
    expect(former.add(message(2, NOON + DAY))).toBe(true)
    expect(former.take().receiveDay).toBe(20_001)
  })

  it('holds a bounded number of messages, also of those that have no records', () => {
    const former = createRangeFormer(0, { ...RANGE_LIMITS, maxMessages: 2 })
    expect([0, 1, 2].map((offset) => former.add(message(offset, NOON, 0)))).toEqual([true, true, false])
  })

  it('is named by log, partition and offsets', () => {
    expect(rangeToken('abc', { partition: 3, first: 10, last: 19 })).toBe('abc:3:10-19')
  })

  it('lingers so that all partitions together send at most four a second, up to 5 s', () => {
    expect([1, 2, 4, 8, 16, 20, 64].map(lingerMsFor)).toEqual([1000, 1000, 1000, 2000, 4000, 5000, 5000])
    for (const partitions of [1, 4, 8, 20]) expect(partitions / (lingerMsFor(partitions) / 1000)).toBeLessThanOrEqual(4)
  })
})
