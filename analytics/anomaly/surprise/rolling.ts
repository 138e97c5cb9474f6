// Mean and spread of the last points, in O(1) a point.

const WINDOW = 30

/** Ring of values; number of points ever, sum and sum of squares of what is in the ring. */
export interface Rolling {
  readonly ring: Float64Array
  readonly sums: Float64Array
}
export const newRolling = (): Rolling => ({ ring: new Float64Array(WINDOW), sums: new Float64Array(3) })

/** Distance from the mean of the last 30, in their standard deviations, and at least `floor` each. */
export const deviationFrom = ({ sums }: Rolling, value: number, floor: number): number => {
  const held = Math.min(sums[0], WINDOW)
  if (held === 0) return 0
  const mean = sums[1] / held
  const variance = held > 1 ? Math.max(0, sums[2] / held - mean * mean) : 0
  return Math.abs(value - mean) / Math.max(Math.sqrt(variance), floor)
}

export const push = ({ ring, sums }: Rolling, value: number): void => {
  const slot = sums[0] % WINDOW
  if (sums[0] >= WINDOW) {
    sums[1] -= ring[slot]
    sums[2] -= ring[slot] * ring[slot]
  }
  ring[slot] = value
  sums[0]++
  sums[1] += value
  sums[2] += value * value
  // Once a round the sums are made anew: what rounding leaves of large values must not add up.
  if (slot === WINDOW - 1) {
    sums[1] = 0
    sums[2] = 0
    for (let i = 0; i < WINDOW; i++) {
      sums[1] += ring[i]
      sums[2] += ring[i] * ring[i]
    }
  }
}
