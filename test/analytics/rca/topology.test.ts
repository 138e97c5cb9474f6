import { expect, it } from 'vitest'
import type { ServiceSeries } from '../../../analytics/rca/series.ts'
import { topologyOf, type ExaminedTrace, type TopologyInput } from '../../../analytics/rca/topology.ts'
import type { TopologyQuestion } from '../../../streams/contracts/rca.ts'

const FROM_MS = 1_700_000_000_000
const question: TopologyQuestion = { service: null, depth: 1, fromMs: FROM_MS, toMs: FROM_MS + 3_600_000, correlation: false }
const at = (ms: number): string => new Date(FROM_MS + ms).toISOString()
/** gateway calls orders, orders calls payments; in every fifth payments has an error. */
const traces = Array.from({ length: 10 }, (_, i): ExaminedTrace => {
  const us = (FROM_MS + i * 1000) * 1000
  return {
    id: `trace${i}`,
    visits: [
      { service: 'gateway', firstUs: us, lastUs: us + 900 },
      { service: 'orders', firstUs: us + 100, lastUs: us + 600 },
      { service: 'payments', firstUs: us + 2000, lastUs: us + 2000 },
    ].map((visit, n) => (n === 2 ? { ...visit, firstUs: us + 200, lastUs: us + 500 } : visit)),
    errors: [0, 1, i % 5 === 0 ? 3 : 0],
  }
})
const seen = (service: string, records: number) => ({ service, records, errors: 1, firstMs: FROM_MS, lastMs: FROM_MS + 10_000 })
const input = (over: Partial<TopologyInput> = {}): TopologyInput => ({
  seen: [seen('gateway', 30), seen('orders', 20), seen('payments', 10)],
  traces,
  tracesFound: 40,
  spans: [],
  told: { owners: new Map(), declared: [] },
  series: [],
  ...over,
})
const shown = ({
  edges,
}: {
  edges: readonly { from: string; to: string; directed: boolean; kind: string; sources: readonly string[] }[]
}): string[] => edges.map((edge) => `${edge.from} ${edge.directed ? '>' : '-'} ${edge.to} ${edge.kind} ${edge.sources.join('+')}`)

it('counts the traces of an edge, those in which the called one failed, and when it was first and last seen', () => {
  const { edges, traces: of } = topologyOf(question, input())
  expect(edges.map((edge) => ({ ...edge, evidence: [] }))).toEqual([
    {
      from: 'gateway',
      to: 'orders',
      directed: true,
      kind: 'trace',
      sources: ['trace'],
      calls: 10,
      errors: 10,
      firstSeen: at(0),
      lastSeen: at(9000),
      evidence: [],
    },
    {
      from: 'orders',
      to: 'payments',
      directed: true,
      kind: 'trace',
      sources: ['trace'],
      calls: 10,
      errors: 2,
      firstSeen: at(0),
      lastSeen: at(9000),
      evidence: [],
    },
  ])
  expect(edges[0].evidence).toMatchObject([
    {
      kind: 'trace',
      statement: expect.stringContaining('trace0'),
      numbers: { traces: 10 },
      link: expect.stringContaining('trace_id=trace0'),
    },
  ])
  expect(of).toEqual({ examined: 10, found: 40 })
})

it('is of the best known source and names the others: spans before traces before what was declared', () => {
  const declared = [
    { from: 'orders', to: 'payments' },
    { from: 'orders', to: 'stock' },
    { from: 'payments', to: 'gateway' },
  ]
  const spans = [
    { from: 'gateway', to: 'orders', calls: 500, examples: ['t9'], errors: 7, firstMs: FROM_MS + 5, lastMs: FROM_MS + 6 },
    { from: 'gateway', to: 'cdn', calls: 2, examples: [] },
  ]
  const graph = topologyOf(question, input({ spans, told: { owners: new Map([['stock', 'team-goods']]), declared } }))
  expect(shown(graph)).toEqual([
    'gateway > orders span span+trace',
    'gateway > cdn span span',
    'orders > payments trace trace+declared',
    'orders > stock declared declared',
    'payments > gateway declared declared',
  ])
  expect(graph.edges[0]).toMatchObject({ calls: 500, errors: 7, firstSeen: at(5), lastSeen: at(6) })
  expect(graph.edges[0].evidence.map((one) => one.kind)).toEqual(['span', 'trace'])
  expect(graph.edges[1]).toMatchObject({ calls: 2, errors: null, firstSeen: null })
  expect(graph.edges[3]).toMatchObject({
    calls: null,
    errors: null,
    firstSeen: null,
    lastSeen: null,
    evidence: [{ kind: 'declared', link: '/api/v1/context/services/orders' }],
  })
  expect(graph.services.map(({ service, owner, seen: spoke, declared: told }) => [service, owner, spoke, told])).toEqual([
    ['gateway', null, true, true],
    ['orders', null, true, true],
    ['payments', null, true, true],
    ['cdn', null, false, false],
    ['stock', 'team-goods', false, true],
  ])
})

