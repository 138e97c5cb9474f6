// The detector: (state, point) → (state, verdict). Pure, O(1) per point; the state is plain JSON.
// Counts are judged as Poisson events with the extra spread that the series itself has shown, gauges on a logarithmic scale.
// An anomaly opens when 3 of the last 6 buckets exceed the threshold on one side, and the last 2 or 6 minutes together are
// clearly more surprising than the threshold asks of one bucket, and the change is large enough to matter.
import { changedFor, deviationOf, GAUGE_FLOOR, LONG, MIDDLE, stabilise, sumOfLast, unstabilise, type Deviation } from './deviation.ts'
import { isHabit, remember, type Episode } from './habit.ts'
import { matters, type Judgement } from './metric.ts'

export const BUCKET_MS = 10_000
const LEARNING = 30
const WINDOW = 60
/** A slow series is averaged over longer, until about this many events are in it. */
const EVENTS_IN_WINDOW = 100
const LONG_WINDOW = 360
export const VOTES = 6
const NEEDED = 3
/** Times the threshold of one bucket: what the last minutes must amount to as a whole. */
const EVIDENCE = 5 / 3
const SILENCE_MS = 30 * 60_000
/** After an hour a new level is the normal one. */
const ACCEPT_AFTER = 360
const CLIP = 4

export interface OpenAnomaly {
  readonly id: string
  readonly direction: 1 | -1
  readonly startedAtMs: number
  readonly buckets: number
  readonly inBand: number
}

export interface DetectorState {
  /** Points seen, gaps not counted. */
  readonly n: number
  readonly lastAtMs: number
  /** Expected value: events per bucket, or the mean of the logarithm. */
  readonly mean: number
  readonly noise: number
  readonly middleNoise: number
  readonly longNoise: number
  /** Values of the last buckets, oldest first. */
  readonly recent: readonly number[]
  /** Which side the last buckets exceeded on, oldest first. */
  readonly votes: readonly number[]
  readonly open: OpenAnomaly | null
  readonly quietUntilMs: number
  /** Rises that were, or would have been, anomalies. */
  readonly episodes: readonly Episode[]
}

/** `value` null: time passed without data. */
export interface Point {
  readonly atMs: number
  readonly value: number | null
}
export interface DetectorConfig {
  readonly zThreshold: number
  readonly cooldownMs: number
}

export interface Verdict {
  readonly state: 'learning' | 'ready' | 'gap'
  readonly observed: number
  readonly expected: number
  readonly lower: number
  readonly upper: number
  readonly z: number
  readonly score: number
  /** Buckets that the expectation rests on. */
  readonly history: number
  readonly signal: string
  /** Set when this point opens an anomaly: `startedAtMs` is the first bucket of the change. */
  readonly opens: { readonly direction: 1 | -1; readonly startedAtMs: number } | null
  readonly resolves: OpenAnomaly | null
}

export const newDetector = (): DetectorState => ({
  n: 0,
  lastAtMs: 0,
  mean: 0,
  noise: 1,
  middleNoise: 1,
  longNoise: 1,
  recent: [],
  votes: [],
  open: null,
  quietUntilMs: 0,
  episodes: [],
})

/** The watchdog names what the detector opened: ids need the series' name. */
export const named = (state: DetectorState, id: string): DetectorState =>
  state.open === null ? state : { ...state, open: { ...state.open, id } }

/** The newest values with one more, at most `most`. No larger than what is in it: what a spread makes keeps room to grow, and of 50,000
 * series every array outlives a bucket. */
const withNewest = (values: readonly number[], value: number, most: number): number[] => {
  if (values.length < most) return [...values, value]
  const moved = values.slice()
  for (let i = 1; i < most; i++) moved[i - 1] = moved[i]
  moved[most - 1] = value
  return moved
}

/** The mean of the last buckets, in the series' unit. */
export const levelOf = (judgement: Judgement, recent: readonly number[], buckets: number): number => {
  const mean = sumOfLast(recent, buckets) / Math.min(buckets, recent.length)
  return judgement.kind === 'count' ? mean : Math.exp(mean)
}

