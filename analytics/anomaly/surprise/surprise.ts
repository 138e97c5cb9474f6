// The calibrated detector: how surprising is a point, measured by the series' own history? Five deviations are each turned
// into a probability of that history (tail.ts); -log10 of it is their surprise. The slow ones are summed and smoothed: a change
// that lasts. The fast ones are summed as they are: a single point that is far out. The larger of the two is compared with a
// threshold that was chosen once for all series. Scale-free, O(1) a point, about 3.9 KB a series, no clock.
import { scatterOfCounts, surpriseOfCount } from './counts.ts'
import { deviationFrom, newRolling, push, type Rolling } from './rolling.ts'
import { expectedAt, learnSeason, newSeason, type Expectation, type Season } from './season.ts'
import { bucketOf, learn, newTail, reachOf, surpriseOf, type Tail } from './tail.ts'

/** `level` against the long-run mean; `change` of the mean of 24 points against that of 288; `season` against this time of day or
 * week; `rolling_z` of what the season leaves, over 30 points; `jump` of the same, from the last few. */
export const SIGNALS = ['level', 'change', 'season', 'rolling_z', 'jump'] as const
export type Signal = (typeof SIGNALS)[number]
const LEVEL = 0
const CHANGE = 1
const SEASON = 2
export const ROLLING = 3
const JUMP = 4

/** Nothing is judged before. */
export const LEARNING = 20
/** The two thresholds of the shipped configuration, for every series alike. From the first on, a point of a series is worth a look:
 * what a backtest marks, and what is scored on public data. The least, in steps of a twentieth, at which healthy made-up series of all
 * kinds are marked 0.02 times a day or less. */
export const NOTABLE = 5.55
/** From the second on, it opens an anomaly that may wake somebody. Bought with it are false alarms: healthy made-up traffic had 0.012
 * a day and series of the second reader at 5.25 and 0.001 to 0.005 at 6, of 0.02 that are allowed to both readers together. */
export const ALARMING = 6
/** No single signal decides alone by being off every scale. */
export const CAP = 12
const SMOOTHING = 0.25
/** Weight of the fast sum beside the slow one: three signals at twice the threshold, or two at three times. */
const AT_ONCE = 0.5
/** The first points deviate from hardly anything. */
const FIRST_DEVIATION = 5
/** Points over which long-run means are taken. */
const MEMORY = 3_000
const FORGET_LARGEST = 0.9999
const SLOW_FAST = 24
const SLOW_LONG = 288
const RECENT = 12
/** The least scale, as a share of the largest value lately: a flat series must not explode. */
const FLAT = 0.01
const FLAT_ROLLING = 0.02
/** What has been told is not told again for 100 points or a day, whichever is over first. */
const QUIET_POINTS = 100
const QUIET_MS = 86_400_000
/** False alarms are counted by the day: a series with a point an hour has 12 times fewer chances of one than a series with a
 * point in 5 minutes, so its points need be 12 times less rare, and with a point a minute five times rarer. */
const USUAL_STEP_MS = 300_000
/** Below this no signal says anything that a count could not. */
const RARE = 1
/** Larger counts scatter by less than a hundredth, and that is no deviation anyway (FLAT). */
const MANY = 10_000
/** What scatters by less than half of what counts do is something else: a limit, a size, a state. */
const LEAST_SCATTER = 0.5
/** Where nothing was ever counted, one event was still possible: one in fifty points. */
const LEAST_RATE = 0.02

export interface SurpriseState {
  /** n, time of the last point, usual step in ms, long-run mean, its mean absolute deviation, largest value lately, mean of 24
   * and of 288 points, mean of the last residuals, their mean absolute deviation, smoothed sum, n and time of the last alarm. */
  readonly numbers: Float64Array
  readonly tails: readonly Tail[]
  readonly season: Season
  readonly rolling: Rolling
}
const N = 0
const LAST_MS = 1
const STEP_MS = 2
const MEAN = 3
const SPREAD = 4
const LARGEST = 5
const MEAN_FAST = 6
const MEAN_LONG = 7
const RESIDUAL = 8
const RESIDUAL_SPREAD = 9
const SMOOTHED = 10
const TOLD_N = 11
const TOLD_MS = 12
const NUMBERS = 13

export const newSurpriseState = (): SurpriseState => ({
  numbers: new Float64Array(NUMBERS),
  tails: SIGNALS.map(newTail),
  season: newSeason(),
  rolling: newRolling(),
})

export interface Reading {
  /** `late`: not after the last point, or not a number; it changes nothing. */
  readonly state: 'learning' | 'ready' | 'late'
  readonly expected: number
  readonly lower: number
  readonly upper: number
  /** Usual distance from what is expected: a standard deviation, from the mean absolute one. */
  readonly sigma: number
  /** -log10 of a probability, so to speak: sums of such. */
  readonly surprise: number
  readonly direction: 1 | -1
  /** Of each signal, in the order of SIGNALS. */
  readonly surprises: readonly number[]
  /** Points that the judgement rests on. */
  readonly history: number
}
export interface Told extends Reading {
  /** 0 to 1: 0.5 at the threshold. What was told within the quiet time scores below 0.3. */
  readonly score: number
  readonly alarm: boolean
}

