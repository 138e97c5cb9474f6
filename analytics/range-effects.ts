// What the signals of a stored range do, in offset order, before it is committed: hits, misses, alerts. Everything may run
// again: ids are deterministic, hits are monotone, alerts know their position, and progress is returned, not kept here.
import type { HeartbeatMonitor } from '../streams/contracts/control-plane.ts'
import type { EffectPorts } from './alert-effects.ts'
import { carryOut } from './alert-effects.ts'
import { applyAlert, expireAlert, STALE_AFTER_MS, unseenLimitMs } from './alerts.ts'
import { isHitBy, judgeMisses, toMissOpened } from './heartbeats.ts'
import type { Progress } from './marks.ts'
import { advance, deadlineAfter } from './marks.ts'
import type { RangeSignals, SignalEvent } from './signals.ts'

type AlertEvent = Extract<SignalEvent, { kind: 'alert' }>

interface MonitorState {
  monitor: HeartbeatMonitor
  /** Its newest hit is not written. */ dirty: boolean
  /** It was hit elsewhere meanwhile: the next range knows by what. */ stale: boolean
}

/** A monitor is hit: the first hit ends its miss, the newest is written later, once. */
const hit = async (entry: MonitorState, receivedAtMs: number, ports: EffectPorts): Promise<void> => {
  const { monitor } = entry
  if (monitor.lastHitAtMs !== null && receivedAtMs <= monitor.lastHitAtMs) return
  entry.monitor = { ...monitor, lastHitAtMs: receivedAtMs, status: 'up', missId: null }
  entry.dirty = true
  if (monitor.status === 'down') await writeHit(entry, ports)
}

const writeHit = async (entry: MonitorState, ports: EffectPorts): Promise<void> => {
  const { monitor } = entry
  if (!entry.dirty || monitor.lastHitAtMs === null) return
  await ports.controlPlane.heartbeatHit(monitor.tenant, monitor.id, monitor.lastHitAtMs)
  entry.dirty = false
}

const judge = async (entries: readonly MonitorState[], progress: readonly Progress[], ports: EffectPorts): Promise<void> => {
  for (const miss of judgeMisses(
    entries.filter(({ stale }) => !stale).map((entry) => entry.monitor),
    progress,
  )) {
    const { tenant, id, service, lastHitAtMs } = miss.monitor
    const entry = entries.find(({ monitor }) => monitor === miss.monitor) as MonitorState
    await writeHit(entry, ports)
    const near = await ports.neighbours(tenant, service, miss.deadlineMs)
    if (await ports.controlPlane.heartbeatMissed(toMissOpened(miss, near), id, lastHitAtMs))
      entry.monitor = { ...miss.monitor, status: 'down', missId: miss.id }
    else entry.stale = true
  }
}

const alert = async (event: AlertEvent, entries: readonly MonitorState[], ports: EffectPorts): Promise<void> => {
  const { tenant, receivedAtMs } = event
  const hits = entries.filter(({ monitor }) => monitor.tenant === tenant && isHitBy(monitor, event.alert.labels))
  if (hits.length > 0) {
    if (event.alert.status === 'firing') for (const entry of hits) await hit(entry, receivedAtMs, ports)
    return
  }
  const state = await ports.controlPlane.alertState(tenant, event.alert.fingerprint)
  const step = applyAlert(state, event.alert, { position: event.position, receivedAtMs, anomalyId: event.alert.anomalyId })
  if (step === null) return
  await carryOut(tenant, step.effects, ports)
  await ports.controlPlane.saveAlertState(tenant, event.alert.fingerprint, step.state)
}

/** @param progress by partition, before this range. @returns the partition's progress after it. */
export const runEffects = async (
  partition: number,
  signals: RangeSignals,
  progress: readonly Progress[],
  ports: EffectPorts,
): Promise<Progress> => {
  if (signals.events.length === 0) return progress[partition]
  const entries = (await ports.controlPlane.heartbeatMonitors()).map((monitor): MonitorState => ({ monitor, dirty: false, stale: false }))
  const now = [...progress]
  for (const event of signals.events) {
    if (event.kind === 'alert') {
      await alert(event, entries, ports)
    } else if (event.kind === 'hit') {
      const entry = entries.find(({ monitor }) => monitor.tenant === event.tenant && monitor.id === event.monitorId)
      if (entry !== undefined) await hit(entry, event.receivedAtMs, ports)
    } else {
      const next = advance(now[partition], event.receivedAtMs)
      if (next !== now[partition]) {
        now[partition] = next
        await judge(entries, now, ports)
      }
    }
  }
  for (const entry of entries) await writeHit(entry, ports)
  return now[partition]
}

/** Ends alerts that nobody mentioned for 9 h of listening, or for as long as they are active, as far as everything is consumed. */
export const expireAlerts = async (progress: readonly Progress[], ports: EffectPorts): Promise<void> => {
  const marks = progress.map((one) => one.markMs)
  if (marks.includes(null)) return
  const consumedMs = Math.min(...(marks as number[]))
  for (const { tenant, fingerprint, state } of await ports.controlPlane.staleAlerts(consumedMs, STALE_AFTER_MS)) {
    if (state.status !== 'firing' || progress.some((one) => deadlineAfter(one, state.lastSeenAtMs, unseenLimitMs(state)) >= consumedMs))
      continue
    const step = expireAlert(state)
    await carryOut(tenant, step.effects, ports)
    await ports.controlPlane.saveAlertState(tenant, fingerprint, step.state)
  }
}
