import { describe, expect, it } from 'vitest'
import { changeEvidence } from '../../../analytics/rca/evidence.ts'
import type { Change } from '../../../analytics/rca/change.ts'

const window = { fromMs: 0, toMs: 600_000 }
const linkOf = (kind: Change['kind'], metric: string): URL =>
  new URL(changeEvidence('cart', { kind, metric, before: 0, after: 3, z: 9, damage: null, firstIndex: 0 }, window).link, 'http://api')

describe('the link of a change', () => {
  it('shows new messages of every severity, and only errors as errors', () => {
    expect(linkOf('new_messages', 'log.new_template_rate').searchParams.has('severity_min')).toBe(false)
    expect(linkOf('errors', 'log.error_rate').searchParams.get('severity_min')).toBe('17')
  })

  it('shows a rate or a measured value over time, whether or not an anomaly was opened for it', () => {
    const rate = linkOf('traffic_rise', 'log.rate')
    expect(rate.pathname).toBe('/api/v1/logs/aggregate')
    expect(Object.fromEntries(rate.searchParams)).toEqual({
      metric: 'count',
      service: 'cart',
      from: '1970-01-01T00:00:00.000Z',
      to: '1970-01-01T00:10:00.000Z',
      step: 'auto',
    })
    expect(Object.fromEntries(linkOf('latency', 'attr.duration_ms').searchParams)).toMatchObject({
      metric: 'avg',
      field: 'attr.duration_ms',
    })
  })
})
