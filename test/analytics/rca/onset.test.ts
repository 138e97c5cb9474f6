import { describe, expect, it } from 'vitest'
import { onsetOf, openingsOf } from '../../../analytics/rca/onset.ts'
import { meaningOf, type ServiceSeries } from '../../../analytics/rca/series.ts'
import { randomShop } from './random-shop.ts'

const config = { zThreshold: 3 }

describe('the onset of a fault', () => {
  it('is where the detector opens most', () => {
    for (const seed of [1, 2, 3]) {
      const { series, onset, truth } = randomShop(seed, 'latency')
      const found = onsetOf(openingsOf(series, meaningOf, config))!
      expect(Math.abs(found.index - onset)).toBeLessThanOrEqual(1)
      expect(found.openings.map((one) => one.service)).toContain(truth)
    }
  })

  it('is not an earlier, lesser anomaly of something else', () => {
    const { series, onset } = randomShop(4, 'errors')
    const blip: ServiceSeries = {
      service: 'blip',
      metrics: { 'log.error_rate': Array.from({ length: 120 }, (_, i) => (i >= 50 && i < 56 ? 4 : 0)) },
    }
    const openings = openingsOf([...series, blip], meaningOf, config)
    expect(openings.some((one) => one.service === 'blip')).toBe(true)
    expect(Math.abs(onsetOf(openings)!.index - onset)).toBeLessThanOrEqual(1)
  })

  it('is not made up', () => {
    const { series, onset } = randomShop(5, 'errors')
    const healthy = series.map(({ service, metrics }) => ({
      service,
      metrics: Object.fromEntries(Object.entries(metrics).map(([metric, values]) => [metric, values.slice(0, onset)])),
    }))
    expect(onsetOf(openingsOf(healthy, meaningOf, config))).toBeNull()
  })
})
