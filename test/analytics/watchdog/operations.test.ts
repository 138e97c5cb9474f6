// Series of spans at the watchdog: what is admitted, what is judged, and what one service's operations may take of a tenant's bound.
import { describe, expect, it } from 'vitest'
import { judgementOf } from '../../../analytics/anomaly/metric.ts'
import { createIntake } from '../../../analytics/watchdog/intake.ts'
import { createServices, DEFAULT_BOUNDS } from '../../../analytics/watchdog/service-state.ts'
import { meaningOf } from '../../../analytics/rca/series.ts'
import { ownDirectionOf } from '../../../streams/contracts/detection.ts'
import { isCount, roleOf, wordsOf } from '../../../streams/contracts/metric-value.ts'

const one = { count: 1, sum: 1, min: 1, max: 1, sumSq: 1 }
const partial = (service: string, ...operations: string[]) => ({
  tenant: 't',
  service,
  bucketMs: 10_000,
  templates: [],
  covers: 1,
  metrics: ['span.rate', ...operations.map((operation) => `span.rate{${operation}}`)].map((metric) => [metric, one] as const),
})

describe('a metric of spans', () => {
  it('is a count, an error or a time by its name, wherever that is asked', () => {
    expect(
      ['span.rate', 'span.error_rate', 'span.duration', 'span.rate{a}', 'span.error_rate{a}', 'span.duration{a}'].map(isCount),
    ).toEqual([true, true, false, true, true, false])
    expect(['span.rate', 'span.error_rate', 'span.duration', 'span.duration{GET /}', 'span.x', 'attr.span.rate{a}'].map(roleOf)).toEqual([
      'traffic',
      'errors',
      'measure',
      'measure',
      null,
      'measure',
    ])
    expect(meaningOf('span.rate')).toMatchObject({ up: 'traffic_rise', down: 'traffic_drop', count: true, served: true })
    expect([meaningOf('span.error_rate'), meaningOf('span.duration')]).toMatchObject([
      { up: 'errors', count: true },
      { up: 'latency', count: false },
    ])
  })
  it('alarms for a service as logs do, and for one operation by its failures alone', () => {
    expect(['span.rate', 'span.error_rate', 'span.duration'].map(ownDirectionOf)).toEqual(['both', 'up', 'up'])
    expect(['span.rate{a}', 'span.error_rate{a}', 'span.duration{a}'].map(ownDirectionOf)).toEqual([null, 'up', null])
    expect(['span.rate{a}', 'span.error_rate{a}', 'span.duration{a}', 'span.rate'].map((metric) => judgementOf(metric) !== null)).toEqual([
      false,
      true,
      false,
      true,
    ])
  })
  it('of an operation is nothing that root causes are ranked by: it repeats its service', () => {
    expect(['span.rate{a}', 'span.error_rate{a}', 'span.duration{a}'].map(meaningOf)).toEqual([null, null, null])
  })
  it('is told in words', () => {
    expect([
      wordsOf('span.error_rate{POST /pay}'),
      wordsOf('span.duration'),
      wordsOf('attr.duration_ms'),
      wordsOf('log.error_rate'),
    ]).toEqual(['failed requests of POST /pay', 'milliseconds per request', 'duration_ms', 'errors'])
  })
})

describe('operations of a service', () => {
  const take = (bounds = DEFAULT_BOUNDS) => {
    const services = createServices(bounds)
    const intake = createIntake(services)
    return {
      services,
      intake,
      metrics: (service: string) => [...services.all()].filter((state) => state.service === service).flatMap((state) => state.metrics),
    }
  }
  it('bring their failures, so that the first one is judged against none', () => {
    const { intake, metrics } = take()
    intake.take(partial('a', 'GET /'), 20_000)
    expect(metrics('a')).toEqual(['span.rate', 'span.error_rate', 'span.rate{GET /}', 'span.error_rate{GET /}'])
  })
  it('beyond their bound are one, however they come', () => {
    const { intake, services, metrics } = take({ ...DEFAULT_BOUNDS, operations: 3 })
    intake.take(partial('a', 'op0', 'op1'), 20_000)
    intake.take(partial('a', ...Array.from({ length: 9 }, (_, i) => `op${i}`)), 20_000)
    expect(metrics('a').filter((metric) => metric.startsWith('span.rate{'))).toEqual([
      'span.rate{op0}',
      'span.rate{op1}',
      'span.rate{op2}',
      'span.rate{other}',
    ])
    expect(services.find('t', 'a')?.pending.get(10_000)?.metrics).toMatchObject({
      'span.rate': { count: 2 },
      'span.rate{op0}': { count: 2 },
      'span.rate{op2}': { count: 1 },
      'span.rate{other}': { count: 6 },
    })
  })
  it("take half of a tenant's series at most, and none of the service of the rest", () => {
    const { intake, metrics, services } = take({ ...DEFAULT_BOUNDS, seriesPerTenant: 20 })
    intake.take(partial('a', ...Array.from({ length: 30 }, (_, i) => `op${i}`)), 20_000)
    expect(metrics('a')).toHaveLength(10)
    for (const service of ['b', 'c', 'd', 'e', 'f']) intake.take(partial(service, 'op'), 20_000)
    expect([...services.all()].map((state) => [state.service, state.metrics.length])).toEqual([
      ['a', 10],
      ['b', 2],
      ['c', 2],
      ['d', 2],
      ['e', 2],
      ['f', 2],
    ])
    intake.take(partial('g', 'op'), 20_000)
    expect(metrics('other')).toEqual(['span.rate', 'span.error_rate'])
  })
  it('say that their service reported, without any log', () => {
    const { intake } = take()
    intake.take(partial('a'), 20_000)
    expect(intake.tenant('t').reported(10_000)).toBe(true)
  })
})
