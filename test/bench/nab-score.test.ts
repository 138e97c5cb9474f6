import { describe, expect, it } from 'vitest'
import { firstScored, nabScores, type LabelledSeries } from '../../bench/detection/nab-score.ts'

const ROWS = 1000
const series: LabelledSeries = { name: 'one', timesMs: Array.from({ length: ROWS }, (_, i) => i), values: [], windows: [[500, 599]] }
const alarmsAt = (...rows: number[]): number[] => Array.from({ length: ROWS }, (_, i) => (rows.includes(i) ? 1 : 0))
const shipped = (...rows: number[]): number[] => nabScores([series], [alarmsAt(...rows)], 0.5).map((score) => score.shipped)
/** 2 / (1 + e^5x) - 1, over its value at -1. */
const worth = (x: number): number => (2 / (1 + Math.exp(5 * x)) - 1) / (2 / (1 + Math.exp(-5)) - 1)

describe('the score of the Numenta Anomaly Benchmark', () => {
  it('is 0 for silence and 100 for an alarm at the first row of each window', () => {
    expect(shipped()).toEqual([0, 0, 0])
    for (const score of shipped(500)) expect(score).toBeCloseTo(100, 9)
  })
  it('counts the earliest alarm of a window, and it the less the later it is', () => {
    expect(shipped(550)[0]).toBeCloseTo((100 * (worth(-0.5) + 1)) / 2, 9)
    expect(shipped(550, 560, 599)).toEqual(shipped(550))
  })
  it('takes for each alarm outside what the profile says, and less just behind a window', () => {
    const [standard, lowPositives] = shipped(300, 500)
    expect(standard).toBeCloseTo(100 - (100 * 0.11) / 2, 9)
    expect(lowPositives).toBeCloseTo(100 - (100 * 0.22) / 2, 9)
    expect(shipped(500, 610)[0]).toBeGreaterThan(standard)
  })
  it('does not look at the first rows', () => {
    expect(firstScored(ROWS)).toBe(150)
    expect(firstScored(20_000)).toBe(750)
    expect(shipped(149, 500)[0]).toBeCloseTo(100, 9)
    expect(shipped(150, 500)[0]).toBeLessThan(100)
  })
  it('chooses one threshold for all series, and for each the one that is best for the others', () => {
    const scores = [
      alarmsAt(500).map((score) => score * 0.9),
      alarmsAt(500).map((score) => score * 0.4),
      alarmsAt(500, 300).map((score, i) => score * (i === 300 ? 0.3 : 0.8)),
    ]
    const [standard] = nabScores([series, series, series], scores, 0.5)
    expect(standard.threshold).toBeCloseTo(0.4, 9)
    expect(standard.optimised).toBeCloseTo(100, 9)
    expect(standard.shipped).toBeCloseTo((100 * 2) / 3, 9)
    // Without the second series the others are best at 0.8, where it is missed.
    expect(standard.leaveOneOut).toBeCloseTo((100 * 2) / 3, 9)
  })
})
