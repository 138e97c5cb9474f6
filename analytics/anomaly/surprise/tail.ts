// How rare a deviation is in a series' own history: a histogram of logarithmic buckets, and above its 95 % quantile a
// generalised Pareto tail fitted to the excesses by moments (Hosking and Wallis, Technometrics 29(3), 1987). O(1) memory.
import { countBelow, countOne, newRunningCounts, readCounts, type RunningCounts } from './running-counts.ts'

const BUCKETS = 96
const PER_OCTAVE = 6
/** Deviations come in units of their own scale: what is below 1/64 of it is 0, what is above 1,024 is all one. */
const LOWEST = 2 ** -6
const BODY = 0.95
const LEAST_HISTORY = 20
/** Before there are excesses, two of a third of the threshold each are believed in. */
const PRIOR_EXCESSES = 2
const PRIOR_SHARE = 1 / 3
const MAX_SHAPE = 0.4
/** Below, the tail is an exponential one. */
const FLAT_SHAPE = 1e-3
/** Of excesses, in units of the deviation: the tail of a flat series is no cliff. */
const LEAST_SCALE = 0.25
/** A point outside the band was seen once in a thousand. */
const OUTSIDE = 0.001
/** Points between two fits. */
const REFIT = 32
/** The fit is believed to this many decades beyond what the history is long enough to have seen: of 20 points nothing is known to be
 * one in a million. */
const BEYOND_HISTORY = 1.5

export interface Tail {
  /** Points per bucket. */
  readonly counts: RunningCounts
  /** Number of points, and of the fit: threshold, share above it, scale, shape, points until the next, what one in a thousand exceeds. */
  readonly fit: Float64Array
}
const N = 0
const THRESHOLD = 1
const ABOVE = 2
const SCALE = 3
const SHAPE = 4
const UNTIL = 5
const REACH = 6

export const newTail = (): Tail => ({ counts: newRunningCounts(BUCKETS), fit: new Float64Array(7) })

// Of the logarithms only the natural one is cheap in V8: 22 ns, where log2 and log10 take 43 and a power takes 98.
const BUCKETS_OF_LOG = PER_OCTAVE / Math.LN2

/** In which of the tail's buckets a deviation is: of 0 and above. */
export const bucketOf = (deviation: number): number =>
  deviation <= LOWEST ? 0 : Math.min(BUCKETS - 1, 1 + Math.floor(Math.log(deviation / LOWEST) * BUCKETS_OF_LOG))
const UPPER_EDGES = Float64Array.from({ length: BUCKETS }, (_, bucket) => LOWEST * 2 ** (bucket / PER_OCTAVE))
const MIDDLES = Float64Array.from({ length: BUCKETS }, (_, bucket) => (bucket === 0 ? LOWEST : LOWEST * 2 ** ((bucket - 0.5) / PER_OCTAVE)))

/** Of the tail that is being fitted. */
const counts = new Uint32Array(BUCKETS)

const refit = ({ counts: running, fit }: Tail): void => {
  readCounts(running, counts)
  const allowed = (1 - BODY) * fit[N]
  let above = 0
  let bucket = BUCKETS - 1
  for (; bucket > 0 && above + counts[bucket] <= allowed; bucket--) above += counts[bucket]
  const threshold = UPPER_EDGES[bucket]
  let sum = 0
  let squares = 0
  for (let i = bucket + 1; i < BUCKETS; i++) {
    const excess = MIDDLES[i] - threshold
    sum += counts[i] * excess
    squares += counts[i] * excess * excess
  }
  const prior = threshold * PRIOR_SHARE
  const mean = (sum + PRIOR_EXCESSES * prior) / (above + PRIOR_EXCESSES)
  const variance = Math.max((squares + 2 * PRIOR_EXCESSES * prior * prior) / (above + PRIOR_EXCESSES) - mean * mean, 1e-12)
  fit[THRESHOLD] = threshold
  fit[ABOVE] = Math.max(above, 0.5) / (fit[N] + 1)
  fit[SHAPE] = Math.min(MAX_SHAPE, Math.max(0, 0.5 * (1 - (mean * mean) / variance)))
  fit[SCALE] = Math.max(mean * (1 - fit[SHAPE]), LEAST_SCALE)
  const ratio = Math.min(1, OUTSIDE / fit[ABOVE])
  fit[REACH] =
    threshold + (fit[SHAPE] < FLAT_SHAPE ? -fit[SCALE] * Math.log(ratio) : (fit[SCALE] / fit[SHAPE]) * (ratio ** -fit[SHAPE] - 1))
  fit[UNTIL] = Math.min(REFIT, Math.max(1, Math.floor(fit[N] / 8)))
}

/** Probability that a deviation of the series' history is at least this large; 1 while there is too little of it. */
const probability = (tail: Tail, deviation: number, bucket: number): number => {
  const { fit } = tail
  if (fit[N] < LEAST_HISTORY) return 1
  if (fit[UNTIL] <= 0) refit(tail)
  if (deviation > fit[THRESHOLD]) {
    const excess = (deviation - fit[THRESHOLD]) / fit[SCALE]
    return fit[ABOVE] * (fit[SHAPE] < FLAT_SHAPE ? Math.exp(-excess) : (1 + fit[SHAPE] * excess) ** (-1 / fit[SHAPE]))
  }
  const below = 0.5 * (countBelow(tail.counts, bucket) + countBelow(tail.counts, bucket + 1))
  return Math.min(1, (fit[N] - below + 0.5) / (fit[N] + 1))
}

/** -log10 of the probability: 3 is once in a thousand points of this series. `bucket` is the deviation's. */
export const surpriseOf = (tail: Tail, deviation: number, bucket: number): number => {
  const surprise = Math.max(0, -Math.LOG10E * Math.log(probability(tail, deviation, bucket) + 1e-300))
  // Most points are usual: the second logarithm is for those that are not.
  return surprise <= BEYOND_HISTORY ? surprise : Math.min(surprise, Math.LOG10E * Math.log(tail.fit[N] + 1) + BEYOND_HISTORY)
}

/** The deviation that one point in a thousand exceeds; 0 while there is too little history. */
export const reachOf = (tail: Tail): number => {
  const { fit } = tail
  if (fit[N] < LEAST_HISTORY) return 0
  if (fit[UNTIL] <= 0) refit(tail)
  return fit[REACH]
}

export const learn = (tail: Tail, bucket: number): void => {
  countOne(tail.counts, bucket)
  tail.fit[N]++
  tail.fit[UNTIL]--
}
