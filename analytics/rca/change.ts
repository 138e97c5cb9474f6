// How far a metric moved at the onset, in sigma of its own minutes before: one-sided, robust, and floored, so that neither a
// burst in the past nor a flat series decides. Pure.
import type { CauseKind } from '../../streams/contracts/rca.ts'
import { surprise } from '../anomaly/deviation.ts'
import type { Meaning, Moment, Values } from './series.ts'

export interface Damage {
  readonly metric: string
  readonly added: number
}
export interface Change {
  readonly kind: CauseKind
  readonly metric: string
  readonly before: number
  readonly after: number
  readonly z: number
  /** What was added since the onset, summed up, and by which metric: errors, or milliseconds times calls. Null where that cannot be compared. */
  readonly damage: Damage | null
  /** First bucket after the onset that stands out, index into the grid. */
  readonly firstIndex: number
}

/** Quartiles of fewer values say nothing. */
const MIN_BEFORE = 6
/** Two minutes of the product's grid: long enough for rare events to add up, short enough that a fault of minutes fills it. */
const LONGEST = 12
/** A level is known to a twentieth: less is no change to anybody, and a flat series must not explode. */
const FLOOR = 0.05
/** In a spread no bucket counts for more sigma: one burst before must not hide the next. */
const TAMED = 3

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)
const present = (values: Values): number[] => values.filter((value): value is number => value !== null)
/** Typed arrays sort numbers several times faster, and sorting is what an analysis spends its time on. */
const ascending = (values: ArrayLike<number>): Float64Array => Float64Array.from(values).sort()
const quantile = (sorted: Float64Array, q: number): number => {
  const at = (sorted.length - 1) * q
  const low = sorted[Math.floor(at)]
  return low + (at - Math.floor(at)) * (sorted[Math.ceil(at)] - low)
}

/** Means of every k neighbours. */
const rolling = (values: readonly number[], k: number): number[] => {
  const means: number[] = []
  let sum = 0
  for (let i = 0; i < values.length; i++) {
    sum += values[i] - (i >= k ? values[i - k] : 0)
    if (i >= k - 1) means.push(sum / k)
  }
  return means
}

export interface Measured {
  readonly metric: string
  readonly meaning: Meaning
  readonly values: Values
  readonly weights?: Values
}

interface Spread {
  readonly centre: number
  readonly up: number
  readonly down: number
}
/** Sigma by the quartiles, and on each side by the tail there if that is wider: 1.349 and 1.645 make both one for a normal distribution. */
const spreadOf = (values: readonly number[]): Spread => {
  const sorted = ascending(values)
  const [centre, inner] = [quantile(sorted, 0.5), (quantile(sorted, 0.75) - quantile(sorted, 0.25)) / 1.349]
  return {
    centre,
    up: Math.max(inner, (quantile(sorted, 0.95) - centre) / 1.645),
    down: Math.max(inner, (centre - quantile(sorted, 0.05)) / 1.645),
  }
}

interface Sides {
  readonly up: number
  readonly down: number
  /** How a single value deviates, in sigma and signed. */ readonly single: (value: number) => number
}

/** The strongest stretch of k buckets per side: a fault may begin late or end early. */
const extremes = (after: readonly number[], k: number): { most: number; least: number } => {
  const means = rolling(after, k)
  return { most: Math.max(...means), least: Math.min(...means) }
}

const ofLevel = (history: readonly number[], recent: readonly number[], after: readonly number[], k: number): Sides | null => {
  const usual = quantile(ascending(history.map(Math.abs)), 0.5) || mean([...history, ...after].map(Math.abs))
  if (usual === 0) return null
  // Logarithmic where it is as large as usual, linear about zero.
  const scale = (value: number): number => Math.asinh(value / (2 * FLOOR * usual))
  const scaled = history.map(scale)
  const { centre, up, down } = spreadOf(scaled)
  const [lowest, highest] = [centre - TAMED * Math.max(FLOOR, down), centre + TAMED * Math.max(FLOOR, up)]
  // The spread of means of k is measured as such, where there are enough: neighbouring buckets are not independent.
  const ofMeans =
    history.length >= 2 * k + MIN_BEFORE
      ? spreadOf(
          rolling(
            scaled.map((value) => Math.min(highest, Math.max(lowest, value))),
            k,
          ),
        )
      : { up, down }
  const [noiseUp, noiseDown] = [Math.max(FLOOR, ofMeans.up), Math.max(FLOOR, ofMeans.down)]
  const { most, least } = extremes(after.map(scale), k)
  const near = recent.map(scale)
  // A mean of few is less sure than the one that it is compared with.
  const unsure = near.length === 0 ? 1 : Math.sqrt(1 + k / near.length)
  return {
    up: Math.min((most - centre) / noiseUp, near.length === 0 ? Infinity : (most - mean(near)) / (noiseUp * unsure)),
    down: Math.min((centre - least) / noiseDown, near.length === 0 ? Infinity : (mean(near) - least) / (noiseDown * unsure)),
    single: (value) => (scale(value) - centre) / (value > 0 && scale(value) > centre ? Math.max(FLOOR, up) : Math.max(FLOOR, down)),
  }
}

