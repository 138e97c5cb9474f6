// As many series as one worker may have, on the watchdog's own parts: intake, roll-up, both readers; no store and no clock. Their
// calibrated detectors have a day behind them, or the first day of it would be the benchmark.
import { createSurpriseBytes } from '../../analytics/anomaly/surprise/bytes.ts'
import { read } from '../../analytics/anomaly/surprise/surprise.ts'
import { BUCKET_MS, countOf, type Partial } from '../../analytics/series/rollup.ts'
import { advance, type Advance } from '../../analytics/watchdog/close-buckets.ts'
import { createIntake } from '../../analytics/watchdog/intake.ts'
import { newSeriesPeriods } from '../../analytics/watchdog/series-periods.ts'
import { createServices, type ServiceState } from '../../analytics/watchdog/service-state.ts'
import { createRandom } from '../../test/seasonal/random.ts'

const PERIODS = 300
const PERIOD_MS = 300_000
const SERVICES_PER_TENANT = 400
const LASTING = ['log.rate', 'log.error_rate', 'attr.duration_ms'] as const
/** `log.rate` brings three series, the duration is the fourth. */
export const SERIES_PER_SERVICE = 4

export interface Population {
  readonly services: readonly ServiceState[]
  /** Takes in one bucket of every service and closes what may be closed. */
  bucket(): void
  /** Anomalies and points that came of it: what a worker would write. */
  readonly written: { points: number; anomalies: number }
}

const trained = (random: ReturnType<typeof createRandom>, fromMs: number): Uint8Array => {
  const bytes = createSurpriseBytes()
  const one = bytes.fresh()
  for (let i = 0; i < PERIODS; i++)
    bytes.change(one, (state) => read(state, fromMs + i * PERIOD_MS, 10 + Math.sin((2 * Math.PI * i) / 288) + random.normal()))
  return one
}

export const createPopulation = (series: number, startMs: number): Population => {
  const random = createRandom(4711)
  const states = createServices({ seriesPerTenant: SERVICES_PER_TENANT * SERIES_PER_SERVICE, series, operations: 50, otherMetrics: 64 })
  const intake = createIntake(states)
  const names = Array.from({ length: Math.floor(series / SERIES_PER_SERVICE) }, (_, i) => ({
    tenant: `tenant-${Math.floor(i / SERVICES_PER_TENANT)}`,
    service: `service-${i}`,
  }))
  const written = { points: 0, anomalies: 0 }
  const models = Array.from({ length: 16 }, () => trained(random, startMs - PERIODS * PERIOD_MS))
  let bucketMs = startMs
  const surpriseBytes = createSurpriseBytes()
  const partialOf = ({ tenant, service }: (typeof names)[number]): Partial => {
    const count = random.poisson(10)
    const duration = 100 + 10 * random.normal()
    return {
      tenant,
      service,
      bucketMs,
      templates: [],
      covers: 1,
      metrics: [
        ['log.rate', countOf(count)],
        ['attr.duration_ms', { count, sum: count * duration, min: duration, max: duration, sumSq: count * duration * duration }],
      ],
    }
  }
  const bucket = (): void => {
    const nowMs = bucketMs + 30_000
    for (const name of names) intake.take(partialOf(name), nowMs)
    intake.measureFronts()
    for (const state of states.all()) {
      const context: Advance = {
        clock: { nowMs, uncommittedMs: null },
        ranSinceMs: startMs,
        detector: { zThreshold: 3, cooldownMs: 300_000 },
        surpriseBytes,
        rules: () => undefined,
        tenant: intake.tenant(state.tenant),
        effects: {
          point: () => {
            written.points++
          },
          opened: () => {
            written.anomalies++
          },
          resolved: () => {},
          countNewTemplates: () => 0,
        },
      }
      advance(state, context, 100)
    }
    bucketMs += BUCKET_MS
  }
  bucket()
  const services = [...states.all()]
  for (const state of services)
    for (const metric of LASTING) {
      const one = newSeriesPeriods(state.tenant, state.service, metric)
      // Stored before, some time within the last hour.
      const since = Array.from({ length: Math.floor(random.next() * 12) }, (_, i): [number, number] => [
        startMs - (i + 1) * PERIOD_MS,
        10,
      ]).toReversed()
      state.periods[metric] = { ...one, calibrated: Uint8Array.from(random.pick(models)), storedAs: { slot: 0, generation: 1 }, since }
    }
  return { services, bucket, written }
}
