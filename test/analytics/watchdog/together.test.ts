// Fifty services that fall at once are one event; two that do so by chance are not.
import { expect, test } from 'vitest'
import type { Opening } from '../../../analytics/watchdog/anomaly-row.ts'
import { createTogether } from '../../../analytics/watchdog/together.ts'

const START = 1_700_000_000_000
const opening = (service: string, change: { tenant?: string; metric?: string; direction?: 1 | -1; startedAtMs?: number } = {}): Opening => {
  const { tenant = 't', metric = 'log.rate', direction = -1, startedAtMs = START } = change
  return {
    tenant,
    service,
    metric,
    atMs: startedAtMs + 40_000,
    finding: {
      observed: 0,
      expected: 9,
      lower: 5,
      upper: 13,
      z: -9,
      score: 0.9,
      history: 400,
      signal: 'rolling_z',
      signals: [],
      direction,
      startedAtMs,
      lasting: false,
    },
  }
}

test('services whose same metric goes the same way at once are neighbours, from three on', () => {
  const together = createTogether()
  const all = Array.from({ length: 50 }, (_, i) => opening(`svc-${i}`, { startedAtMs: START + (i % 3) * 10_000 }))
  together.note(all[0])
  together.note(all[1])
  expect(together.movedWith(all[1])).toEqual([])
  for (const one of all.slice(2)) together.note(one)
  expect(together.movedWith(all[0])).toEqual(all.slice(1).map((one) => one.service))
})

test('another metric, side, tenant or minute is another event', () => {
  const together = createTogether()
  for (const name of ['a', 'b', 'c']) together.note(opening(name))
  for (const change of [{ metric: 'log.error_rate' }, { direction: 1 as const }, { tenant: 'u' }, { startedAtMs: START + 120_000 }])
    expect(together.movedWith(opening('d', change))).toEqual([])
  expect(together.movedWith(opening('d'))).toEqual(['a', 'b', 'c'])
})

test('one service that is told again and again is no crowd', () => {
  const together = createTogether()
  for (let i = 0; i < 10; i++) together.note(opening('a', { startedAtMs: START + i * 1000 }))
  expect(together.movedWith(opening('a'))).toEqual([])
})
