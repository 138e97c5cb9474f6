// Heartbeats, alerts and marks of a range, read out in offset order before its messages are let go, and the series points
// that they add up to.
import type { HeartbeatMonitor } from '../streams/contracts/control-plane.ts'
import type { DeadLetterReason } from '../streams/contracts/dead-letters.ts'
import type { LogMessage } from '../streams/contracts/consumer-group.ts'
import type { AlertSeen, AlertPosition } from './alerts.ts'
import type { Poison } from './decode-contract.ts'
import { isHitBy } from './heartbeats.ts'
import type { Range } from './ranges.ts'
import type { SignalPoint } from './signal-rows.ts'

export interface ReadAlert extends AlertSeen {
  readonly fingerprint: string
  readonly labels: Readonly<Record<string, string>>
  readonly anomalyId: string
}
export type ReadAlerts =
  | { readonly ok: true; readonly alerts: readonly ReadAlert[] }
  | { readonly ok: false; readonly reason: DeadLetterReason; readonly detail?: string }
export type AlertReader = (message: LogMessage) => Promise<ReadAlerts>

export type SignalEvent =
  | { readonly kind: 'mark'; readonly receivedAtMs: number }
  | { readonly kind: 'hit'; readonly tenant: string; readonly monitorId: string; readonly receivedAtMs: number }
  | {
      readonly kind: 'alert'
      readonly tenant: string
      readonly alert: ReadAlert
      readonly position: AlertPosition
      readonly receivedAtMs: number
    }

export interface RangeSignals {
  readonly events: readonly SignalEvent[]
  readonly poison: readonly Poison[]
}

export const isAlerts = (message: Pick<LogMessage, 'envelope'>): boolean =>
  message.envelope.signal === 'alertmanager' || message.envelope.signal === 'prometheus_alerts'

const eventsOf = async (partition: number, message: LogMessage, readAlerts: AlertReader): Promise<readonly SignalEvent[] | Poison> => {
  const { signal, tenant, receivedAtMs, subject } = message.envelope
  if (signal === 'mark') return [{ kind: 'mark', receivedAtMs }]
  if (signal === 'heartbeat') return [{ kind: 'hit', tenant, monitorId: subject, receivedAtMs }]
  if (!isAlerts(message)) return []
  const read = await readAlerts(message)
  if (!read.ok) return { offset: message.offset, reason: read.reason, detail: read.detail }
  return read.alerts.map((alert, index) => ({
    kind: 'alert',
    tenant,
    alert,
    position: { partition, offset: message.offset, index },
    receivedAtMs,
  }))
}

export const readSignals = async (range: Range, readAlerts: AlertReader): Promise<RangeSignals> => {
  const events: SignalEvent[] = []
  const poison: Poison[] = []
  for (const message of range.messages) {
    const found = await eventsOf(range.partition, message, readAlerts)
    if ('reason' in found) poison.push(found)
    else events.push(...found)
  }
  return { events, poison }
}

export const hasPoints = (signals: RangeSignals): boolean => signals.events.some((event) => event.kind !== 'mark')

/** @param lastHits newest hit per "tenant/monitor" that earlier ranges held; updated. Falls back to what the monitor says. */
export const toSignalPoints = (
  signals: RangeSignals,
  monitors: readonly HeartbeatMonitor[],
  lastHits: Map<string, number>,
): SignalPoint[] => {
  const points: SignalPoint[] = []
  for (const event of signals.events) {
    if (event.kind === 'mark') continue
    const { tenant, receivedAtMs } = event
    if (event.kind === 'alert') {
      const isHit = monitors.some((monitor) => monitor.tenant === tenant && isHitBy(monitor, event.alert.labels))
      if (event.alert.status === 'firing' && !isHit)
        points.push({ tenant, service: event.alert.service, metric: 'alert.count', receivedAtMs, value: 0 })
      continue
    }
    const monitor = monitors.find((one) => one.tenant === tenant && one.id === event.monitorId)
    if (monitor === undefined) continue
    const key = `${tenant}/${monitor.id}`
    const previous = Math.max(lastHits.get(key) ?? 0, monitor.lastHitAtMs ?? 0)
    if (receivedAtMs > previous) {
      if (previous > 0)
        points.push({ tenant, service: monitor.service, metric: 'heartbeat.interval', receivedAtMs, value: receivedAtMs - previous })
      lastHits.set(key, receivedAtMs)
    }
  }
  return points
}
