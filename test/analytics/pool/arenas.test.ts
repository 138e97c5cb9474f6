// Memory between threads: never with two at once, no more of it than was allowed, and used again.
import { expect, it } from 'vitest'
import { createArenas } from '../../../analytics/pool/arenas.ts'

const MiB = 1024 * 1024

it('gives what was given back before it makes more, and never the same twice at once', () => {
  const arenas = createArenas(2)
  const [first, second] = [arenas.take(MiB), arenas.take(MiB)]
  expect(first).not.toBe(second)
  expect(arenas.take(1)).toBeNull()
  arenas.give(first!)
  expect(arenas.take(MiB)).toBe(first)
})

it('replaces one that is too short by a longer one', () => {
  const arenas = createArenas(1)
  arenas.give(arenas.take(MiB)!)
  const longer = arenas.take(10 * MiB)!
  expect(longer.byteLength).toBeGreaterThanOrEqual(10 * MiB)
  arenas.give(longer)
  expect(arenas.take(MiB)).toBe(longer)
})

it('never gives one again that a thread may still write to', () => {
  const arenas = createArenas(1)
  const lost = arenas.take(MiB)!
  arenas.discard(lost)
  expect(arenas.take(MiB)).not.toBe(lost)
})
