// What resembles an incident: rare things weigh more than common ones, and messages only where both sides know them.
import { expect, test } from 'vitest'
import { sayingOf, similarTo } from '../../../analytics/rca/similar.ts'
import type { IncidentRef, PastIncident } from '../../../streams/contracts/rca.ts'

const incident = (past: readonly PastIncident[]): IncidentRef => ({
  id: 'inc_now',
  tenant: 't',
  openedAtMs: 1,
  services: ['payments', 'gateway'],
  past,
  signals: [
    {
      kind: 'anomaly',
      id: 'a',
      service: 'payments',
      summary: 'payments: errors up, 30 per 10 s where 1 was expected',
      startedAtMs: 1,
      endedAtMs: null,
    },
    {
      kind: 'anomaly',
      id: 'b',
      service: 'gateway',
      summary: 'gateway: duration_ms up, 812 where 50 was expected',
      startedAtMs: 1,
      endedAtMs: null,
    },
  ],
})
const past = (id: string, change: Partial<PastIncident> = {}): PastIncident => ({
  id,
  services: ['payments', 'gateway'],
  summaries: ['payments: errors up, 12 per 10 s where 2 was expected', 'gateway: duration_ms up, 90 where 40 was expected'],
  resolution: `fixed ${id}`,
  ...change,
})
const rated = (list: readonly PastIncident[], templates: readonly string[] = []) =>
  similarTo(incident(list), templates).map((one) => [one.incidentId, one.similarity])

test('numbers do not matter, what was said of them does', () => {
  expect(sayingOf('payments: errors up, 30 per 10 s where 1 was expected (band 0 to 4)')).toBe('errors up')
  expect(sayingOf('heartbeat "nightly" missed: expected within 90 s, last seen never')).toBe(
    'heartbeat "nightly" missed: expected within # s',
  )
  expect(rated([past('inc_1')])).toEqual([['inc_1', 1]])
})

test('the incident itself, and what shares too little, are not among them', () => {
  expect(rated([past('inc_now'), past('inc_2', { services: ['mail'], summaries: ['mail: log records down'] })])).toEqual([])
})

test('a service that all have says less than one that few have', () => {
  const others = Array.from({ length: 20 }, (_, i) =>
    past(`inc_x${i}`, { services: ['gateway', `svc-${i}`], summaries: [`svc-${i}: log records down`] }),
  )
  const found = new Map(
    similarTo(incident([past('inc_rare', { services: ['payments'] }), past('inc_common', { services: ['gateway'] }), ...others]), []).map(
      (one) => [one.incidentId, one.similarity],
    ),
  )
  expect(found.get('inc_rare')!).toBeGreaterThan(found.get('inc_common')!)
})

test('messages of errors decide between incidents that look alike, and unknown ones say nothing', () => {
  const [same, other, unknown] = [
    past('inc_same', { templates: ['timeout after # ms'] }),
    past('inc_other', { templates: ['disk full'] }),
    past('inc_unknown'),
  ]
  const found = new Map(rated([same, other, unknown], ['timeout after # ms']) as [string, number][])
  expect([found.get('inc_same'), found.get('inc_unknown')]).toEqual([1, 1])
  expect(found.get('inc_other')!).toBeLessThan(0.75)
  expect(similarTo(incident([same]), ['timeout after # ms'])[0]).toEqual({
    incidentId: 'inc_same',
    similarity: 1,
    resolution: 'fixed inc_same',
    because: 'services gateway, payments; signals "duration_ms up", "errors up"; 1 message of errors',
  })
})

test('five are shown, in an order that does not depend on how they came', () => {
  const list = Array.from({ length: 9 }, (_, i) => past(`inc_${i}`))
  expect(rated(list)).toEqual(rated(list.toReversed()))
  expect(rated(list).map(([id]) => id)).toEqual(['inc_0', 'inc_1', 'inc_2', 'inc_3', 'inc_4'])
})
