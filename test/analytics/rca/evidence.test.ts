import { describe, expect, it } from 'vitest'
import { changeEvidence, edgeEvidence } from '../../../analytics/rca/evidence.ts'
import { spanEdge } from '../../../analytics/rca/graph.ts'
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

describe('the link of an edge', () => {
  const edge = { ...spanEdge({ from: 'gateway', to: 'orders', calls: 9, examples: [], firstMs: -60_000 }), r: 0.9, lagBuckets: 1 }
  it('shows calls from the first of them on, and what moves together in the window that it was found in', () => {
    const [calls, together] = edgeEvidence(edge, window).map(({ link }) => new URL(link, 'http://api'))
    expect([calls.pathname, together.pathname]).toEqual(['/api/v1/context/topology', '/api/v1/context/topology'])
    expect(Object.fromEntries(calls.searchParams)).toEqual({
      service: 'gateway',
      from: '1969-12-31T23:59:00.000Z',
      to: '1970-01-01T00:10:00.000Z',
    })
    expect(Object.fromEntries(together.searchParams)).toEqual({
      from: '1970-01-01T00:00:00.000Z',
      to: '1970-01-01T00:10:00.000Z',
      correlation: 'true',
    })
  })
})
