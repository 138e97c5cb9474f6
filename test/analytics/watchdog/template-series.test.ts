// Series of templates: how many a service may have, what they leave to others, and what makes room.
import { describe, expect, it } from 'vitest'
import { createServices, OTHER } from '../../../analytics/watchdog/service-state.ts'
import { templateMetric, templateOfMetric } from '../../../streams/contracts/metric-value.ts'

const HOUR = 3_600_000
const metric = (n: number): string => templateMetric(BigInt(n))
const open = (seriesPerTenant = 2_000) => {
  const services = createServices({ seriesPerTenant, series: 50_000, operations: 50, otherMetrics: 64 })
  services.admit('t', 'shop', 'log.rate', 0)
  return services
}

describe('series of templates', () => {
  it('are at most twenty of a service, and never folded into other', () => {
    const services = open()
    const admitted = Array.from({ length: 30 }, (_, n) => services.admit('t', 'shop', metric(n), 0)).filter((state) => state !== null)
    expect(admitted).toHaveLength(20)
    expect([services.find('t', OTHER), services.size()]).toEqual([undefined, 23])
    expect(services.admit('t', 'shop', metric(3), 1)).toBe(services.find('t', 'shop'))
  })
  it('make room when they were silent for six hours, the longest silent first, unless an anomaly of them is open', () => {
    const services = open()
    for (let n = 0; n < 20; n++) services.admit('t', 'shop', metric(n), n)
    const state = services.find('t', 'shop')!
    state.detectors[metric(0)] = { open: { id: 'anom-1', direction: 1, startedAtMs: 0, buckets: 1, inBand: 0 } } as never
    expect(services.admit('t', 'shop', metric(99), 5 * HOUR)).toBeNull()
    expect(services.admit('t', 'shop', metric(99), 6 * HOUR + 10)).toBe(state)
    expect([metric(0), metric(1), metric(99)].map((name) => state.metrics.includes(name))).toEqual([true, false, true])
    expect(services.size()).toBe(23)
  })
  it('take at most half of what the tenant has for series', () => {
    const services = open(10)
    const admitted = Array.from({ length: 20 }, (_, n) => services.admit('t', 'shop', metric(n), 0)).filter((state) => state !== null)
    expect(admitted).toHaveLength(2)
    expect(services.admit('t', 'cart', 'log.rate', 0)?.service).toBe('cart')
  })
  it('name their template and its pattern', () => {
    expect(templateOfMetric(templateMetric(18446744073709551615n))).toEqual({
      template: '18446744073709551615',
      pattern: 'ptn-ffffffffffffffff',
    })
    for (const other of ['log.rate', 'log.template.', 'log.template.xyz']) expect(templateOfMetric(other)).toBeNull()
  })
})