const ofCount = (history: readonly number[], recent: readonly number[], after: readonly number[], k: number): Sides => {
  // A square root makes counts as wide everywhere: two are two sigma.
  const roots = spreadOf(history.map((events) => 2 * Math.sqrt(events + 0.375)))
  const highest = ((roots.centre + TAMED * Math.max(1, roots.up)) / 2) ** 2
  const tamed = history.map((events) => Math.min(highest, events))
  const usual = mean(tamed)
  // What did not happen before is not impossible: one event is granted.
  const rate = usual + 1 / Math.max(1, history.length)
  const against = (events: number, expected: number): number => surprise(events * k, expected * k)
  const own =
    history.length >= 2 * k + MIN_BEFORE ? spreadOf(rolling(tamed, k).map((events) => against(events, usual || rate))) : { up: 1, down: 1 }
  // The minutes before, with the history as one more bucket of them.
  const near = recent.length === 0 ? rate : (recent.reduce((sum, events) => sum + events, 0) + rate) / (recent.length + 1)
  const { most, least } = extremes(after, k)
  const noise = Math.max(1, own.up)
  return {
    up: against(most, Math.max(rate, near)) / noise,
    down: -against(least, Math.min(rate, near)) / Math.max(1, own.down),
    single: (value) => surprise(value, rate) / noise,
  }
}

/** Whether rises of this metric can be summed up. */
export const addsUp = ({ meaning, weights }: Measured): boolean => meaning.adds && (meaning.count || weights !== undefined)

const damageOf = (measured: Measured, before: number, onset: number): Damage | null => {
  if (!addsUp(measured)) return null
  const { metric, meaning, values, weights } = measured
  let added = 0
  for (let i = onset; i < values.length; i++) added += ((values[i] ?? before) - before) * (meaning.count ? 1 : (weights![i] ?? 0))
  return { metric, added: Math.max(0, added) }
}

/** The side that moved further, of those that mean trouble; null where nothing can be said. */
export const changeOf = (measured: Measured, { onset, recentFrom }: Moment): Change | null => {
  const { metric, meaning, values } = measured
  const recent = recentFrom === 0 ? [] : present(values.slice(recentFrom, onset))
  const history = present(values.slice(0, recentFrom === 0 ? onset : recentFrom))
  const after = present(values.slice(onset))
  // A message is new by what is stored about it, not by these minutes.
  if (after.length === 0 || (history.length < MIN_BEFORE && meaning.up !== 'new_messages')) return null
  const k = Math.min(LONGEST, after.length)
  const sides = meaning.count ? ofCount(history, recent, after, k) : ofLevel(history, recent, after, k)
  if (sides === null) return null
  const up = meaning.up === null ? -Infinity : sides.up
  const down = meaning.down === null ? -Infinity : sides.down
  const z = Math.max(up, down)
  if (z <= 0) return null
  const direction = up >= down ? 1 : -1
  const usual = meaning.count ? mean(history) : quantile(ascending(history), 0.5)
  const before = recent.length === 0 ? usual : direction > 0 ? Math.max(usual, mean(recent)) : Math.min(usual, mean(recent))
  const first = values.findIndex((value, i) => i >= onset && value !== null && sides.single(value) * direction > 2)
  return {
    kind: (direction > 0 ? meaning.up : meaning.down)!,
    metric,
    before,
    after: mean(after),
    z: z * direction,
    damage: direction > 0 ? damageOf(measured, before, onset) : null,
    firstIndex: first < 0 ? onset : first,
  }
}
