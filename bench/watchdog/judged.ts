// The watchdog's two readers over made-up days, without a store: how often do they speak where nothing is wrong, and what do they find?
import { newDetector } from '../../analytics/anomaly/detector.ts'
import { judgementOf } from '../../analytics/anomaly/metric.ts'
import { createSurpriseBytes } from '../../analytics/anomaly/surprise/bytes.ts'
import type { Effects } from '../../analytics/watchdog/close-buckets.ts'
import type { Opening } from '../../analytics/watchdog/anomaly-row.ts'
import { judgeMetric } from '../../analytics/watchdog/judge-metric.ts'
import { newServiceState } from '../../analytics/watchdog/service-state.ts'
import { createRandom } from '../../test/seasonal/random.ts'
import { createWorld, type Shape } from '../../test/seasonal/world.ts'
import { BUCKET_MS, drawBucket, METRICS, type Bucket, type SlowFault } from './traffic.ts'

export const START_MS = Date.UTC(2026, 0, 5)
const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000
const DETECTOR = { zThreshold: 3, cooldownMs: 300_000 }

/** A service's buckets in order, and what is opened. */
export const createJudged = (service: string): { take(atMs: number, bucket: Bucket): void; readonly opened: Opening[] } => {
  const opened: Opening[] = []
  const state = newServiceState('t', service)
  const effects: Effects = {
    point: () => {},
    opened: (one) => {
      opened.push(one)
    },
    resolved: () => {},
    countNewTemplates: () => 0,
  }
  const ctx = { detector: DETECTOR, surpriseBytes: createSurpriseBytes(), effects }
  return {
    opened,
    take: (atMs, bucket) => {
      for (const metric of METRICS)
        judgeMetric({ state, metric, judgement: judgementOf(metric)!, rule: undefined, ctx }, state.detectors[metric] ?? newDetector(), {
          atMs,
          value: bucket[metric],
        })
    },
  }
}

export interface HealthyReport {
  readonly seriesDays: number
  readonly bursts: number
  readonly lasting: number
  readonly opened: readonly Opening[]
}
export const judgeHealthy = (seed: number, shape: Shape, days: number): HealthyReport => {
  const random = createRandom(seed)
  const opened = createWorld(random, shape).flatMap((service) => {
    const judged = createJudged(service.name)
    const weekend = random.between(0.5, 1)
    for (let atMs = START_MS; atMs < START_MS + days * DAY_MS; atMs += BUCKET_MS)
      judged.take(atMs, drawBucket(random, service, atMs, weekend))
    return judged.opened
  })
  const lasting = opened.filter(({ finding }) => finding.lasting).length
  return { seriesDays: shape.services * METRICS.length * days, bursts: opened.length - lasting, lasting, opened }
}

export interface FaultReport {
  readonly name: string
  readonly services: number
  readonly byBurst: number
  readonly byEither: number
  /** Minutes until the first of either. */ readonly medianMinutes: number | null
}
/** The fault in each service by itself, at an hour of its own, behind ten healthy days. */
export const judgeFault = (seed: number, shape: Shape, fault: SlowFault): FaultReport => {
  const random = createRandom(seed)
  const found = createWorld(random, shape).map((service) => {
    const judged = createJudged(service.name)
    const fromMs = START_MS + 10 * DAY_MS + Math.floor(random.next() * 24) * HOUR_MS
    for (let atMs = START_MS; atMs < fromMs + fault.hours * HOUR_MS; atMs += BUCKET_MS) {
      const hours = (atMs - fromMs) / HOUR_MS
      judged.take(
        atMs,
        drawBucket(random, service, atMs, 1, (metric) => (metric === fault.metric && hours >= 0 ? fault.factor(hours) : 1)),
      )
    }
    const own = judged.opened.filter((one) => one.metric === fault.metric && one.atMs >= fromMs)
    return { byBurst: own.some(({ finding }) => !finding.lasting), minutes: own.length === 0 ? null : (own[0].atMs - fromMs) / 60_000 }
  })
  const minutes = found.flatMap((one) => one.minutes ?? []).sort((a, b) => a - b)
  return {
    name: fault.name,
    services: found.length,
    byBurst: found.filter((one) => one.byBurst).length,
    byEither: minutes.length,
    medianMinutes: minutes.length === 0 ? null : minutes[minutes.length >> 1],
  }
}
