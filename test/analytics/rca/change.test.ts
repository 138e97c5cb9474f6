import { describe, expect, it } from 'vitest'
import { changeOf } from '../../../analytics/rca/change.ts'
import type { Meaning, Values } from '../../../analytics/rca/series.ts'

const LEVEL: Meaning = { up: 'latency', down: null, count: false, adds: true }
const ERRORS: Meaning = { up: 'errors', down: null, count: true, adds: true }
const TRAFFIC: Meaning = { up: 'traffic_rise', down: 'traffic_drop', count: true, adds: false }
const noise = (i: number): number => (Math.sin(i * 12.9898) * 43758.5453) % 1
const repeat = (n: number, value: (i: number) => number | null): Values => Array.from({ length: n }, (_, i) => value(i))
const onset = (index: number, recentFrom = 0) => ({ onset: index, recentFrom })
const z = (meaning: Meaning, values: Values, moment = onset(60)): number => changeOf({ metric: 'm', meaning, values }, moment)?.z ?? 0

describe('the change of a series', () => {
  it('is none where nothing changes, constant or not', () => {
    expect(changeOf({ metric: 'm', meaning: LEVEL, values: repeat(80, () => 7) }, onset(60))).toBeNull()
    expect(changeOf({ metric: 'm', meaning: LEVEL, values: repeat(80, () => 0) }, onset(60))).toBeNull()
    expect(changeOf({ metric: 'm', meaning: ERRORS, values: repeat(80, () => 0) }, onset(60))).toBeNull()
    expect(
      z(
        LEVEL,
        repeat(80, (i) => 50 + 10 * noise(i)),
      ),
    ).toBeLessThan(3)
  })

  it('of a flat series is measured by a twentieth of its level, so that it does not explode', () => {
    expect(
      z(
        LEVEL,
        repeat(80, (i) => (i < 60 ? 100 : 101)),
      ),
    ).toBeLessThan(0.5)
    expect(
      z(
        LEVEL,
        repeat(80, (i) => (i < 60 ? 100 : 200)),
      ),
    ).toBeGreaterThan(10)
  })

  it('is one-sided', () => {
    expect(
      z(
        LEVEL,
        repeat(80, (i) => (i < 60 ? 100 : 20)),
      ),
    ).toBe(0)
    expect(
      z(
        ERRORS,
        repeat(80, (i) => (i < 60 ? 20 : 0)),
      ),
    ).toBe(0)
    expect(
      z(
        TRAFFIC,
        repeat(80, (i) => (i < 60 ? 50 : 0)),
      ),
    ).toBeLessThan(-10)
    expect(changeOf({ metric: 'm', meaning: TRAFFIC, values: repeat(80, (i) => (i < 60 ? 50 : 90)) }, onset(60))?.kind).toBe('traffic_rise')
  })

  it('is robust: a burst long before does not hide it', () => {
    const calm = repeat(80, (i) => (i < 60 ? 40 : 120) + 4 * noise(i))
    const burst = calm.map((value, i) => (i === 10 || i === 11 ? 4000 : value))
    expect(z(LEVEL, burst)).toBeGreaterThan(0.5 * z(LEVEL, calm))
    const errors = repeat(80, (i) => (i === 10 || i === 11 ? 300 : i < 60 ? i % 2 : 8))
    expect(z(ERRORS, errors)).toBeGreaterThan(5)
  })

  it('grows with the events of rare errors, and is none for a single one', () => {
    expect(
      z(
        ERRORS,
        repeat(80, (i) => (i === 65 ? 1 : 0)),
      ),
    ).toBeLessThan(2)
    expect(
      z(
        ERRORS,
        repeat(80, (i) => (i >= 60 ? 1 : 0)),
      ),
    ).toBeGreaterThan(4)
  })

  it('is measured from the minutes before, where the history is of another time', () => {
    // Three times as slow since the history was taken, and no slower at the onset.
    const drifted = repeat(80, (i) => (i < 50 ? 40 : 120) + 4 * noise(i))
    expect(z(LEVEL, drifted, onset(60, 50))).toBeLessThan(2)
    expect(
      z(
        LEVEL,
        repeat(80, (i) => (i < 60 ? 40 : 120) + 4 * noise(i)),
        onset(60, 50),
      ),
    ).toBeGreaterThan(6)
    const failing = repeat(80, (i) => (i < 50 ? 0 : 10))
    expect(z(ERRORS, failing, onset(60, 50))).toBeLessThan(3)
  })

  it('says what was added: events, or time by the calls that took it, but not without their number', () => {
    const values = repeat(70, (i) => (i < 60 ? 100 : 300))
    expect(changeOf({ metric: 'ms', meaning: LEVEL, values, weights: repeat(70, () => 5) }, onset(60))?.damage).toEqual({
      metric: 'ms',
      added: 200 * 5 * 10,
    })
    expect(changeOf({ metric: 'ms', meaning: LEVEL, values }, onset(60))?.damage).toBeNull()
    expect(changeOf({ metric: 'e', meaning: ERRORS, values: repeat(70, (i) => (i < 60 ? 1 : 4)) }, onset(60))?.damage).toEqual({
      metric: 'e',
      added: 30,
    })
  })

  it('leaves gaps out, and says nothing from too little', () => {
    expect(
      z(
        LEVEL,
        repeat(80, (i) => (i % 3 === 0 ? null : i < 60 ? 100 : 300)),
      ),
    ).toBeGreaterThan(10)
    expect(changeOf({ metric: 'm', meaning: LEVEL, values: [1, 1, 1, 9, 9] }, onset(3))).toBeNull()
    expect(changeOf({ metric: 'm', meaning: LEVEL, values: repeat(80, (i) => (i < 60 ? 100 : null)) }, onset(60))).toBeNull()
  })
})
