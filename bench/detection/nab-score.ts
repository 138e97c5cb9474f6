// The Numenta Anomaly Benchmark's score (Lavin and Ahmad, ICMLA 2015; NAB 1.1). Pure.
// An alarm inside a labelled window is worth more the earlier it is, and only the best of a window counts; an alarm outside
// costs, less just behind a window; a window without an alarm costs. 0 is a detector that is silent, 100 a perfect one.

export interface LabelledSeries {
  readonly name: string
  readonly timesMs: readonly number[]
  readonly values: readonly number[]
  /** First and last row of each window, in order. */ readonly windows: readonly (readonly [number, number])[]
}
export interface Profile {
  readonly name: string
  readonly falseAlarm: number
  readonly missed: number
}
export const PROFILES: readonly Profile[] = [
  { name: 'standard', falseAlarm: 0.11, missed: 1 },
  { name: 'low false positives', falseAlarm: 0.22, missed: 1 },
  { name: 'low false negatives', falseAlarm: 0.11, missed: 2 },
]

const PROBATION = 0.15
const PROBATION_ROWS = 5_000
/** The first rows of a series are not scored. */
export const firstScored = (rows: number): number => Math.min(Math.floor(PROBATION * rows), PROBATION * PROBATION_ROWS)

const sigmoid = (x: number): number => (x > 3 ? -1 : 2 / (1 + Math.exp(5 * x)) - 1)
const EARLIEST = sigmoid(-1)

interface Row {
  readonly series: number
  readonly score: number
  readonly worth: number
  /** Index of the window over all series, -1 outside. */ readonly window: number
}
interface Scored {
  /** Highest score first. */ readonly rows: readonly Row[]
  /** The series of each window that has rows to be found in. */ readonly windows: readonly number[]
  readonly perfect: number
}

const worthOf = (row: number, windows: LabelledSeries['windows']): { worth: number; inside: number } => {
  const inside = windows.findIndex(([first, last]) => row >= first && row <= last)
  if (inside >= 0) {
    const [first, last] = windows[inside]
    return { worth: sigmoid(-(last - row + 1) / (last - first + 1)) / EARLIEST, inside }
  }
  const before = windows.findLast(([, last]) => last < row)
  return { worth: before === undefined ? -1 : sigmoid((row - before[1]) / (before[1] - before[0])), inside }
}

/** Rows that count; a window that lies whole in the probation is not asked for. */
const rowsOf = (series: readonly LabelledSeries[], scores: readonly ArrayLike<number>[]): Scored => {
  const rows: Row[] = []
  const known: number[] = []
  series.forEach(({ timesMs, windows }, s) => {
    const asked = new Map<number, number>()
    for (let row = firstScored(timesMs.length); row < timesMs.length; row++) {
      const { worth, inside } = worthOf(row, windows)
      if (inside >= 0 && !asked.has(inside)) asked.set(inside, known.push(s) - 1)
      rows.push({ series: s, score: scores[s][row], worth, window: inside < 0 ? -1 : asked.get(inside)! })
    }
  })
  return { rows: rows.sort((x, y) => y.score - x.score), windows: known, perfect: series.reduce((sum, one) => sum + one.windows.length, 0) }
}

const normalised = (raw: number, { windows, perfect }: Scored, profile: Profile): number => {
  const silent = -profile.missed * windows.length
  return (100 * (raw - silent)) / (perfect - silent)
}

/** Not normalised: what each series is worth at this threshold. */
const worthAt = ({ rows, windows }: Scored, profile: Profile, threshold: number, series: number): number[] => {
  const best = new Float64Array(windows.length).fill(-profile.missed)
  const worths = Array.from({ length: series }, () => 0)
  for (const row of rows) {
    if (row.score < threshold) break
    if (row.window < 0) worths[row.series] += row.worth * profile.falseAlarm
    else best[row.window] = Math.max(best[row.window], row.worth)
  }
  best.forEach((worth, window) => {
    worths[windows[window]] += worth
  })
  return worths
}

/** The threshold that is worth most, over every score that occurs, to all series but one. */
const bestThreshold = ({ rows, windows }: Scored, profile: Profile, without = -1): number => {
  const best = new Float64Array(windows.length).fill(-profile.missed)
  let raw = 0
  let found = { threshold: Infinity, raw }
  rows.forEach(({ series, score, worth, window }, i) => {
    if (series !== without) {
      if (window < 0) raw += worth * profile.falseAlarm
      else if (worth > best[window]) {
        raw += worth - best[window]
        best[window] = worth
      }
    }
    if (rows[i + 1]?.score !== score && raw > found.raw) found = { threshold: score, raw }
  })
  return found.threshold
}

export interface NabScore {
  readonly profile: string
  /** With the threshold that is best for all series together. */ readonly optimised: number
  readonly threshold: number
  readonly shipped: number
  /** Each series with the threshold that is best for the others. */ readonly leaveOneOut: number
}

export const nabScores = (
  series: readonly LabelledSeries[],
  scores: readonly ArrayLike<number>[],
  shippedThreshold: number,
): NabScore[] => {
  const scored = rowsOf(series, scores)
  const sum = (worths: readonly number[]): number => worths.reduce((total, one) => total + one, 0)
  return PROFILES.map((profile) => {
    const at = (threshold: number): number[] => worthAt(scored, profile, threshold, series.length)
    const threshold = bestThreshold(scored, profile)
    const left = series.map((_, i) => at(bestThreshold(scored, profile, i))[i])
    const [optimised, shipped, leaveOneOut] = [at(threshold), at(shippedThreshold), left].map((worths) =>
      normalised(sum(worths), scored, profile),
    )
    return { profile: profile.name, threshold, optimised, shipped, leaveOneOut }
  })
}