const follow = (mean: number, value: number, window: number, n: number): number => mean + Math.max(1 / window, 1 / (n + 1)) * (value - mean)

const NONE: readonly number[] = SIGNALS.map(() => 0)
const late = (history: number): Reading => ({
  state: 'late',
  expected: 0,
  lower: 0,
  upper: 0,
  sigma: 0,
  surprise: 0,
  direction: 1,
  surprises: NONE,
  history,
})
const SIGMA_OF_MEAN_ABSOLUTE = Math.sqrt(Math.PI / 2)

const learnStep = (numbers: Float64Array, atMs: number): void => {
  if (numbers[N] === 0) return
  const stepMs = atMs - numbers[LAST_MS]
  // A gap counts for three steps, or it would change what is usual.
  numbers[STEP_MS] =
    numbers[N] === 1
      ? stepMs
      : numbers[STEP_MS] + Math.max(0.05, 1 / numbers[N]) * (Math.min(stepMs, 3 * numbers[STEP_MS]) - numbers[STEP_MS])
}

const learnLevels = (numbers: Float64Array, value: number, residual: number): void => {
  const n = numbers[N]
  numbers[SPREAD] = follow(numbers[SPREAD], Math.abs(value - numbers[MEAN]), MEMORY, n)
  numbers[MEAN] = follow(numbers[MEAN], value, MEMORY, n)
  numbers[MEAN_LONG] = follow(numbers[MEAN_LONG], value, SLOW_LONG, n)
  numbers[RESIDUAL_SPREAD] = follow(numbers[RESIDUAL_SPREAD], Math.abs(residual - numbers[RESIDUAL]), MEMORY, n)
  numbers[RESIDUAL] = follow(numbers[RESIDUAL], residual, RECENT, n)
}

const leastScale = (numbers: Float64Array, share: number): number => Math.max(1e-9, share * numbers[LARGEST])

/** What is known of a point before anything is learned from it. */
const measure = (
  { numbers, season, rolling }: SurpriseState,
  atMs: number,
  value: number,
): { usual: Expectation | null; residual: number; seasonScale: number; residualScale: number; deviations: number[]; effect: number } => {
  const floor = leastScale(numbers, FLAT)
  const scale = Math.max(numbers[SPREAD], floor)
  const usual = expectedAt(season, atMs)
  const residual = value - (usual === null ? numbers[MEAN] : usual.value)
  const seasonScale = Math.max(usual?.error ?? 0, floor)
  const residualScale = Math.max(numbers[RESIDUAL_SPREAD], floor)
  const deviations = [
    Math.abs(value - numbers[MEAN]) / scale,
    Math.abs(numbers[MEAN_FAST] - numbers[MEAN_LONG]) / scale,
    Math.abs(residual) / seasonScale,
    deviationFrom(rolling, residual, leastScale(numbers, FLAT_ROLLING)),
    Math.abs(residual - numbers[RESIDUAL]) / residualScale,
  ]
  // What is smaller than the least scale matters to nobody, however new it is.
  const effect = Math.max(Math.abs(residual), Math.abs(value - numbers[MEAN]), Math.abs(numbers[MEAN_FAST] - numbers[MEAN_LONG])) / floor
  return { usual, residual, seasonScale, residualScale, deviations, effect }
}

// Loops where a map would say the same: its calls cost a quarter of the whole point.
const bucketsOf = (deviations: readonly number[]): number[] => {
  const buckets = [0, 0, 0, 0, 0]
  for (let i = 0; i < buckets.length; i++) buckets[i] = bucketOf(deviations[i])
  return buckets
}
const judge = (tails: readonly Tail[], deviations: readonly number[], buckets: readonly number[], seasonal: boolean): number[] => {
  const surprises = [0, 0, 0, 0, 0]
  for (let i = 0; i < tails.length; i++)
    if (i !== SEASON || seasonal) surprises[i] = Math.min(CAP, surpriseOf(tails[i], deviations[i], buckets[i]))
  return surprises
}

const learnAll = (
  { numbers, tails, season, rolling }: SurpriseState,
  atMs: number,
  value: number,
  residual: number,
  buckets: readonly number[],
  seasonal: boolean,
): void => {
  for (let i = 0; i < tails.length; i++) if (numbers[N] >= FIRST_DEVIATION && (i !== SEASON || seasonal)) learn(tails[i], buckets[i])
  learnLevels(numbers, value, residual)
  push(rolling, residual)
  learnSeason(season, atMs, value, MEMORY, leastScale(numbers, FLAT))
  numbers[LAST_MS] = atMs
  numbers[N]++
}

