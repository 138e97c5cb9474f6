// The second reader: what lasts is told once, the usual never, and nothing on the first day.
import { describe, expect, it } from 'vitest'
import { judgementOf, type Judgement } from '../../../analytics/anomaly/metric.ts'
import {
  addBucket,
  closePeriod,
  endSilentPeriods,
  LEARNING_PERIODS,
  meanOfPeriod,
  newPeriods,
  PERIOD_MS,
  periodOf,
  type PeriodRule,
  type PeriodState,
  type PeriodVerdict,
} from '../../../analytics/anomaly/periods.ts'
import { createSurpriseBytes } from '../../../analytics/anomaly/surprise/bytes.ts'
import { createRandom } from '../../seasonal/random.ts'

const START_MS = Date.UTC(2026, 2, 2)
const DAY = 288
const RATE = judgementOf('log.rate')!
const PLAIN: PeriodRule = { factor: { up: 1, down: 1 }, ignored: false, told: false }
const bytes = createSurpriseBytes()

interface Play {
  readonly judgement?: Judgement
  readonly rule?: (i: number) => PeriodRule
  readonly shiftMs?: (i: number) => number
  readonly skip?: (i: number) => boolean
  readonly noise?: number
}
const day = (i: number): number => 20 + 15 * Math.sin((2 * Math.PI * i) / DAY)
/** Means of five minutes with noise. */
const play = (
  periods: number,
  value: (i: number) => number,
  { judgement = RATE, rule = () => PLAIN, skip = () => false, noise = 0.5 }: Play = {},
  seed = 3,
) => {
  const random = createRandom(seed)
  const calibrated = bytes.fresh()
  let state: PeriodState = newPeriods()
  const opened: { i: number; verdict: PeriodVerdict }[] = []
  const resolved: number[] = []
  for (let i = 0; i < periods; i++) {
    const mean = Math.max(0, value(i) + noise * random.normal())
    if (skip(i)) continue
    const closed = closePeriod(bytes, calibrated, { ...state, startMs: START_MS + i * PERIOD_MS }, judgement, mean, rule(i))
    state = closed.state
    if (closed.verdict.opens !== null) opened.push({ i, verdict: closed.verdict })
    if (closed.verdict.resolves !== null) resolved.push(i)
  }
  return { state, opened, resolved, calibrated }
}

describe('means of five minutes', () => {
  it('open nothing on a rhythm that goes on, over a gap of a day and over the hours that clocks are put forward and back', () => {
    expect(play(14 * DAY, day).opened).toEqual([])
    expect(play(14 * DAY, day, { skip: (i) => i >= 8 * DAY && i < 9 * DAY }).opened).toEqual([])
    expect(play(20 * DAY, (i) => day(i + (i >= 8 * DAY && i < 14 * DAY ? 12 : 0))).opened).toEqual([])
  })

  it('tell of a morning that does not come, from the beginning and once', () => {
    const night = day(8 * DAY - 72)
    const { opened } = play(9 * DAY, (i) => (i > 8 * DAY - 72 && i < 8 * DAY + 72 ? night : day(i)))
    expect(opened).toHaveLength(1)
    expect(opened[0].verdict.opens!.direction).toBe(-1)
    expect(opened[0].i).toBeLessThan(8 * DAY + 36)
    expect(opened[0].verdict.opens!.startedAtMs).toBeLessThanOrEqual(START_MS + opened[0].i * PERIOD_MS)
  })

  it('tell of a drift that no single step of shows, and of its end', () => {
    const from = 8 * DAY
    const { opened, resolved } = play(10 * DAY, (i) => day(i) * (i >= from && i < from + 96 ? 1 + Math.min(1, (i - from) / 48) : 1))
    expect(opened).toHaveLength(1)
    expect(opened[0].i).toBeLessThan(from + 60)
    expect(resolved).toHaveLength(1)
    expect(resolved[0]).toBeGreaterThan(opened[0].i)
  })

  it('tell of nothing on the first day, on a side that is no harm, and of nothing too small to matter', () => {
    expect(play(LEARNING_PERIODS, (i) => (i > 200 ? 200 : 20)).opened).toEqual([])
    const errors = judgementOf('log.error_rate')!
    expect(play(9 * DAY, (i) => (i > 8 * DAY ? 5 : 20), { judgement: errors }).opened).toEqual([])
    expect(play(9 * DAY, (i) => (i > 8 * DAY ? 40 : 20), { judgement: errors }).opened).toHaveLength(1)
    expect(play(9 * DAY, (i) => (i > 8 * DAY ? 26 : 20)).opened).toEqual([])
  })

  it('tell when it began: within the first period that was far from what was expected, not with stray errors before', () => {
    const from = 8 * DAY
    const errors = (i: number): number => (i >= from ? 0.8 : i >= from - 4 || i % 97 === 0 ? 1 / 30 : 0)
    const { opened } = play(from + 20, errors, { judgement: judgementOf('log.error_rate')!, noise: 0 })
    expect(opened).toHaveLength(1)
    expect(opened[0].verdict.opens!.startedAtMs).toBe(START_MS + from * PERIOD_MS + PERIOD_MS / 2)
  })

  it('leave to the other reader what it has told, and what is over in one period', () => {
    expect(
      play(9 * DAY, (i) => (i > 8 * DAY ? 60 : 20), { rule: (i) => ({ ...PLAIN, told: i > 8 * DAY && i < 8 * DAY + 10 }) }).opened,
    ).toEqual([])
    expect(play(9 * DAY, (i) => (i === 8 * DAY ? 200 : 20)).opened).toEqual([])
  })

  it('end what is open when the series is ignored, or silent for half an hour', () => {
    const from = 8 * DAY
    expect(play(from + 20, (i) => (i > from ? 60 : 20), { rule: (i) => ({ ...PLAIN, ignored: i > from + 10 }) }).resolved).toEqual([
      from + 11,
    ])
    const { state } = play(from + 10, (i) => (i > from ? 60 : 20))
    expect(state.open).not.toBeNull()
    expect(endSilentPeriods(state, state.lastMs + 20 * 60_000).resolves).toBeNull()
    expect(endSilentPeriods(state, state.lastMs + 36 * 60_000)).toMatchObject({ resolves: state.open, state: { open: null } })
  })
})

describe('a period', () => {
  it("begins where the series' own does, and is of its buckets alone", () => {
    expect([0, 10_000, 299_999].map((ms) => periodOf(START_MS + ms, 20_000))).toEqual([
      START_MS - 280_000,
      START_MS - 280_000,
      START_MS + 20_000,
    ])
    let state = newPeriods()
    for (let i = 0; i < 20; i++) state = addBucket(state, RATE, START_MS, i < 18 ? 4 : null)
    expect([state.known, meanOfPeriod(state, RATE)]).toEqual([18, 4])
    expect(meanOfPeriod(addBucket(state, RATE, START_MS + PERIOD_MS, 7), RATE)).toBeNull()
  })

  it('of a gauge is the geometric mean: one wild value does not make it', () => {
    const gauge = judgementOf('attr.duration_ms')!
    let state = newPeriods()
    for (const value of [100, 100, 100, 100, null, 10_000]) state = addBucket(state, gauge, START_MS, value)
    expect(meanOfPeriod(state, gauge)).toBeCloseTo(100 * 100 ** 0.2, 6)
  })
})
