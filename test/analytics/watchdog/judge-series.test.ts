// What people said of a series changes its threshold, its sides or its silence, and nothing else.
import { expect, test } from 'vitest'
import { named, newDetector, type DetectorState } from '../../../analytics/anomaly/detector.ts'
import { judgementOf } from '../../../analytics/anomaly/metric.ts'
import { judgeSeries } from '../../../analytics/watchdog/judge-series.ts'
import { ownDirectionOf, type SeriesRule } from '../../../streams/contracts/detection.ts'

const CONFIG = { zThreshold: 3, cooldownMs: 0 }
const RATE = judgementOf('log.rate')!
const PLAIN: SeriesRule = { sensitivity: 1, direction: null, ignored: false, noiseFactor: { up: 1, down: 1 } }
const HISTORY = Array.from({ length: 400 }, (_, i) => 100 + ((i * 7) % 19) - 9)

const run = (rule: SeriesRule | undefined, values: readonly number[], from?: DetectorState) => {
  let state = from ?? newDetector()
  const opened: number[] = []
  const resolved: number[] = []
  const firstMs = (from === undefined ? 0 : from.lastAtMs) + 10_000
  values.forEach((value, i) => {
    const { state: after, verdict } = judgeSeries(rule, state, RATE, CONFIG, { atMs: firstMs + i * 10_000, value })
    state = verdict.opens === null ? after : named(after, `anom-${i}`)
    if (verdict.opens !== null) opened.push(verdict.opens.direction)
    if (verdict.resolves !== null) resolved.push(i)
  })
  return { state, opened, resolved }
}
const healthy = run(undefined, HISTORY).state
const many = (value: number): number[] => Array.from({ length: 12 }, () => value)

test('nothing said is the detector alone', () => {
  expect(run(undefined, many(220), healthy)).toEqual(run(PLAIN, many(220), healthy))
  expect(run(undefined, many(220), healthy).opened).toEqual([1])
})

test('a lower sensitivity and noise raise the threshold, noise on its own side only', () => {
  const quiet = { ...PLAIN, sensitivity: 0.1 }
  expect(run(quiet, many(220), healthy).opened).toEqual([])
  const noisyUp = { ...PLAIN, noiseFactor: { up: 20, down: 1 } }
  expect([run(noisyUp, many(220), healthy).opened, run(noisyUp, many(20), healthy).opened]).toEqual([[], [-1]])
  const noisyDown = { ...PLAIN, noiseFactor: { up: 1, down: 20 } }
  expect([run(noisyDown, many(220), healthy).opened, run(noisyDown, many(20), healthy).opened]).toEqual([[1], []])
})

test('one side alone alarms when it is so set', () => {
  for (const [direction, up, down] of [
    ['up', [1], []],
    ['down', [], [-1]],
    ['both', [1], [-1]],
  ] as const) {
    expect([
      direction,
      run({ ...PLAIN, direction }, many(220), healthy).opened,
      run({ ...PLAIN, direction }, many(20), healthy).opened,
    ]).toEqual([direction, up, down])
  }
})

test('an ignored series opens nothing, ends what is open, and goes on learning', () => {
  const open = run(undefined, many(220), healthy).state
  expect(open.open).not.toBeNull()
  const ignored = run({ ...PLAIN, ignored: true }, many(220), open)
  expect([ignored.opened, ignored.resolved, ignored.state.open, ignored.state.n > open.n]).toEqual([[], [0], null, true])
})

test('the sides that are shown as the default are those that the detector has', () => {
  for (const metric of ['log.rate', 'log.error_rate', 'log.new_template_rate', 'attr.ms', 'log.severity.warn', 'alert.count']) {
    const judgement = judgementOf(metric)
    const own = judgement === null ? null : judgement.up && judgement.down ? 'both' : judgement.up ? 'up' : 'down'
    expect([metric, ownDirectionOf(metric)]).toEqual([metric, own])
  }
})
