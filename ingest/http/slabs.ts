// Memory for bodies, used again once they are durable: a fresh buffer of 343 KB costs 70 us, a kept one 3, and what the collector has not
// come to yet is memory that nobody counts. A slab belongs to whoever took it; one that somebody may still read is never given back.

export interface Slabs {
  /** At least as long as asked for, with whatever was in it. */
  take(bytes: number): Uint8Array
  give(slab: Uint8Array): void
}

const KiB = 1024
const SMALL_STEP = 4 * KiB
const STEP = 64 * KiB

/** Sizes that are kept apart: little is wasted on each, and bodies of about one size fit one another's. */
const sizeFor = (bytes: number): number => {
  const step = bytes <= STEP ? SMALL_STEP : STEP
  return Math.max(step, Math.ceil(bytes / step) * step)
}

/** @param maxKeptBytes of slabs that nobody has; the rest is left to the collector. */
export const createSlabs = (maxKeptBytes: number): Slabs => {
  const kept = new Map<number, Uint8Array[]>()
  let keptBytes = 0
  return {
    take: (bytes) => {
      const size = sizeFor(bytes)
      const slab = kept.get(size)?.pop()
      if (slab === undefined) return Buffer.allocUnsafeSlow(size)
      keptBytes -= size
      return slab
    },
    give: (slab) => {
      if (keptBytes + slab.length > maxKeptBytes) return
      keptBytes += slab.length
      const same = kept.get(slab.length)
      if (same === undefined) kept.set(slab.length, [slab])
      else same.push(slab)
    },
  }
}
