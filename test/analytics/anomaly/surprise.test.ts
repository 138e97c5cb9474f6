import { describe, expect, it } from 'vitest'
import { decodeSurprise, encodeSurprise } from '../../../analytics/anomaly/surprise/bytes.ts'
import {
  LEARNING,
  newSurpriseState,
  observe,
  sharesOf,
  type SurpriseState,
  type Told,
} from '../../../analytics/anomaly/surprise/surprise.ts'
import { createRandom } from '../../seasonal/random.ts'

const STEP_MS = 300_000
const DAY = 288
const START_MS = Date.UTC(2026, 0, 5)

/** A day's rhythm with noise; `change` alters what was drawn. */
const traffic = (points: number, change: (i: number, value: number) => number = (_, value) => value, seed = 1): number[] => {
  const random = createRandom(seed)
  return Array.from({ length: points }, (_, i) => change(i, 100 + 50 * Math.sin((2 * Math.PI * i) / DAY) + 3 * random.normal()))
}
const play = (values: readonly number[], state: SurpriseState = newSurpriseState(), first = 0, stepMs = STEP_MS): Told[] =>
  values.map((value, i) => observe(state, START_MS + (first + i) * stepMs, value))
const alarmsOf = (readings: readonly Told[]): number[] => readings.flatMap((reading, i) => (reading.alarm ? [i] : []))

