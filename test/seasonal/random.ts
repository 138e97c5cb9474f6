// Seeded random numbers and the distributions that traffic is drawn from: the same seed plays the same day.

export interface Random {
  /** Uniform in [0, 1). */
  next(): number
  normal(): number
  poisson(mean: number): number
  pick<T>(values: readonly T[]): T
  between(from: number, to: number): number
}

/** mulberry32. */
export const createRandom = (seed: number): Random => {
  let state = seed | 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next())
  return {
    next,
    normal,
    poisson: (mean) => {
      if (mean > 50) return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal()))
      let product = next()
      let count = 0
      for (const limit = Math.exp(-mean); product > limit; count++) product *= next()
      return count
    },
    pick: (values) => values[Math.floor(next() * values.length)],
    between: (from, to) => from + (to - from) * next(),
  }
}
