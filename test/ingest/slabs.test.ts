// Memory of bodies: one owner at a time, used again, and no more of it kept than was allowed.
import { expect, it } from 'vitest'
import { createSlabs } from '../../ingest/http/slabs.ts'

const MiB = 1024 * 1024

it('gives a slab that was given back to the next body of about its size, and to one at a time', () => {
  const slabs = createSlabs(MiB)
  const first = slabs.take(343_000)
  slabs.give(first)
  expect(slabs.take(350_000)).toBe(first)
  expect(slabs.take(343_000)).not.toBe(first)
})

it('gives at least what is asked for and wastes little', () => {
  const slabs = createSlabs(MiB)
  for (const bytes of [0, 1, 4096, 4097, 65_536, 65_537, 343_000, 20 * MiB]) {
    const { length } = slabs.take(bytes)
    expect(length).toBeGreaterThanOrEqual(bytes)
    expect(length - bytes).toBeLessThanOrEqual(bytes > 65_536 ? 65_536 : 4096)
  }
})

it('keeps no more than it may', () => {
  const slabs = createSlabs(100_000)
  const [first, second] = [slabs.take(65_536), slabs.take(65_536)]
  slabs.give(first)
  slabs.give(second)
  expect(slabs.take(65_536)).toBe(first)
  expect(slabs.take(65_536)).not.toBe(second)
})
