// Traffic in which nothing is wrong: counts with a day's and a week's rhythm and nothing but chance on top, from one event in
// twenty points to 5,000 a point, 28 days each.
import { createRandom } from '../../test/seasonal/random.ts'

const RATES = [0.05, 0.5, 5, 50, 500, 5_000]
const STEPS = [
  ['minute', 60_000],
  ['5 minutes', 300_000],
  ['hour', 3_600_000],
] as const
const DAYS = 28
const DAY_MS = 86_400_000
const PER_RATE = 4
const START_MS = Date.UTC(2024, 0, 1)

export interface HealthySeries {
  readonly step: string
  readonly timesMs: readonly number[]
  readonly values: readonly number[]
}

export const healthySeries = (): HealthySeries[] =>
  STEPS.flatMap(([step, stepMs]) =>
    RATES.flatMap((rate, r) =>
      Array.from({ length: PER_RATE }, (_, k) => {
        const random = createRandom(1 + r * PER_RATE + k)
        const amplitude = 0.2 + (0.5 * k) / (PER_RATE - 1)
        const timesMs = Array.from({ length: (DAYS * DAY_MS) / stepMs }, (_, i) => START_MS + i * stepMs)
        const values = timesMs.map((atMs) => {
          const day = Math.floor((atMs - START_MS) / DAY_MS)
          return random.poisson(rate * (1 + amplitude * Math.sin((2 * Math.PI * atMs) / DAY_MS)) * (day % 7 >= 5 ? 0.7 : 1))
        })
        return { step, timesMs, values }
      }),
    ),
  )