/** How fast the expectation follows: over ten minutes, and a slow count over up to an hour. */
const followRate = (state: DetectorState, judgement: Judgement): number => {
  const window =
    judgement.kind === 'gauge' ? WINDOW : Math.min(LONG_WINDOW, Math.max(WINDOW, EVENTS_IN_WINDOW / Math.max(state.mean, 0.01)))
  return Math.max(2 / (window + 1), 1 / (state.n + 1))
}

/** Moves the expectation towards a value: little where it exceeds, not at all where that is a known anomaly. */
const learn = (
  state: DetectorState,
  judgement: Judgement,
  recent: readonly number[],
  deviation: Deviation,
  exceeds: number,
): Pick<DetectorState, 'mean' | 'noise' | 'middleNoise' | 'longNoise'> => {
  const n = state.n + 1
  const count = judgement.kind === 'count'
  const accepted = state.open !== null && state.open.buckets >= ACCEPT_AFTER
  const held = state.open !== null && !accepted
  const rate = followRate(state, judgement) * (exceeds === 0 || accepted ? (held ? 0.25 : 1) : held ? 0 : 0.25)
  const early = n <= LEARNING
  const filled = recent.length
  // Two minutes late: what is being judged must not have moved what it is judged by.
  const value = recent[Math.max(0, early ? filled - 1 : filled - 1 - MIDDLE)]
  let target = value
  if (!early && !accepted) {
    const limit = CLIP * (count ? Math.sqrt(Math.max(1, state.noise)) : Math.max(GAUGE_FLOOR, Math.sqrt(state.noise)))
    if (count) {
      const expected = stabilise(state.mean)
      target = Math.min(Math.max(value, unstabilise(expected - limit)), unstabilise(expected + limit))
    } else target = Math.min(Math.max(value, state.mean - limit), state.mean + limit)
  }
  const mean = n === 1 ? value : state.mean + rate * (target - state.mean)
  const { noise, middleNoise, longNoise } = state
  if (held) return { mean, noise, middleNoise, longNoise }
  // Noise grows slowly, or a fault that was not held would hide the next one.
  const long = Math.max(2 / (LONG_WINDOW + 1), 1 / n) * (exceeds === 0 ? 1 : 0.25)
  const least = count ? 1 : GAUGE_FLOOR ** 2
  const grown = (square: number, raw: number): number =>
    square + long * ((early ? raw * raw : Math.min(raw * raw, 9 * Math.max(square, least))) - square)
  const single = n === 1 ? (count ? 1 : 0) : grown(noise, deviation.raw)
  return {
    mean,
    noise: single,
    middleNoise: filled >= MIDDLE ? grown(middleNoise, deviation.rawMiddle) : n < MIDDLE && !count ? single : middleNoise,
    longNoise: filled >= LONG ? grown(longNoise, deviation.rawLong) : n < LONG && !count ? single : longNoise,
  }
}

const band = (judgement: Judgement, state: DetectorState, threshold: number): { lower: number; upper: number; expected: number } => {
  if (judgement.kind === 'count') {
    const width = threshold * Math.sqrt(Math.max(1, state.noise))
    const centre = stabilise(state.mean)
    return { expected: state.mean, lower: unstabilise(centre - width), upper: unstabilise(centre + width) }
  }
  const width = threshold * Math.max(GAUGE_FLOOR, Math.sqrt(state.noise))
  return { expected: Math.exp(state.mean), lower: Math.exp(state.mean - width), upper: Math.exp(state.mean + width) }
}

const gap = (
  state: DetectorState,
  judgement: Judgement,
  config: DetectorConfig,
  point: Point,
): { state: DetectorState; verdict: Verdict } => {
  const limits = band(judgement, state, config.zThreshold)
  const silent = state.open !== null && point.atMs - state.lastAtMs >= SILENCE_MS
  const verdict: Verdict = {
    state: 'gap',
    observed: 0,
    ...limits,
    z: 0,
    score: 0,
    history: state.n,
    signal: 'none',
    opens: null,
    resolves: silent ? state.open : null,
  }
  return { state: silent ? { ...state, open: null, votes: [], quietUntilMs: point.atMs + config.cooldownMs } : state, verdict }
}

