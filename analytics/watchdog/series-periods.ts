// What the watchdog keeps of each series for its second reader: the period that is being filled, the calibrated state as bytes, and the
// means that these have learned since they were last stored. Those are few numbers beside 4 KB, so the bytes are stored once an hour.
import { createHash } from 'node:crypto'
import type { SeriesRule } from '../../streams/contracts/detection.ts'
import type { Judgement } from '../anomaly/metric.ts'
import {
  addBucket,
  closePeriod,
  meanOfPeriod,
  newPeriods,
  PERIOD_BUCKETS,
  PERIOD_MS,
  periodOf,
  type PeriodState,
  type PeriodVerdict,
} from '../anomaly/periods.ts'
import type { SurpriseBytes } from '../anomaly/surprise/bytes.ts'
import { read } from '../anomaly/surprise/surprise.ts'
import { BUCKET_MS } from '../series/rollup.ts'

/** Means that are kept beside the stored bytes: an hour of them, or while a backlog is worked through, two. */
const STORED_AFTER = 12
const MOST_SINCE = 24

/** Which stored bytes a checkpoint goes on from. Two slots take turns, so that what an earlier checkpoint needs is never written over. */
export interface StoredAs {
  readonly slot: 0 | 1
  readonly generation: number
}
export type Learned = readonly [startMs: number, mean: number]
export interface SeriesPeriods {
  state: PeriodState
  /** Null until the first period closes. */
  calibrated: Uint8Array | null
  storedAs: StoredAs | null
  /** In order of time. Null: too many to be kept, the bytes are to be stored. */
  since: Learned[] | null
  readonly phaseMs: number
  /** Means before the bytes are stored for the first time: early for some and late for others. */
  readonly firstAfter: number
}

export const newSeriesPeriods = (tenant: string, service: string, metric: string): SeriesPeriods => {
  const hash = createHash('sha256')
    .update(JSON.stringify([tenant, service, metric]))
    .digest()
    .readUInt32LE(0)
  return {
    state: newPeriods(),
    calibrated: null,
    storedAs: null,
    since: [],
    phaseMs: (hash % PERIOD_BUCKETS) * BUCKET_MS,
    firstAfter: 1 + (Math.floor(hash / PERIOD_BUCKETS) % STORED_AFTER),
  }
}

export const isToBeStored = ({ calibrated, since, storedAs, firstAfter }: SeriesPeriods): boolean =>
  calibrated !== null && (since === null || since.length >= (storedAs === null ? firstAfter : STORED_AFTER))

/** What was learned behind the stored bytes, once more: the same numbers, so the same state. */
export const learnAgain = (bytes: SurpriseBytes, calibrated: Uint8Array, since: readonly Learned[]): void =>
  bytes.change(calibrated, (state) => {
    for (const [startMs, mean] of since) read(state, startMs, mean)
  })

const close = (
  bytes: SurpriseBytes,
  series: SeriesPeriods,
  judgement: Judgement,
  rule: SeriesRule | undefined,
  told: boolean,
): PeriodVerdict | null => {
  const mean = meanOfPeriod(series.state, judgement)
  if (mean === null) return null
  const { direction = null, noiseFactor = { up: 1, down: 1 }, sensitivity = 1, ignored = false } = rule ?? {}
  const sides = direction === null ? judgement : { ...judgement, up: direction !== 'down', down: direction !== 'up' }
  const factor = { up: noiseFactor.up / sensitivity, down: noiseFactor.down / sensitivity }
  const { state, verdict } = closePeriod(bytes, (series.calibrated ??= bytes.fresh()), series.state, sides, mean, { factor, ignored, told })
  series.state = state
  if (series.since !== null) series.since = series.since.length < MOST_SINCE ? [...series.since, [verdict.startMs, mean]] : null
  return verdict
}

/** Takes in a bucket, of which points come in order; gives what the periods that it ends come to, at most two. `told`: see `PeriodRule`. */
export const takeBucket = (
  bytes: SurpriseBytes,
  series: SeriesPeriods,
  judgement: Judgement,
  rule: SeriesRule | undefined,
  bucket: { readonly atMs: number; readonly value: number | null; readonly told: boolean },
): PeriodVerdict[] => {
  const startMs = periodOf(bucket.atMs, series.phaseMs)
  // One that was left unfinished: by a gap, or by the start of the series.
  const earlier = series.state.startMs < startMs && series.state.known > 0 ? close(bytes, series, judgement, rule, bucket.told) : null
  series.state = addBucket(series.state, judgement, startMs, bucket.value)
  const own = bucket.atMs + BUCKET_MS === startMs + PERIOD_MS ? close(bytes, series, judgement, rule, bucket.told) : null
  return [earlier, own].filter((verdict) => verdict !== null)
}
