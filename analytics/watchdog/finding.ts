// What either reader of a series found, in the words of the table of anomalies; and what the calibrated reader knows about a finding of
// the other: whether it is usual at this hour, and how rare it is in the series' own history. Pure.
import { levelOf, VOTES, type DetectorState, type Verdict } from '../anomaly/detector.ts'
import { matters, type Judgement } from '../anomaly/metric.ts'
import { PERIOD_BUCKETS, type PeriodVerdict } from '../anomaly/periods.ts'
import type { SurpriseBytes } from '../anomaly/surprise/bytes.ts'
import { expectedAt } from '../anomaly/surprise/season.ts'
import { ALARMING, CAP, read, ROLLING, scoreOf, sharesOf, type Share } from '../anomaly/surprise/surprise.ts'

export interface Finding extends Pick<Verdict, 'observed' | 'expected' | 'lower' | 'upper' | 'z' | 'score' | 'history' | 'signal'> {
  readonly direction: 1 | -1
  readonly startedAtMs: number
  /** Largest first. */
  readonly signals: readonly Share[]
  /** It is no burst: told by means of five minutes. */
  readonly lasting: boolean
}

/** Days, or weeks, on which a time must have been seen before it excuses anything. */
const USUAL_VISITS = 3

/** At this time of the day or week the series is mostly like this: against that, the change matters to nobody. */
export const isUsual = (
  bytes: SurpriseBytes,
  calibrated: Uint8Array,
  judgement: Judgement,
  after: DetectorState,
  direction: number,
  atMs: number,
): boolean => {
  const usual = bytes.try(calibrated, ({ season }) => expectedAt(season, atMs))
  return (
    usual !== null && usual.visits >= USUAL_VISITS && !matters(judgement, direction, usual.value, levelOf(judgement, after.recent, VOTES))
  )
}

/** The last five minutes as the calibrated reader would judge them, and the burst in units of the threshold: added up. */
export const ofBurst = (
  bytes: SurpriseBytes,
  calibrated: Uint8Array | null,
  judgement: Judgement,
  after: DetectorState,
  verdict: Verdict,
  atMs: number,
): Finding => {
  const opening = verdict.opens!
  const { observed, expected, lower, upper, z, history, signal } = verdict
  const found = { observed, expected, lower, upper, z, history, signal, ...opening, lasting: false }
  const level = levelOf(judgement, after.recent, PERIOD_BUCKETS)
  const reading = calibrated === null ? null : bytes.try(calibrated, (state) => read(state, atMs, level))
  if (reading === null || reading.state !== 'ready') return { ...found, score: verdict.score, signals: [{ name: 'rolling_z', share: 1 }] }
  const burst = Math.min(CAP, -Math.log2(1 - verdict.score) * ALARMING)
  const agrees = reading.direction === opening.direction
  const signals = sharesOf({ surprises: reading.surprises.map((one, i) => (agrees ? one : 0) + (i === ROLLING ? burst : 0)) })
  return { ...found, score: scoreOf(burst + (agrees ? reading.surprise : 0), ALARMING), signals }
}

export const ofPeriods = ({ reading, level, threshold, opens }: PeriodVerdict): Finding => {
  const { expected, lower, upper, sigma, surprise, history } = reading
  const signals = sharesOf(reading)
  return {
    observed: level,
    expected,
    lower,
    upper,
    z: (level - expected) / sigma,
    score: scoreOf(surprise, threshold),
    history,
    signal: signals[0]?.name ?? 'none',
    signals,
    ...opens!,
    lasting: true,
  }
}
