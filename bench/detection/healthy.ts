// Traffic in which nothing is wrong, 28 days of each series: a day's rhythm and nothing but chance on top. Counts from one event in
// twenty points to 5,000 a point, with a week's rhythm too; gauges whose noise is normal, follows itself, or has a long tail.
import { createRandom, type Random } from '../../test/seasonal/random.ts'

const STEPS = [
  ['minute', 60_000],
  ['5 minutes', 300_000],
  ['hour', 3_600_000],
] as const
const DAYS = 28
const DAY_MS = 86_400_000
const PER_SHAPE = 4
const START_MS = Date.UTC(2024, 0, 1)
const LEVEL = 100
/** Noise that follows itself forgets within half an hour. */
const MEMORY_MS = 1_800_000

export interface HealthySeries {
  readonly kind: string
  readonly step: string
  readonly timesMs: readonly number[]
  readonly values: readonly number[]
}

/** The value of a point, of one series: `rhythm` is around 1. */
type Noise = (random: Random, stepMs: number) => (rhythm: number, isWeekend: boolean) => number

const counts =
  (rate: number): Noise =>
  (random) =>
  (rhythm, isWeekend) =>
    random.poisson(rate * rhythm * (isWeekend ? 0.7 : 1))
const normal: Noise = (random) => (rhythm) => LEVEL * (rhythm + 0.05 * random.normal())
const following: Noise = (random, stepMs) => {
  const kept = Math.exp(-stepMs / MEMORY_MS)
  let noise = 0
  return (rhythm) => {
    noise = kept * noise + Math.sqrt(1 - kept * kept) * random.normal()
    return LEVEL * (rhythm + 0.05 * noise)
  }
}
const longTailed: Noise = (random) => (rhythm) => LEVEL * rhythm * Math.exp(0.3 * random.normal())

const SHAPES: readonly (readonly [kind: string, noise: Noise])[] = [
  ...[0.05, 0.5, 5, 50, 500, 5_000].map((rate) => ['counts', counts(rate)] as const),
  ['gauges with normal noise', normal],
  ['gauges whose noise follows itself', following],
  ['gauges with a long tail', longTailed],
]

export const healthySeries = (): HealthySeries[] =>
  STEPS.flatMap(([step, stepMs]) =>
    SHAPES.flatMap(([kind, noise], shape) =>
      Array.from({ length: PER_SHAPE }, (_, k) => {
        const valueOf = noise(createRandom(1 + shape * PER_SHAPE + k), stepMs)
        const amplitude = 0.2 + (0.5 * k) / (PER_SHAPE - 1)
        const timesMs = Array.from({ length: (DAYS * DAY_MS) / stepMs }, (_, i) => START_MS + i * stepMs)
        const values = timesMs.map((atMs) => {
          const isWeekend = Math.floor((atMs - START_MS) / DAY_MS) % 7 >= 5
          return valueOf(1 + amplitude * Math.sin((2 * Math.PI * atMs) / DAY_MS), isWeekend)
        })
        return { kind, step, timesMs, values }
      }),
    ),
  )
