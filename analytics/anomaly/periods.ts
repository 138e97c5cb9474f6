// The second reader of a series: means of five minutes, judged by the calibrated detector. It sees what buckets of 10 s cannot: an
// hour that is not as this hour usually is, a slow drift, a weak deviation that lasts. Values in, values out; the calibrated state lies
// as bytes and is changed in place. Each series has its own beginning of the five minutes (`phaseMs`), so that the work of 50,000
// spreads evenly over them. No clock: periods belong to event time.
import type { OpenAnomaly } from './detector.ts'
import { matters, type Judgement } from './metric.ts'
import type { SurpriseBytes } from './surprise/bytes.ts'
import { ALARMING, read, type Reading } from './surprise/surprise.ts'

const BUCKET_MS = 10_000
export const PERIOD_BUCKETS = 30
export const PERIOD_MS = PERIOD_BUCKETS * BUCKET_MS
/** Of fewer buckets a count has no mean of five minutes. A gauge rests on few events anyway. */
const LEAST_KNOWN = PERIOD_BUCKETS / 2
/** A day: before it is over, its rhythm looks like a change. */
export const LEARNING_PERIODS = 288
const RECENT = 3
const CALM = 6
const SILENCE_MS = 30 * 60_000
/** What was told, by either reader, is not told again for so long. */
const QUIET_MS = 100 * PERIOD_MS
/** Share of the threshold above which an anomaly goes on. */
const LASTING = 0.5
/** Where in its first period it began is not known: nowhere is nearer to everywhere than the middle. */
const BEGUN_WITHIN_MS = PERIOD_MS / 2
/** After a day a new level is the normal one. */
const ACCEPT_MS = 86_400_000

export interface PeriodState {
  /** Start of the period that is being filled; 0 before the first. */
  readonly startMs: number
  /** Buckets with a value, and their sum; of logarithms for a gauge. */
  readonly known: number
  readonly sum: number
  /** Means of the last periods, oldest first. */
  readonly recent: readonly number[]
  /** Start of the last period that had a mean. */
  readonly lastMs: number
  /** Start of the first of the last periods in a row that were far enough from what was expected, on which side; 0: the last was not.
   * Surprise says that, not when: it grows over several periods, and of a rare error it is large an hour before. */
  readonly sinceMs: number
  readonly side: 1 | -1
  readonly open: OpenAnomaly | null
  readonly quietUntilMs: number
}
export const newPeriods = (): PeriodState => ({
  startMs: 0,
  known: 0,
  sum: 0,
  recent: [],
  lastMs: 0,
  sinceMs: 0,
  side: 1,
  open: null,
  quietUntilMs: 0,
})

export interface PeriodRule {
  /** Times the threshold, by side. */
  readonly factor: { readonly up: number; readonly down: number }
  readonly ignored: boolean
  /** The other reader has an anomaly open here, or had one just now. */
  readonly told: boolean
}
export interface PeriodVerdict {
  readonly startMs: number
  /** Mean of a bucket. */
  readonly mean: number
  /** Median of the last three means: what is judged to matter. */
  readonly level: number
  readonly reading: Reading
  readonly threshold: number
  readonly opens: { readonly direction: 1 | -1; readonly startedAtMs: number } | null
  readonly resolves: OpenAnomaly | null
}

export const periodOf = (atMs: number, phaseMs: number): number => Math.floor((atMs - phaseMs) / PERIOD_MS) * PERIOD_MS + phaseMs

/** One wild period is no lasting deviation, and sudden ones are the other reader's. */
const medianOf = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]

/** The mean of what was gathered, or null where that is too little to be one. */
export const meanOfPeriod = ({ known, sum }: PeriodState, judgement: Judgement): number | null => {
  if (judgement.kind === 'count') return known < LEAST_KNOWN ? null : sum / known
  return known === 0 ? null : Math.exp(sum / known)
}

/** A bucket of the period; `startMs` as `periodOf` says. Null: it had no value. */
export const addBucket = (state: PeriodState, judgement: Judgement, startMs: number, value: number | null): PeriodState => {
  const { known, sum } = state.startMs === startMs ? state : { known: 0, sum: 0 }
  if (value === null) return { ...state, startMs, known, sum }
  return { ...state, startMs, known: known + 1, sum: sum + (judgement.kind === 'count' ? value : Math.log(Math.max(value, 1e-9))) }
}

const follow = (
  open: OpenAnomaly,
  startMs: number,
  goesOn: boolean,
  ends: boolean,
): { open: OpenAnomaly | null; resolves: OpenAnomaly | null } => {
  const after = { ...open, buckets: open.buckets + 1, inBand: goesOn ? 0 : open.inBand + 1 }
  const over = ends || after.inBand >= CALM || startMs - open.startedAtMs >= ACCEPT_MS
  return over ? { open: null, resolves: after } : { open: after, resolves: null }
}

/** Judges and learns the period's mean. What is gathered must be of one period, and later than every one before. */
export const closePeriod = (
  bytes: SurpriseBytes,
  calibrated: Uint8Array,
  state: PeriodState,
  judgement: Judgement,
  mean: number,
  rule: PeriodRule,
): { state: PeriodState; verdict: PeriodVerdict } => {
  const { startMs } = state
  // What lasts is no single count: bound by what chance does to each, half of what fades slowly is missed, and no alarm less is false.
  const reading = bytes.change(calibrated, (one) => read(one, startMs, mean, false))
  const recent = [...state.recent, mean].slice(-RECENT)
  const level = medianOf(recent)
  const direction = level >= reading.expected ? 1 : -1
  const threshold = ALARMING * (direction > 0 ? rule.factor.up : rule.factor.down)
  const ready =
    reading.state === 'ready' && reading.history >= LEARNING_PERIODS && (direction > 0 ? judgement.up : judgement.down) && !rule.ignored
  const lasts = ready && reading.surprise >= LASTING * threshold
  const isFar = (value: number, to: 1 | -1): boolean =>
    judgement.lasting !== undefined && matters(judgement.lasting, to, reading.expected, value)
  const side = mean >= reading.expected ? 1 : -1
  const sinceMs = !isFar(mean, side) ? 0 : state.sinceMs > 0 && state.side === side ? state.sinceMs : startMs
  const alarming = ready && reading.surprise >= threshold && isFar(level, direction)
  let { open, quietUntilMs } = state
  let resolves: OpenAnomaly | null = null
  let opens: PeriodVerdict['opens'] = null
  if (open !== null)
    ({ open, resolves } = follow(
      open,
      startMs,
      lasts && direction === open.direction,
      rule.ignored || startMs - state.lastMs >= SILENCE_MS,
    ))
  else if (alarming && (rule.told || startMs >= quietUntilMs)) {
    if (!rule.told) {
      const startedAtMs = (sinceMs > 0 && side === direction ? sinceMs : startMs) + BEGUN_WITHIN_MS
      opens = { direction, startedAtMs }
      open = { id: '', direction, startedAtMs, buckets: 0, inBand: 0 }
    }
    quietUntilMs = startMs + QUIET_MS
  }
  return {
    state: { startMs, known: 0, sum: 0, recent, lastMs: startMs, sinceMs, side, open, quietUntilMs },
    verdict: { startMs, mean, level, reading, threshold, opens, resolves },
  }
}

/** Ends what has had no data for long enough. */
export const endSilentPeriods = (state: PeriodState, nowMs: number): { state: PeriodState; resolves: OpenAnomaly | null } =>
  state.open === null || nowMs - state.lastMs < SILENCE_MS + PERIOD_MS
    ? { state, resolves: null }
    : { state: { ...state, open: null }, resolves: state.open }