it('has no edge by the order of records between services whose spans show other calls', () => {
  const spans = ['orders', 'payments'].map((to) => ({ from: 'gateway', to, calls: 10, examples: [] }))
  expect(shown(topologyOf(question, input({ spans })))).toEqual(['gateway > orders span span+trace', 'gateway > payments span span'])
})

it('has no direction where traces give none, and what has one takes it in', () => {
  const mixed = Array.from({ length: 8 }, (_, i): ExaminedTrace => ({
    id: `m${i}`,
    visits: [
      { service: i % 2 ? 'a' : 'b', firstUs: 0, lastUs: 9 },
      { service: i % 2 ? 'b' : 'a', firstUs: 1, lastUs: 2 },
    ],
    errors: [0, i < 3 ? 1 : 0],
  }))
  const alone = topologyOf(question, input({ seen: [], traces: mixed }))
  expect(shown(alone)).toEqual(['a - b trace trace'])
  expect(alone.edges[0]).toMatchObject({ calls: 8, errors: 3 })
  const told = topologyOf(question, input({ seen: [], traces: mixed, told: { owners: new Map(), declared: [{ from: 'b', to: 'a' }] } }))
  expect([shown(told), told.edges[0].calls]).toEqual([['b > a declared declared+trace'], 8])
})

it('has a service that only its traces know yet, and what they know beyond its closed buckets', () => {
  const { services } = topologyOf(question, input({ seen: [seen('gateway', 30)] }))
  expect(services.map(({ service, seen: spoke, records, firstSeen, lastSeen }) => [service, spoke, records, firstSeen, lastSeen])).toEqual([
    ['gateway', true, 30, at(0), at(10_000)],
    ['orders', true, 0, at(0), at(9000)],
    ['payments', true, 0, at(0), at(9000)],
  ])
})

it('of one service has what is so many calls away, and the service itself even when nobody knows it', () => {
  const names = (service: string, depth: number): string[] =>
    topologyOf({ ...question, service, depth }, input()).services.map((one) => one.service)
  expect([names('payments', 1), names('payments', 2), names('nobody', 3)]).toEqual([
    ['payments', 'orders'],
    ['payments', 'gateway', 'orders'],
    ['nobody'],
  ])
  expect(topologyOf({ ...question, service: 'nobody' }, input()).edges).toEqual([])
})

const wave = (service: string): ServiceSeries => ({
  service,
  metrics: { 'log.error_rate': Array.from({ length: 110 }, (_, i) => 50 + 20 * Math.sin(i / 3)) },
})
it('shows what merely moves together only where series are given, and never as more than that', () => {
  const series = [wave('gateway'), wave('orders'), wave('mail')]
  expect(shown(topologyOf(question, input({ series: [] })))).toHaveLength(2)
  const graph = topologyOf(question, input({ seen: [...input().seen, seen('mail', 1)], series }))
  expect(shown(graph)).toEqual([
    'gateway > orders trace trace+correlation',
    'orders > payments trace trace',
    'gateway - mail correlation correlation',
    'mail - orders correlation correlation',
  ])
})

it('shows the busiest services when there are too many, says so, and has no edge to those it left out', () => {
  const many = Array.from({ length: 700 }, (_, i) => seen(`s${i}`, 1000 - i))
  const graph = topologyOf(
    question,
    input({
      seen: many,
      told: {
        owners: new Map(),
        declared: [
          { from: 's1', to: 's2' },
          { from: 's1', to: 's699' },
        ],
      },
    }),
  )
  expect([graph.services.length, graph.truncated]).toEqual([500, true])
  expect(shown(graph)).toEqual(['s1 > s2 declared declared'])
})
