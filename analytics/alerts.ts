// The state machine of one alert, per (tenant, fingerprint): firing → resolved → firing again counts, whatever `startsAt`
// says; unseen for 9 h is over, or for as long as Prometheus said that it is active. Pure: state and alert in, next state and what must be told out. Telling twice is harmless
// (deterministic ids and versions), so effects run first and the state is saved after them.
import type { AlertState } from '../streams/contracts/control-plane.ts'
import type { ParsedAlert } from '../streams/alerts.ts'

export const STALE_AFTER_MS = 9 * 3_600_000

export type AlertSeen = Pick<ParsedAlert, 'status' | 'startsAt' | 'endsAt' | 'service' | 'alertname' | 'severity' | 'summary'>

export interface AlertPosition {
  readonly partition: number
  readonly offset: number
  readonly index: number
}

export interface AlertAt {
  readonly position: AlertPosition
  readonly receivedAtMs: number
  /** Id of the episode that this alert would open. */
  readonly anomalyId: string
}

export type AlertEffect =
  | {
      readonly kind: 'opened'
      readonly anomalyId: string
      readonly service: string
      readonly startedAtMs: number
      readonly detectedAtMs: number
      readonly version: number
      readonly alert: AlertSeen
    }
  /** `alert` is null when it went stale; `signal` is false when nothing was open. */
  | {
      readonly kind: 'resolved'
      readonly anomalyId: string
      readonly service: string
      readonly startedAtMs: number
      readonly endedAtMs: number
      readonly version: number
      readonly alert: AlertSeen | null
      readonly signal: boolean
    }

export interface AlertStep {
  readonly state: AlertState
  readonly effects: readonly AlertEffect[]
}

export const formatPosition = (at: AlertPosition): string => `${at.partition}:${at.offset}:${at.index}`

const parsePosition = (position: string): AlertPosition => {
  const [partition, offset, index] = position.split(':').map(Number)
  return { partition, offset, index }
}

/** Grows with receive time, then with position: a repeated write is equal, a later one wins. Below 2^53 until 2039. */
export const alertVersion = (receivedAtMs: number, at: AlertPosition): number =>
  receivedAtMs * 4096 + (at.offset % 64) * 64 + Math.min(at.index, 63)

/** What was applied already: nothing of its partition at or before it, and nothing received earlier elsewhere. */
const isReplay = (state: AlertState, at: AlertAt): boolean => {
  const applied = parsePosition(state.position)
  if (applied.partition !== at.position.partition) return at.receivedAtMs < state.lastSeenAtMs
  return at.position.offset < applied.offset || (at.position.offset === applied.offset && at.position.index <= applied.index)
}

/** Within what the table can hold and not ahead of `latestMs`; otherwise `fallbackMs`. */
const timeOr = (text: string, latestMs: number, fallbackMs: number): number => {
  const ms = Date.parse(text)
  return Number.isFinite(ms) && ms > 0 && ms <= latestMs ? ms : fallbackMs
}

const DAY_MS = 86_400_000

/** For how long it may be unseen. */
export const unseenLimitMs = (state: AlertState): number => Math.min(STALE_AFTER_MS, state.activeForMs ?? STALE_AFTER_MS)

/** Of an alert that is firing: an end that is not ahead says nothing. */
const seenFiring = (alert: AlertSeen, at: AlertAt): Pick<AlertState, 'lastSeenAtMs' | 'position' | 'activeForMs'> => {
  const activeForMs = Date.parse(alert.endsAt) - at.receivedAtMs
  return { lastSeenAtMs: at.receivedAtMs, position: formatPosition(at.position), ...(activeForMs > 0 ? { activeForMs } : {}) }
}

const resolution = (state: AlertState, endedAtMs: number, version: number, alert: AlertSeen | null): AlertEffect => ({
  kind: 'resolved',
  anomalyId: state.anomalyId,
  service: state.service,
  startedAtMs: timeOr(state.startsAt, endedAtMs, endedAtMs),
  endedAtMs,
  version,
  alert,
  signal: true,
})

/** Ends a firing alert that was not seen for too long. */
export const expireAlert = (state: AlertState): AlertStep => {
  const endedAtMs = state.lastSeenAtMs + unseenLimitMs(state)
  return {
    state: { ...state, status: 'resolved' },
    effects: [resolution(state, endedAtMs, alertVersion(endedAtMs, parsePosition(state.position)), null)],
  }
}

const open = (alert: AlertSeen, at: AlertAt): AlertStep => ({
  state: { status: 'firing', anomalyId: at.anomalyId, startsAt: alert.startsAt, service: alert.service, ...seenFiring(alert, at) },
  effects: [
    {
      kind: 'opened',
      anomalyId: at.anomalyId,
      service: alert.service,
      detectedAtMs: at.receivedAtMs,
      version: alertVersion(at.receivedAtMs, at.position),
      alert,
      startedAtMs: timeOr(alert.startsAt, at.receivedAtMs + DAY_MS, at.receivedAtMs),
    },
  ],
})

const resolve = (state: AlertState | null, alert: AlertSeen, at: AlertAt): AlertStep => {
  const seen = { lastSeenAtMs: at.receivedAtMs, position: formatPosition(at.position) }
  const endedAtMs = timeOr(alert.endsAt, at.receivedAtMs + DAY_MS, at.receivedAtMs)
  const version = alertVersion(at.receivedAtMs, at.position)
  if (state?.status === 'firing')
    return { state: { ...state, ...seen, status: 'resolved' }, effects: [resolution(state, endedAtMs, version, alert)] }
  if (state !== null) return { state: { ...state, ...seen }, effects: [] }
  return {
    state: { status: 'resolved', anomalyId: at.anomalyId, startsAt: alert.startsAt, service: alert.service, ...seen },
    effects: [
      {
        kind: 'resolved',
        anomalyId: at.anomalyId,
        service: alert.service,
        endedAtMs,
        version,
        alert,
        signal: false,
        startedAtMs: timeOr(alert.startsAt, at.receivedAtMs + DAY_MS, at.receivedAtMs),
      },
    ],
  }
}

/** Null when this alert was applied before. */
export const applyAlert = (state: AlertState | null, alert: AlertSeen, at: AlertAt): AlertStep | null => {
  if (state !== null && isReplay(state, at)) return null
  if (alert.status === 'resolved') return resolve(state, alert, at)
  if (state?.status !== 'firing') return open(alert, at)
  if (at.receivedAtMs - state.lastSeenAtMs > unseenLimitMs(state)) {
    const over = expireAlert(state)
    const again = open(alert, at)
    // The same episode went on: it never ended for anybody else.
    if (again.state.anomalyId !== state.anomalyId) return { state: again.state, effects: [...over.effects, ...again.effects] }
  }
  const { activeForMs: _before, ...kept } = state
  return { state: { ...kept, ...seenFiring(alert, at) }, effects: [] }
}
