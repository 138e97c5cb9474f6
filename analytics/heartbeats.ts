// When a heartbeat is missed. Pure: consumed progress and monitors in, misses out.
// A miss is judged only by what was consumed, so neither our downtime nor our lag is one.
import type { HeartbeatMonitor } from '../streams/contracts/control-plane.ts'
import type { SignalOpened } from '../streams/contracts/signals.ts'
import { partitionOf, subjectKey } from '../streams/partition.ts'
import { deadlineAfter } from './marks.ts'
import type { Progress } from './marks.ts'

/** A hit may be acknowledged up to 4.5 s after it was received, and be appended behind marks of that time. */
export const APPEND_SLACK_MS = 5000

export interface Miss {
  readonly monitor: HeartbeatMonitor
  readonly deadlineMs: number
  readonly id: string
}

export const missId = (monitorId: string, deadlineMs: number): string => `hb-${monitorId}-${deadlineMs}`

/** Its hits come through one partition; the alerts that hit it may come through any. */
const relevant = (monitor: HeartbeatMonitor, progress: readonly Progress[]): readonly Progress[] =>
  monitor.alertLabels === null ? [progress[partitionOf(subjectKey(monitor.tenant, monitor.id), progress.length)]] : progress

/** The deadline after the last hit (after creation, before the first), or null when it is not consumed yet. */
export const missedDeadline = (monitor: HeartbeatMonitor, progress: readonly Progress[]): number | null => {
  const startMs = monitor.lastHitAtMs ?? monitor.createdAtMs
  const partitions = relevant(monitor, progress)
  const deadlines = partitions.map((one) => deadlineAfter(one, startMs, monitor.intervalMs + monitor.graceMs))
  const deadlineMs = Math.max(...deadlines)
  return partitions.every((one) => one.markMs !== null && one.markMs > deadlineMs + APPEND_SLACK_MS) ? deadlineMs : null
}

/** @param progress by partition. */
export const judgeMisses = (monitors: readonly HeartbeatMonitor[], progress: readonly Progress[]): Miss[] =>
  monitors
    .filter((monitor) => monitor.status !== 'down')
    .flatMap((monitor) => {
      const deadlineMs = missedDeadline(monitor, progress)
      return deadlineMs === null ? [] : [{ monitor, deadlineMs, id: missId(monitor.id, deadlineMs) }]
    })

export const toMissOpened = ({ monitor, deadlineMs, id }: Miss, neighbours: readonly string[]): SignalOpened => ({
  tenant: monitor.tenant,
  kind: 'heartbeat',
  id,
  service: monitor.service,
  summary:
    monitor.lastHitAtMs === null
      ? `heartbeat "${monitor.name}" never came: expected within ${(monitor.intervalMs + monitor.graceMs) / 1000} s`
      : `heartbeat "${monitor.name}" missed: expected within ${(monitor.intervalMs + monitor.graceMs) / 1000} s, last seen ${new Date(monitor.lastHitAtMs).toISOString()}`,
  severity: 'major',
  startedAtMs: deadlineMs,
  neighbours,
})

/** Whether a firing alert with these labels is a hit of the monitor. */
export const isHitBy = (monitor: HeartbeatMonitor, labels: Readonly<Record<string, string>>): boolean => {
  const wanted = Object.entries(monitor.alertLabels ?? {})
  return wanted.length > 0 && wanted.every(([name, value]) => Object.hasOwn(labels, name) && labels[name] === value)
}
