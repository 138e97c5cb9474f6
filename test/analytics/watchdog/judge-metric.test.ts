// Both readers of a series as the watchdog runs them: quiet on healthy days, one voice where something is wrong, a score with its reasons.
import { describe, expect, it } from 'vitest'
import { createJudged, judgeFault, judgeHealthy, START_MS } from '../../../bench/watchdog/judged.ts'
import { BUCKET_MS, SLOW_FAULTS, type Bucket } from '../../../bench/watchdog/traffic.ts'
import { createRandom } from '../../seasonal/random.ts'

const DAY = 8640
const HOUR = 360

/** One service; `rate` of a bucket, by its number. */
const play = (buckets: number, rate: (i: number) => number, seed = 5) => {
  const random = createRandom(seed)
  const judged = createJudged('shop')
  for (let i = 0; i < buckets; i++) {
    const count = random.poisson(rate(i))
    const bucket: Bucket = { 'log.rate': count, 'log.error_rate': 0, 'attr.duration_ms': count === 0 ? null : 100 + 10 * random.normal() }
    judged.take(START_MS + i * BUCKET_MS, bucket)
  }
  return judged.opened.map((one) => ({ ...one, bucket: (one.atMs - START_MS) / BUCKET_MS }))
}

describe('the two readers of a series', () => {
  it('speak at most 0.02 times a day and series where nothing is wrong', () => {
    const { seriesDays, opened } = judgeHealthy(77, { services: 6, scale: 1, amplitude: 6, jobs: 0 }, 7)
    expect(opened.length / seriesDays, opened.map((one) => `${one.service} ${one.metric}`).join()).toBeLessThanOrEqual(0.02)
  })

  it('find what grows too slowly for buckets of 10 s', () => {
    const { byBurst, byEither, services } = judgeFault(
      78,
      { services: 2, scale: 3, amplitude: 4, jobs: 0 },
      SLOW_FAULTS.find((one) => one.metric === 'attr.duration_ms')!,
    )
    expect([byBurst, byEither]).toEqual([0, services])
  })

  it('tell a burst within a minute with a score of at least one half and the shares of what speaks, and not again as lasting', () => {
    const from = 3 * DAY
    const opened = play(from + 2 * HOUR, (i) => (i >= from ? 60 : 20))
    expect(opened).toHaveLength(1)
    const { finding, bucket } = opened[0]
    expect(bucket).toBeLessThan(from + 6)
    expect(finding.lasting).toBe(false)
    expect(finding.score).toBeGreaterThanOrEqual(0.5)
    expect(finding.z).toBeGreaterThan(3)
    expect(finding.signals.map((one) => one.name)).toContain('season')
    expect(finding.signals.reduce((sum, one) => sum + one.share, 0)).toBeCloseTo(1, 9)
  })

  it('leave out what is usual at its hour from the fourth day on, and nothing else', () => {
    // A busy hour that begins within ten minutes of nine; on the last day it comes at noon as well.
    const begins = (day: number): number => day * DAY + 9 * HOUR + [0, 31, 12, 55, 7, 40, 22][day]
    const busy = (i: number): boolean => {
      const day = Math.floor(i / DAY)
      return i >= begins(day) && i < begins(day) + HOUR
    }
    const opened = play(7 * DAY, (i) => (busy(i) || (i >= 6 * DAY + 12 * HOUR && i < 6 * DAY + 13 * HOUR) ? 80 : 20)).filter(
      (one) => one.metric === 'log.rate' && one.finding.direction > 0,
    )
    const days = opened.map((one) => one.bucket / DAY)
    expect(days[0]).toBeLessThan(1)
    expect(days.filter((at) => at >= 4 && at < 6.45)).toEqual([])
    expect(days.filter((at) => at >= 6.45)).toHaveLength(1)
  })
})
