// The detector: (state, point) → (state, verdict). Pure, O(1) per point; the state is plain JSON.
// Counts are judged on a scale where Poisson noise has variance 1 (2·√(x + 3/8)), gauges on a logarithmic one. An anomaly
// opens when 3 of the last 6 buckets exceed the threshold on one side, and the last two minutes together are twice as
// surprising as the threshold asks of one bucket, and the change is large enough to matter.
import type { Judgement } from './metric.ts'

export const BUCKET_MS = 10_000
const LEARNING = 30
const WINDOW = 60
const RECENT = 12
const LONG_WINDOW = 360
const VOTES = 6
const NEEDED = 3
const SILENCE_MS = 30 * 60_000
/** After an hour a new level is the normal one. */
const ACCEPT_AFTER = 360
const CLIP = 4
const GAUGE_FLOOR = 0.05

export interface OpenAnomaly { readonly id: string; readonly direction: 1 | -1; readonly startedAtMs: number; readonly buckets: number; readonly inBand: number }

export interface DetectorState {
  /** Points seen, gaps not counted. */
  readonly n: number
  readonly lastAtMs: number
  /** Expected value: events per bucket, or the mean of the logarithm. */
  readonly mean: number
  /** Long-run mean square of a single bucket's deviation and of the recent sum's, in units of the model's own noise. */
  readonly noise: number
  readonly sumNoise: number
  /** Values of the last buckets, oldest first. */
  readonly recent: readonly number[]
  /** Which side the last buckets exceeded on, oldest first. */
  readonly votes: readonly number[]
  readonly open: OpenAnomaly | null
  readonly quietUntilMs: number
}

/** `value` null: time passed without data. */
export interface Point { readonly atMs: number; readonly value: number | null }
export interface DetectorConfig { readonly zThreshold: number; readonly cooldownMs: number }

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
  /** Set when this point opens an anomaly: `startedAtMs` is its first exceeding bucket. */
  readonly opens: { readonly direction: 1 | -1; readonly startedAtMs: number } | null
  readonly resolves: OpenAnomaly | null
}

export const newDetector = (): DetectorState =>
  ({ n: 0, lastAtMs: 0, mean: 0, noise: 1, sumNoise: 1, recent: [], votes: [], open: null, quietUntilMs: 0 })

/** The watchdog names what the detector opened: ids need the series' name. */
export const named = (state: DetectorState, id: string): DetectorState => state.open === null ? state : { ...state, open: { ...state.open, id } }

const stabilise = (value: number): number => 2 * Math.sqrt(value + 0.375)
const unstabilise = (value: number): number => Math.max(0, (Math.max(0, value) / 2) ** 2 - 0.375)
const sumOfLast = (values: readonly number[], k: number): number => {
  let sum = 0
  for (let i = Math.max(0, values.length - k); i < values.length; i++) sum += values[i]
  return sum
}

interface Deviation { readonly z: number; readonly evidence: number; readonly raw: number; readonly rawSum: number; readonly recentMean: number }

const deviationOfCount = (state: DetectorState, recent: readonly number[], value: number): Deviation => {
  const { mean } = state
  const scale = Math.sqrt(Math.max(1, state.noise))
  const raw = stabilise(value) - stabilise(mean)
  // One bucket of a slow series can never be surprisingly empty, so the low side looks at as many as make the point.
  const k = Math.min(recent.length, Math.max(1, Math.ceil(12 / Math.max(mean, 0.01))))
  const low = k === 1 ? raw : stabilise(sumOfLast(recent, k)) - stabilise(mean * k)
  const rawSum = stabilise(sumOfLast(recent, RECENT)) - stabilise(mean * recent.length)
  return { z: (raw > 0 ? raw : Math.min(0, low)) / scale, raw, rawSum, evidence: rawSum / Math.sqrt(Math.max(1, state.sumNoise)), recentMean: sumOfLast(recent, VOTES) / Math.min(VOTES, recent.length) }
}

const deviationOfGauge = (state: DetectorState, recent: readonly number[], value: number): Deviation => {
  const scale = Math.max(GAUGE_FLOOR, Math.sqrt(state.noise))
  const raw = value - state.mean
  const rawSum = (sumOfLast(recent, RECENT) - state.mean * recent.length) / Math.sqrt(recent.length)
  const recentMean = sumOfLast(recent, VOTES) / Math.min(VOTES, recent.length)
  return { z: raw / scale, raw, rawSum, evidence: rawSum / Math.max(GAUGE_FLOOR, Math.sqrt(Math.max(state.sumNoise, state.noise))), recentMean }
}

/** The change matters: large against what was expected, whatever the noise. */
const matters = (judgement: Judgement, direction: number, expected: number, recentMean: number): boolean => {
  if (Math.abs(recentMean - expected) < judgement.minDifference) return false
  return direction > 0 ? recentMean >= expected * judgement.minRatio : recentMean * judgement.minRatio <= expected
}

