import { describe, expect, it } from 'vitest'
import type { AlertAt, AlertSeen } from '../../../analytics/alerts.ts'
import { alertVersion, applyAlert, expireAlert, STALE_AFTER_MS } from '../../../analytics/alerts.ts'
import type { AlertState } from '../../../streams/contracts/control-plane.ts'

const T0 = Date.UTC(2026, 10, 25, 12)
const iso = (ms: number): string => new Date(ms).toISOString()
const alertOf = (status: AlertSeen['status'], more: Partial<AlertSeen> = {}): AlertSeen => ({
  status,
  startsAt: iso(T0),
  endsAt: status === 'resolved' ? iso(T0 + 60_000) : '0001-01-01T00:00:00Z',
  service: 'checkout',
  alertname: 'HighErrors',
  severity: 'critical',
  summary: 'errors',
  ...more,
})
const at = (offset: number, receivedAtMs = T0 + offset * 1000, anomalyId = 'anom-1', partition = 0, index = 0): AlertAt => ({
  position: { partition, offset, index },
  receivedAtMs,
  anomalyId,
})

interface Step {
  alert: AlertSeen
  at: AlertAt
  does: string[] | null
}
const run = (steps: Step[]): AlertState | null => {
  let state: AlertState | null = null
  for (const step of steps) {
    const next = applyAlert(state, step.alert, step.at)
    expect(
      next === null
        ? null
        : next.effects.map(
            (effect) => `${effect.kind} ${effect.anomalyId}${effect.kind === 'resolved' && !effect.signal ? ' silently' : ''}`,
          ),
    ).toEqual(step.does)
    state = next?.state ?? state
  }
  return state
}
const firing = alertOf('firing')
const resolved = alertOf('resolved')

describe('the state machine of an alert', () => {
  const cases: Record<string, Step[]> = {
    'firing opens, its repeat does nothing, resolved ends it': [
      { alert: firing, at: at(0), does: ['opened anom-1'] },
      { alert: firing, at: at(1), does: [] },
      { alert: resolved, at: at(2), does: ['resolved anom-1'] },
    ],
    'firing again after resolved counts, with the same startsAt': [
      { alert: firing, at: at(0), does: ['opened anom-1'] },
      { alert: resolved, at: at(1), does: ['resolved anom-1'] },
      { alert: firing, at: at(2), does: ['opened anom-1'] },
    ],
    'firing again after resolved counts, with another startsAt': [
      { alert: firing, at: at(0), does: ['opened anom-1'] },
      { alert: resolved, at: at(1), does: ['resolved anom-1'] },
      { alert: alertOf('firing', { startsAt: iso(T0 + 2000) }), at: at(2, T0 + 2000, 'anom-2'), does: ['opened anom-2'] },
      { alert: resolved, at: at(3, T0 + 3000, 'anom-2'), does: ['resolved anom-2'] },
    ],
    'a repeat with another startsAt goes on with the episode that is open': [
      { alert: firing, at: at(0), does: ['opened anom-1'] },
      { alert: firing, at: at(1, T0 + 1000, 'anom-2'), does: [] },
      { alert: resolved, at: at(2, T0 + 2000, 'anom-2'), does: ['resolved anom-1'] },
    ],
    'resolved before firing is accepted and tells nobody': [
      { alert: resolved, at: at(0), does: ['resolved anom-1 silently'] },
      { alert: resolved, at: at(1), does: [] },
      { alert: firing, at: at(2), does: ['opened anom-1'] },
    ],
    'what was applied is not applied again': [
      { alert: firing, at: at(5), does: ['opened anom-1'] },
      { alert: firing, at: at(5), does: null },
      { alert: resolved, at: at(4), does: null },
      { alert: resolved, at: at(6), does: ['resolved anom-1'] },
      { alert: firing, at: at(5), does: null },
      { alert: resolved, at: at(6), does: null },
    ],
    'alerts of one message are told apart by index': [
      { alert: firing, at: at(5, T0, 'anom-1', 0, 1), does: ['opened anom-1'] },
      { alert: resolved, at: at(5, T0, 'anom-1', 0, 0), does: null },
      { alert: resolved, at: at(5, T0, 'anom-1', 0, 2), does: ['resolved anom-1'] },
    ],
    'another partition is ordered by receive time': [
      { alert: firing, at: at(5, T0 + 10), does: ['opened anom-1'] },
      { alert: resolved, at: at(1, T0 + 9, 'anom-1', 1), does: null },
      { alert: resolved, at: at(1, T0 + 11, 'anom-1', 1), does: ['resolved anom-1'] },
      { alert: firing, at: at(5, T0 + 10), does: null },
    ],
    'firing after 9 h of silence ends the old episode and opens the new one': [
      { alert: firing, at: at(0, T0), does: ['opened anom-1'] },
      { alert: firing, at: at(1, T0 + STALE_AFTER_MS + 1, 'anom-2'), does: ['resolved anom-1', 'opened anom-2'] },
    ],
    'the same episode heard again after 9 h goes on': [
      { alert: firing, at: at(0, T0), does: ['opened anom-1'] },
      { alert: firing, at: at(1, T0 + STALE_AFTER_MS + 1), does: [] },
      { alert: resolved, at: at(2, T0 + STALE_AFTER_MS + 2), does: ['resolved anom-1'] },
    ],
  }
  for (const [fact, steps] of Object.entries(cases))
    it(fact, () => {
      run(steps)
    })

  it('remembers when it was last seen and where', () => {
    expect(
      run([
        { alert: firing, at: at(3), does: ['opened anom-1'] },
        { alert: firing, at: at(7), does: [] },
      ]),
    ).toEqual({ status: 'firing', anomalyId: 'anom-1', startsAt: iso(T0), service: 'checkout', lastSeenAtMs: T0 + 7000, position: '0:7:0' })
  })

  it('takes times that make sense from the alert and others from when it came', () => {
    const times = (startsAt: string): number | undefined =>
      applyAlert(null, alertOf('firing', { startsAt }), at(0, T0))?.effects[0].startedAtMs
    expect(times(iso(T0 - 5000))).toBe(T0 - 5000)
    for (const startsAt of ['', 'yesterday', '0001-01-01T00:00:00Z', '9999-01-01T00:00:00Z']) expect(times(startsAt)).toBe(T0)
  })

  it('an expired alert ends 9 h after it was last seen', () => {
    const state = run([{ alert: firing, at: at(0, T0), does: ['opened anom-1'] }]) as AlertState
    const { state: after, effects } = expireAlert(state)
    expect(after.status).toBe('resolved')
    expect(effects).toMatchObject([{ kind: 'resolved', anomalyId: 'anom-1', endedAtMs: T0 + STALE_AFTER_MS, signal: true }])
  })

  it('a version grows with time and position and is exact', () => {
    const versions = [
      alertVersion(T0, { partition: 0, offset: 1, index: 0 }),
      alertVersion(T0, { partition: 0, offset: 1, index: 1 }),
      alertVersion(T0, { partition: 0, offset: 2, index: 0 }),
      alertVersion(T0 + 1, { partition: 0, offset: 0, index: 0 }),
    ]
    expect(versions).toEqual([...versions].sort((a, b) => a - b))
    expect(new Set(versions).size).toBe(4)
    expect(versions.every(Number.isSafeInteger)).toBe(true)
  })
})