/** Whether an open anomaly goes on, or has been in its band for long enough. */
const follow = (open: OpenAnomaly, exceeds: boolean): OpenAnomaly => ({
  ...open,
  buckets: open.buckets + 1,
  inBand: exceeds ? 0 : open.inBand + 1,
})

/** Points come in order of time; an older one than the last is the caller's fault. */
export const step = (
  before: DetectorState,
  judgement: Judgement,
  config: DetectorConfig,
  point: Point,
): { state: DetectorState; verdict: Verdict } => {
  if (point.value === null) return gap(before, judgement, config, point)
  // Silence ended an open anomaly even where nobody was there to say so.
  const silent = before.open !== null && point.atMs - before.lastAtMs >= SILENCE_MS
  const state: DetectorState = silent ? { ...before, open: null, votes: [] } : before
  const value = judgement.kind === 'count' ? point.value : Math.log(Math.max(point.value, 1e-9))
  const recent = withNewest(state.recent, value, LONG)
  const deviation = deviationOf(judgement, state.mean, state, recent)
  const ready = state.n >= LEARNING
  const limits = band(judgement, state, config.zThreshold)
  let exceeds = 0
  if (ready && deviation.z > config.zThreshold && judgement.up) exceeds = 1
  else if (ready && deviation.z < -config.zThreshold && judgement.down) exceeds = -1
  const votes = withNewest(state.votes, exceeds, VOTES)

  let open = state.open === null ? null : follow(state.open, deviation.single * state.open.direction > config.zThreshold)
  let resolves: OpenAnomaly | null = silent ? before.open : null
  let opens: Verdict['opens'] = null
  let episodes = state.episodes
  let quietUntilMs = silent ? point.atMs + config.cooldownMs : state.quietUntilMs
  if (open !== null && open.inBand >= VOTES && exceeds !== open.direction) {
    resolves = open
    open = null
    quietUntilMs = point.atMs + config.cooldownMs
  } else if (open === null && exceeds !== 0 && point.atMs >= quietUntilMs) {
    const direction = exceeds as 1 | -1
    const same = votes.filter((vote) => vote === direction).length
    const recentMean = levelOf(judgement, recent, VOTES)
    const surprising = (direction > 0 ? deviation.up : -deviation.down) >= EVIDENCE * config.zThreshold
    if (same >= NEEDED && surprising && matters(judgement, direction, limits.expected, recentMean)) {
      const startedAtMs = point.atMs - (changedFor(judgement, state.mean, recent, direction) - 1) * BUCKET_MS
      const rises = judgement.habits && direction > 0
      if (rises) episodes = remember(episodes, startedAtMs, point.atMs, recentMean)
      if (!rises || !isHabit(episodes)) {
        opens = { direction, startedAtMs }
        open = { id: '', direction, startedAtMs, buckets: 0, inBand: 0 }
      }
    }
  } else if (open !== null && open.direction > 0 && exceeds > 0 && episodes.length > 0) {
    const last = episodes[episodes.length - 1]
    episodes = [...episodes.slice(0, -1), { ...last, endMs: point.atMs }]
  }
  const { mean, noise, middleNoise, longNoise } = learn(state, judgement, recent, deviation, exceeds)
  const surprise = Math.max(Math.abs(deviation.z), Math.max(deviation.up, -deviation.down) / 2) / config.zThreshold
  // Field by field, here and below: a spread that is not the first costs V8 as much as all the arithmetic.
  const verdict: Verdict = {
    state: ready ? 'ready' : 'learning',
    observed: point.value,
    expected: limits.expected,
    lower: limits.lower,
    upper: limits.upper,
    z: ready ? deviation.z : 0,
    score: ready ? 1 - 2 ** -surprise : 0,
    history: state.n,
    signal: exceeds === 0 ? 'none' : 'rolling_z',
    opens,
    resolves,
  }
  return {
    state: {
      n: state.n + 1,
      lastAtMs: point.atMs,
      mean,
      noise,
      middleNoise,
      longNoise,
      recent: resolves === null ? recent : recent.slice(-VOTES),
      votes: resolves === null ? votes : [],
      open,
      quietUntilMs,
      episodes,
    },
    verdict,
  }
}