/** Moves the expectation towards a value: little where it exceeds, not at all where that is a known anomaly. */
const learn = (state: DetectorState, judgement: Judgement, value: number, deviation: Deviation, exceeds: number): Pick<DetectorState, 'mean' | 'noise' | 'sumNoise'> => {
  const n = state.n + 1
  const accepted = state.open !== null && state.open.buckets >= ACCEPT_AFTER
  const held = state.open !== null && !accepted
  const rate = Math.max(2 / (WINDOW + 1), 1 / n) * (exceeds === 0 || accepted ? (held ? 0.25 : 1) : (held ? 0 : 0.25))
  const long = Math.max(2 / (LONG_WINDOW + 1), 1 / n)
  const scale = judgement.kind === 'count' ? Math.sqrt(Math.max(1, state.noise)) : Math.max(GAUGE_FLOOR, Math.sqrt(state.noise))
  const early = n <= LEARNING
  let target = value
  if (!early && !accepted) {
    const limit = CLIP * scale
    if (judgement.kind === 'count') {
      const expected = stabilise(state.mean)
      target = Math.min(Math.max(value, unstabilise(expected - limit)), unstabilise(expected + limit))
    } else target = Math.min(Math.max(value, state.mean - limit), state.mean + limit)
  }
  const mean = n === 1 ? value : state.mean + rate * (target - state.mean)
  if (held) return { mean, noise: state.noise, sumNoise: state.sumNoise }
  // Noise grows slowly, or a fault that was not held would hide the next one.
  const clip = (raw: number, square: number): number => early ? raw * raw : Math.min(raw * raw, 9 * Math.max(square, judgement.kind === 'count' ? 1 : GAUGE_FLOOR ** 2))
  const noise = n === 1 ? (judgement.kind === 'count' ? 1 : 0) : state.noise + long * (clip(deviation.raw, state.noise) - state.noise)
  const full = state.recent.length >= RECENT
  const sumNoise = full ? state.sumNoise + long * (clip(deviation.rawSum, state.sumNoise) - state.sumNoise) : (judgement.kind === 'count' ? 1 : noise)
  return { mean, noise, sumNoise }
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

const gap = (state: DetectorState, judgement: Judgement, config: DetectorConfig, point: Point): { state: DetectorState; verdict: Verdict } => {
  const limits = band(judgement, state, config.zThreshold)
  const silent = state.open !== null && point.atMs - state.lastAtMs >= SILENCE_MS
  const verdict: Verdict = { state: 'gap', observed: 0, ...limits, z: 0, score: 0, history: state.n, signal: 'none', opens: null, resolves: silent ? state.open : null }
  return { state: silent ? { ...state, open: null, votes: [], quietUntilMs: point.atMs + config.cooldownMs } : state, verdict }
}

/** Whether an open anomaly goes on, or has been in its band for long enough. */
const follow = (open: OpenAnomaly, exceeds: number): OpenAnomaly => ({ ...open, buckets: open.buckets + 1, inBand: exceeds === open.direction ? 0 : open.inBand + 1 })

/** Points come in order of time; an older one than the last is the caller's fault. */
export const step = (before: DetectorState, judgement: Judgement, config: DetectorConfig, point: Point): { state: DetectorState; verdict: Verdict } => {
  if (point.value === null) return gap(before, judgement, config, point)
  // Silence ended an open anomaly even where nobody was there to say so.
  const silent = before.open !== null && point.atMs - before.lastAtMs >= SILENCE_MS
  const state: DetectorState = silent ? { ...before, open: null, votes: [] } : before
  const value = judgement.kind === 'count' ? point.value : Math.log(Math.max(point.value, 1e-9))
  const recent = state.recent.length < RECENT ? [...state.recent, value] : [...state.recent.slice(1), value]
  const deviation = judgement.kind === 'count' ? deviationOfCount(state, recent, value) : deviationOfGauge(state, recent, value)
  const ready = state.n >= LEARNING
  const limits = band(judgement, state, config.zThreshold)
  let exceeds = 0
  if (ready && deviation.z > config.zThreshold && judgement.up) exceeds = 1
  else if (ready && deviation.z < -config.zThreshold && judgement.down) exceeds = -1
  const votes = state.votes.length < VOTES ? [...state.votes, exceeds] : [...state.votes.slice(1), exceeds]

  let open = state.open === null ? null : follow(state.open, exceeds)
  let resolves: OpenAnomaly | null = silent ? before.open : null
  let opens: Verdict['opens'] = null
  let quietUntilMs = silent ? point.atMs + config.cooldownMs : state.quietUntilMs
  if (open !== null && open.inBand >= VOTES) {
    resolves = open
    open = null
    quietUntilMs = point.atMs + config.cooldownMs
  } else if (open === null && exceeds !== 0 && point.atMs >= quietUntilMs) {
    const direction = exceeds as 1 | -1
    const same = votes.filter((vote) => vote === direction).length
    const recentMean = judgement.kind === 'count' ? deviation.recentMean : Math.exp(deviation.recentMean)
    const surprising = deviation.evidence * direction >= 2 * config.zThreshold
    if (same >= NEEDED && surprising && matters(judgement, direction, limits.expected, recentMean)) {
      const startedAtMs = point.atMs - (votes.length - 1 - votes.indexOf(direction)) * BUCKET_MS
      opens = { direction, startedAtMs }
      open = { id: '', direction, startedAtMs, buckets: 0, inBand: 0 }
    }
  }
  const learned = learn(state, judgement, value, deviation, exceeds)
  const surprise = Math.max(Math.abs(deviation.z), Math.abs(deviation.evidence) / 2) / config.zThreshold
  const verdict: Verdict = {
    state: ready ? 'ready' : 'learning', observed: point.value, ...limits, z: ready ? deviation.z : 0,
    score: ready ? 1 - 2 ** -surprise : 0, history: state.n, signal: exceeds === 0 ? 'none' : 'rolling_z', opens, resolves,
  }
  return { state: { n: state.n + 1, lastAtMs: point.atMs, ...learned, recent, votes: resolves === null ? votes : [], open, quietUntilMs }, verdict }
}
