// When a fault began, by what the detector opens: the moment at which the most is opened, by number and sigma. Pure. The detector is used
// here and nowhere else in root cause, through the four names that it publishes.
import { newDetector, step } from '../anomaly/detector.ts'
import type { CauseKind } from '../../streams/contracts/rca.ts'
import type { MeaningOf, ServiceSeries } from './series.ts'

/** Openings of one fault lie within this many buckets: what the detector may need to see of a slow one. */
const TOGETHER = 12
/** The detector counts in buckets of its own length, whatever the grid's is. */
const BUCKET_MS = 10_000
/** As the watchdog judges: what doubles, or falls to a half, matters; of a level, what grows by half. */
const judgementFor = ({
  up,
  down,
  count,
}: {
  readonly up: CauseKind | null
  readonly down: CauseKind | null
  readonly count: boolean
}) => ({
  kind: count ? ('count' as const) : ('gauge' as const),
  up: up !== null,
  down: down !== null,
  minRatio: count ? 2 : 1.5,
  minDifference: count ? 0.3 : 0,
  habits: false,
})

export interface Opened {
  readonly service: string
  readonly metric: string
  readonly kind: CauseKind
  /** First bucket of the change. */ readonly index: number
  /** Sigma at the opening. */ readonly z: number
}
export interface OnsetConfig {
  readonly zThreshold: number
}

export const openingsOf = (series: readonly ServiceSeries[], meaningOf: MeaningOf, config: OnsetConfig): Opened[] =>
  series.flatMap(({ service, metrics }) =>
    Object.entries(metrics).flatMap(([metric, values]) => {
      const meaning = meaningOf(metric)
      if (meaning === null) return []
      const judgement = judgementFor(meaning)
      const opened: Opened[] = []
      let state = newDetector()
      for (let i = 0; i < values.length; i++) {
        const next = step(state, judgement, { zThreshold: config.zThreshold, cooldownMs: 0 }, { atMs: i * BUCKET_MS, value: values[i] })
        state = next.state
        const { opens } = next.verdict
        if (opens !== null)
          opened.push({
            service,
            metric,
            kind: (opens.direction > 0 ? meaning.up : meaning.down)!,
            z: Math.abs(next.verdict.z),
            index: Math.max(0, Math.round(opens.startedAtMs / BUCKET_MS)),
          })
      }
      return opened
    }),
  )

export interface Onset {
  readonly index: number
  readonly openings: readonly Opened[]
}

/** The openings that together say most; of several that say as much the earliest. Null where nothing opened. */
export const onsetOf = (openings: readonly Opened[]): Onset | null => {
  const ordered = openings.toSorted((a, b) => a.index - b.index)
  let best: Onset | null = null
  let most = 0
  for (const { index } of ordered) {
    const together = ordered.filter((one) => one.index >= index && one.index < index + TOGETHER)
    const said = together.reduce((sum, { z }) => sum + z, 0)
    if (said <= most) continue
    most = said
    best = { index, openings: together }
  }
  return best
}