const sumUp = (numbers: Float64Array, surprises: readonly number[], effect: number): number => {
  const slow = surprises[LEVEL] + surprises[CHANGE] + surprises[SEASON] + surprises[ROLLING]
  const fast = surprises[SEASON] + surprises[ROLLING] + surprises[JUMP]
  numbers[SMOOTHED] += SMOOTHING * (slow - numbers[SMOOTHED])
  const rarer = Math.LOG10E * Math.log(numbers[STEP_MS] / USUAL_STEP_MS || 1)
  return Math.max(0, Math.max(numbers[SMOOTHED], AT_ONCE * fast) + rarer) * Math.min(1, effect)
}

/** No count surprises more than the possible rate that it is nearest to lets it: where the season has it, where the last points or the
 * long run have it. `surprises` is changed in place; CHANGE compares means, of which there is no count. */
const boundByChance = (numbers: Float64Array, surprises: number[], expected: number, count: number): void => {
  if (numbers[RESIDUAL_SPREAD] < LEAST_SCATTER * scatterOfCounts(numbers[MEAN])) return
  const rates = [expected, expected + numbers[RESIDUAL], numbers[MEAN], numbers[MEAN_LONG]]
  const nearest = count >= expected ? Math.max(...rates) : Math.min(...rates)
  const most = surpriseOfCount(count, Math.max(nearest, LEAST_RATE))
  for (const signal of [LEVEL, SEASON, ROLLING, JUMP]) surprises[signal] = Math.min(surprises[signal], most)
}

/** Judges a point by everything before it, then learns from it: `state` is changed in place. Points come in order of time.
 * `mayBeCount`: false where a whole number is one by accident. */
export const read = (state: SurpriseState, atMs: number, value: number, mayBeCount = Number.isInteger(value) && value >= 0): Reading => {
  const { numbers, tails } = state
  const n = numbers[N]
  if (!Number.isFinite(value) || (n > 0 && atMs <= numbers[LAST_MS])) return late(n)
  if (n === 0) for (const mean of [MEAN, MEAN_FAST, MEAN_LONG]) numbers[mean] = value
  learnStep(numbers, atMs)
  numbers[LARGEST] = Math.max(numbers[LARGEST] * FORGET_LARGEST, Math.abs(value))
  numbers[MEAN_FAST] = follow(numbers[MEAN_FAST], value, SLOW_FAST, n)

  const { usual, residual, seasonScale, residualScale, deviations, effect } = measure(state, atMs, value)
  const buckets = bucketsOf(deviations)
  const learning = n < LEARNING
  const surprises = learning ? [0, 0, 0, 0, 0] : judge(tails, deviations, buckets, usual !== null)
  const expected = usual === null ? numbers[MEAN] + numbers[RESIDUAL] : usual.value
  if (mayBeCount && value < MANY && Math.max(...surprises) > RARE) boundByChance(numbers, surprises, expected, value)
  const scale = usual === null ? residualScale : seasonScale
  const reach = reachOf(tails[usual === null ? JUMP : SEASON]) * scale
  learnAll(state, atMs, value, residual, buckets, usual !== null)
  return {
    state: learning ? 'learning' : 'ready',
    expected,
    lower: expected - reach,
    upper: expected + reach,
    sigma: scale * SIGMA_OF_MEAN_ABSOLUTE,
    surprise: sumUp(numbers, surprises, effect),
    direction: value >= expected ? 1 : -1,
    surprises,
    history: n,
  }
}

/** 0 to 1, and 0.5 at the threshold. */
export const scoreOf = (surprise: number, threshold: number): number => 1 - Math.exp((-Math.LN2 * surprise) / threshold)

/** One series by itself: `read`, and whether to speak of it. */
export const observe = (state: SurpriseState, atMs: number, value: number, threshold = NOTABLE): Told => {
  const { numbers } = state
  const reading = read(state, atMs, value)
  if (reading.state !== 'ready') return { ...reading, score: 0, alarm: false }
  const { surprise, history } = reading
  const quiet = numbers[TOLD_N] > 0 && history - numbers[TOLD_N] <= QUIET_POINTS && atMs - numbers[TOLD_MS] <= QUIET_MS
  const alarm = surprise >= threshold && !quiet
  if (alarm) {
    numbers[TOLD_N] = history
    numbers[TOLD_MS] = atMs
  }
  return { ...reading, score: scoreOf(quiet ? Math.min(surprise, threshold / 2) : surprise, threshold), alarm }
}

export interface Share {
  readonly name: Signal
  /** Of the whole surprise, 0 to 1. */ readonly share: number
}

/** Which signals speak, largest first. */
export const sharesOf = ({ surprises }: Pick<Reading, 'surprises'>): Share[] => {
  const total = surprises.reduce((sum, one) => sum + one, 0)
  return total === 0
    ? []
    : SIGNALS.map((name, i) => ({ name, share: surprises[i] / total }))
        .filter(({ share }) => share > 0)
        .sort((a, b) => b.share - a.share)
}