describe('the calibrated detector', () => {
  it('says nothing while it learns', () => {
    const readings = play(traffic(LEARNING, (i, value) => (i === 15 ? 10_000 : value)))
    expect(readings.every((reading) => reading.state === 'learning' && reading.score === 0 && !reading.alarm)).toBe(true)
  })

  it('finds a spike at once, a shift of the level and a day without its rhythm', () => {
    const at = 6 * DAY + 40
    const within = (values: number[], points: number): void => {
      const found = alarmsOf(play(values)).filter((i) => i >= at)
      expect(found[0]).toBeLessThan(at + points)
    }
    within(
      traffic(8 * DAY, (i, value) => (i === at ? value + 60 : value)),
      1,
    )
    within(
      traffic(8 * DAY, (i, value) => (i >= at && i < at + 60 ? value + 80 : value)),
      12,
    )
    within(
      traffic(8 * DAY, (i, value) => (i >= at && i < at + DAY ? 100 : value)),
      DAY,
    )
  })

  it('is quiet on a rhythm that goes on, and for long on one that is told', () => {
    expect(alarmsOf(play(traffic(14 * DAY))).filter((i) => i > 2 * DAY).length).toBeLessThanOrEqual(2)
    const at = 6 * DAY
    const shifted = alarmsOf(play(traffic(8 * DAY, (i, value) => (i >= at ? value + 200 : value)))).filter((i) => i >= at)
    expect(shifted.length).toBeGreaterThan(0)
    shifted.slice(1).forEach((i, k) => expect(i - shifted[k]).toBeGreaterThan(100))
  })

  it('is indifferent to the unit', () => {
    const values = traffic(8 * DAY, (i, value) => (i === 2000 ? value + 90 : value))
    const [plain, scaled] = [play(values), play(values.map((value) => value * 1e6))]
    expect(alarmsOf(scaled)).toEqual(alarmsOf(plain))
    expect(scaled[2000].score).toBeCloseTo(plain[2000].score, 6)
  })

  it('knows a value by its hour: what is usual at noon is an alarm at midnight', () => {
    const noon = traffic(7 * DAY)[Math.round(DAY / 4)]
    const at = 6 * DAY + Math.round((3 * DAY) / 4)
    const [reading] = play(traffic(7 * DAY, (i, value) => (i === at ? noon : value))).slice(at)
    expect(reading.alarm).toBe(true)
    expect(sharesOf(reading)[0].name).not.toBe('level')
    expect(reading.expected).toBeLessThan(70)
    expect(reading.upper).toBeLessThan(noon)
  })

  it('judges a series that never moved by the first time that it does, and not by a hair', () => {
    const flat = (change: number): number[] => alarmsOf(play(Array.from({ length: 2000 }, (_, i) => (i === 1500 ? 50 + change : 50))))
    expect(flat(20)).toEqual([1500])
    expect(flat(0.1)).toEqual([])
  })

  it('takes no count for rarer than chance makes it, and finds a burst of them', () => {
    const counts = (seed: number, rate: number, burst = 0): number[] => {
      const random = createRandom(seed)
      return Array.from({ length: 28 * DAY }, (_, i) => (i === 20 * DAY ? burst : 0) + random.poisson(rate))
    }
    const quiet = [0.05, 0.5, 5].flatMap((rate) => [1, 2, 3, 4].map((seed) => alarmsOf(play(counts(seed, rate))).length))
    // In 336 days of series; without that bound there are 13.
    expect(quiet.reduce((total, one) => total + one, 0)).toBeLessThanOrEqual(7)
    for (const rate of [0.05, 0.5, 5]) expect(alarmsOf(play(counts(5, rate, 10 + 6 * rate)))).toContain(20 * DAY)
  })

  it('does not know after an hour what is one in a million', () => {
    const readings = play(Array.from({ length: 61 }, (_, i) => (i === 60 ? 0.3 : 0.1 * (i % 2))))
    for (const surprise of readings[60].surprises) expect(surprise).toBeLessThan(Math.log10(61) + 1.6)
  })

  it('does not learn from what is late, repeated or no number', () => {
    const values = traffic(1000)
    const [state, disturbed] = [newSurpriseState(), newSurpriseState()]
    play(values, state)
    values.forEach((value, i) => {
      observe(disturbed, START_MS + i * STEP_MS, value)
      for (const [atMs, bad] of [
        [START_MS + i * STEP_MS, 1e9],
        [START_MS + (i - 10) * STEP_MS, 1e9],
        [START_MS + (i + 1) * STEP_MS, NaN],
        [START_MS + (i + 1) * STEP_MS, Infinity],
      ]) {
        expect(observe(disturbed, atMs, bad).state).toBe('late')
      }
    })
    expect(encodeSurprise(disturbed)).toEqual(encodeSurprise(state))
  })

  it('rests on earlier points alone', () => {
    const values = traffic(1500)
    const cut = play(values.slice(0, 1000))
    expect(play([...values.slice(0, 1000), ...values.slice(1000).map((value) => value * 40)]).slice(0, 1000)).toEqual(cut)
  })

  it('goes on over a gap, and over the hour that a clock is put forward', () => {
    const before = traffic(10 * DAY)
    const gap = newSurpriseState()
    play(before, gap)
    // A day is missing; the rhythm goes on where it would be.
    expect(alarmsOf(play(traffic(11 * DAY + 200).slice(11 * DAY), gap, 11 * DAY)).length).toBeLessThanOrEqual(1)
    const shifted = newSurpriseState()
    play(before, shifted)
    const summer = traffic(20 * DAY)
      .map((_, i, all) => all[(i + 12) % all.length])
      .slice(10 * DAY)
    // It may be told once or twice, and is the usual within days.
    expect(alarmsOf(play(summer, shifted, 10 * DAY)).filter((i) => i > 5 * DAY).length).toBeLessThanOrEqual(1)
  })

  it('asks less rarity of an hourly point than of one in five minutes', () => {
    const values = traffic(1200, (i, value) => (i === 1000 ? value + 30 : value))
    const [fine, coarse] = [300_000, 3_600_000].map(
      (stepMs) =>
        play(
          values.map(() => 100).map((flat, i) => flat + (values[i] - 100) * (i % 2)),
          newSurpriseState(),
          0,
          stepMs,
        )[900],
    )
    expect(coarse.surprise).toBeGreaterThan(fine.surprise)
  })

  it('is at most 4 KB, and judges as before after being bytes', () => {
    const values = traffic(3000, (i, value) => (i % 701 === 0 ? value + 80 : value))
    const state = newSurpriseState()
    play(values.slice(0, 2000), state)
    const bytes = encodeSurprise(state)
    expect(bytes.length).toBeLessThanOrEqual(4096)
    const restored = decodeSurprise(bytes)
    expect(play(values.slice(2000), restored!, 2000)).toEqual(play(values.slice(2000), state, 2000))
    expect(decodeSurprise(bytes.subarray(1))).toBeNull()
    expect(decodeSurprise(Uint8Array.from(bytes, (byte, i) => (i === 0 ? 99 : byte)))).toBeNull()
  })
})
