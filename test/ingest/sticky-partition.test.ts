// Bodies of one while go to one partition, and over time all partitions get as much.
import { expect, it } from 'vitest'
import { createStickyPartition } from '../../ingest/sticky-partition.ts'

const open = (config: { forMs?: number; forBytes?: number; first?: number } = {}) => {
  const clock = { ms: 0 }
  return { clock, next: createStickyPartition({ partitions: 3, first: 1, forMs: 1000, forBytes: 100, ...config }, () => clock.ms) }
}

it('stays with a partition until its time is over, then takes the next in turn', () => {
  const { clock, next } = open()
  const seen = [0, 500, 999, 1000, 1999, 2000, 3000].map((ms) => {
    clock.ms = ms
    return next(1)
  })
  expect(seen).toEqual([1, 1, 1, 2, 2, 0, 1])
})

it('takes the next one earlier when as many bytes as one may get have gone there', () => {
  const { next } = open()
  expect([60, 60, 60, 40, 1].map(next)).toEqual([1, 1, 2, 2, 0])
})

it('gives all partitions the same share of a steady load', () => {
  const { clock, next } = open({ first: 0 })
  const counts = [0, 0, 0]
  for (clock.ms = 0; clock.ms < 30_000; clock.ms += 10) counts[next(0)] += 1
  expect(counts).toEqual([1000, 1000, 1000])
})
