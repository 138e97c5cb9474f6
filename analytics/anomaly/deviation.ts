// How far the last buckets are from what was expected, in sigma. Pure. A single bucket of a slow series can hardly be
// surprising, so it is looked at in sums as well: over the last 6, 12 and 36 buckets, each against its own long-run spread.
import type { Judgement } from './metric.ts'

export const SHORT = 6
export const MIDDLE = 12
export const LONG = 36
/** The least spread of a gauge, as a share of its value: a flat series must not explode. */
export const GAUGE_FLOOR = 0.05
/** A rate is known to about one event in an hour of buckets: what never happened is not impossible. */
const UNKNOWN = 1 / 60
/** Missing events that silence must add up to. */
const ENOUGH = 20
/** In a sum of the last 6, no bucket counts for more sigma than this. */
const TAMED = 2

export interface Spread {
  /** Long-run mean square of a single bucket's deviation, of the sum of 12 and of the sum of 36, in units of the model's own noise. */
  readonly noise: number
  readonly middleNoise: number
  readonly longNoise: number
}
export interface Deviation {
  /** Of the newest bucket alone. */
  readonly single: number
  /** Of the newest buckets: what a vote is cast on. */
  readonly z: number
  /** Of the last minutes as a whole, per side: what an opening rests on. */
  readonly up: number
  readonly down: number
  /** Before division by the spreads. */
  readonly raw: number
  readonly rawMiddle: number
  readonly rawLong: number
}

export const sumOfLast = (values: readonly number[], k: number): number => {
  let sum = 0
  for (let i = Math.max(0, values.length - k); i < values.length; i++) sum += values[i]
  return sum
}

const newest = (values: readonly number[]): number => values[values.length - 1]

/** Sum of the last 6, none of them taken for more than `most` or less than `least`: one or two bursts, however high, are no trend. */
const tamed = (recent: readonly number[], least: number, most: number): number => {
  let sum = 0
  for (let i = Math.max(0, recent.length - SHORT); i < recent.length; i++) sum += Math.min(most, Math.max(least, recent[i]))
  return sum
}

export const stabilise = (value: number): number => 2 * Math.sqrt(value + 0.375)
export const unstabilise = (value: number): number => Math.max(0, (Math.max(0, value) / 2) ** 2 - 0.375)
const stronger = (a: number, b: number): number => (Math.abs(a) >= Math.abs(b) ? a : b)

/** Signed root of the Poisson deviance: near the plain z-score for many events, and right for few. */
export const surprise = (events: number, expected: number): number => {
  if (expected <= 0) return events > 0 ? Infinity : 0
  const deviance = (events === 0 ? 0 : events * Math.log(events / expected)) - events + expected
  return Math.sign(events - expected) * Math.sqrt(2 * Math.max(0, deviance))
}

const ofCount = (mean: number, spread: Spread, recent: readonly number[]): Deviation => {
  const expected = mean + UNKNOWN
  const over = (k: number): number => surprise(sumOfLast(recent, k), expected * Math.min(k, recent.length))
  const singleScale = Math.sqrt(Math.max(1, spread.noise))
  const middleScale = Math.sqrt(Math.max(1, spread.middleNoise))
  const longScale = Math.sqrt(Math.max(1, spread.longNoise))
  const raw = surprise(newest(recent), expected)
  const rawMiddle = over(MIDDLE)
  const rawLong = over(LONG)
  const width = TAMED * singleScale
  const centre = stabilise(expected)
  const few = Math.min(SHORT, recent.length)
  const short =
    surprise(tamed(recent, unstabilise(centre - width), Math.max(1, unstabilise(centre + width))), expected * few) /
    Math.max(singleScale, middleScale)
  const k = Math.min(recent.length, Math.max(1, Math.ceil(ENOUGH / Math.max(mean, 0.01))))
  const missing =
    surprise(sumOfLast(recent, k), mean * k) / (k === 1 ? singleScale : Math.max(singleScale, k <= MIDDLE ? middleScale : longScale))
  const single = raw / singleScale
  return {
    single,
    raw,
    rawMiddle,
    rawLong,
    z: stronger(Math.max(0, single, short), Math.min(0, single, short, missing)),
    up: Math.max(rawMiddle / middleScale, rawLong / longScale),
    down: Math.min(rawMiddle / middleScale, rawLong / longScale, k < SHORT ? 0 : missing),
  }
}

const ofGauge = (mean: number, spread: Spread, recent: readonly number[]): Deviation => {
  const over = (k: number): number => (sumOfLast(recent, k) - mean * Math.min(k, recent.length)) / Math.sqrt(Math.min(k, recent.length))
  const singleScale = Math.max(GAUGE_FLOOR, Math.sqrt(spread.noise))
  const middleScale = Math.max(singleScale, Math.sqrt(spread.middleNoise))
  const longScale = Math.max(singleScale, Math.sqrt(spread.longNoise))
  const raw = newest(recent) - mean
  const rawMiddle = over(MIDDLE)
  const rawLong = over(LONG)
  const width = TAMED * singleScale
  const few = Math.min(SHORT, recent.length)
  const short = (tamed(recent, mean - width, mean + width) - mean * few) / Math.sqrt(few) / middleScale
  const single = raw / singleScale
  return {
    single,
    raw,
    rawMiddle,
    rawLong,
    z: stronger(Math.max(0, single, short), Math.min(0, single, short)),
    up: Math.max(rawMiddle / middleScale, rawLong / longScale),
    down: Math.min(rawMiddle / middleScale, rawLong / longScale),
  }
}

/** `recent`: the newest values, oldest first, at least one; counts, or logarithms of a gauge. */
export const deviationOf = (judgement: Judgement, mean: number, spread: Spread, recent: readonly number[]): Deviation =>
  judgement.kind === 'count' ? ofCount(mean, spread, recent) : ofGauge(mean, spread, recent)

/** How many of the newest values belong to the change: the stretch up to now that is the most surprising on that side. */
export const changedFor = (judgement: Judgement, mean: number, recent: readonly number[], side: 1 | -1): number => {
  let best = 1
  let most = -Infinity
  for (let k = 1, sum = 0; k <= recent.length; k++) {
    sum += recent[recent.length - k]
    const here = (judgement.kind === 'count' ? surprise(sum, (mean + UNKNOWN) * k) : (sum - mean * k) / Math.sqrt(k)) * side
    if (here > most) {
      most = here
      best = k
    }
  }
  return best
}
