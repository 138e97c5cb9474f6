// Buckets of 10 s as the watchdog closes them, drawn without drawing each record: the services of the seasonal test on healthy days, and
// what a slow fault makes of them. A fault is a factor on one metric that depends on how long it has been going on.
import type { Random } from '../../test/seasonal/random.ts'
import { rateAt } from '../../test/seasonal/traffic.ts'
import type { Service } from '../../test/seasonal/world.ts'

export const BUCKET_MS = 10_000
const HOUR_MS = 3_600_000
const DAY_MS = 86_400_000
/** Of the values of a bucket, more are not drawn one by one. */
const DRAWN = 40

export type Metric = 'log.rate' | 'log.error_rate' | 'attr.duration_ms'
export const METRICS: readonly Metric[] = ['log.rate', 'log.error_rate', 'attr.duration_ms']
export type Bucket = Readonly<Record<Metric, number | null>>
export interface SlowFault {
  readonly name: string
  readonly metric: Metric
  readonly hours: number
  /** Of the hours since it began. */ readonly factor: (hours: number) => number
}

const upTo =
  (most: number, within: number) =>
  (hours: number): number =>
    1 + (most - 1) * Math.min(1, hours / within)
export const SLOW_FAULTS: readonly SlowFault[] = [
  { name: 'half of the traffic goes at once', metric: 'log.rate', hours: 4, factor: () => 0.5 },
  { name: 'traffic fades to 30 % over 6 h', metric: 'log.rate', hours: 8, factor: upTo(0.3, 6) },
  { name: 'traffic doubles over 4 h', metric: 'log.rate', hours: 8, factor: upTo(2, 4) },
  { name: 'three times the errors', metric: 'log.error_rate', hours: 4, factor: () => 3 },
  { name: 'errors grow fivefold over 6 h', metric: 'log.error_rate', hours: 8, factor: upTo(5, 6) },
  { name: 'latency grows by 60 % over 6 h', metric: 'attr.duration_ms', hours: 8, factor: upTo(1.6, 6) },
]

const durationOf = (random: Random, { durationMs, sigma }: Service, count: number): number => {
  let sum = 0
  const drawn = Math.min(count, DRAWN)
  for (let i = 0; i < drawn; i++) sum += Math.exp(sigma * random.normal())
  return (durationMs * sum) / drawn
}

/** `weekend`: of the weekday's rate. */
export const drawBucket = (
  random: Random,
  service: Service,
  atMs: number,
  weekend: number,
  change: (metric: Metric) => number = () => 1,
): Bucket => {
  const spread = Math.exp(service.spread * random.normal() - service.spread ** 2 / 2)
  const burst = random.next() < 0.0005 ? random.between(2, 4) : 1
  const job = service.hourly > 0 && atMs % HOUR_MS < 30_000 ? service.hourly / 3 : 0
  // Days since 1970 began on a Thursday.
  const isWeekend = (Math.floor(atMs / DAY_MS) + 3) % 7 >= 5
  const count = random.poisson(change('log.rate') * (rateAt(service, atMs) * 10 * spread * burst * (isWeekend ? weekend : 1)) + job)
  const errors = Math.min(count, random.poisson(count * service.errorShare * change('log.error_rate')))
  return {
    'log.rate': count,
    'log.error_rate': errors,
    'attr.duration_ms': count === 0 ? null : durationOf(random, service, count) * change('attr.duration_ms'),
  }
}
