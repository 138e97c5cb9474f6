// What analysis asks of the control plane. Implemented by `api/`, handed over by `main.ts`; analytics never imports it.
import type { SignalOpened, SignalSink } from './signals.ts'

export interface HeartbeatMonitor {
  readonly id: string
  readonly tenant: string
  readonly name: string
  readonly service: string
  readonly intervalMs: number
  readonly graceMs: number
  /** A firing alert that carries all of these labels is a hit; null = none does. */
  readonly alertLabels: Readonly<Record<string, string>> | null
  readonly createdAtMs: number
  /** Receive time of the newest hit that was consumed; null before the first. */
  readonly lastHitAtMs: number | null
  readonly status: 'pending' | 'up' | 'down'
  /** Signal id of the open miss while `status` is down. */
  readonly missId: string | null
}

export interface AlertState {
  readonly status: 'firing' | 'resolved'
  readonly anomalyId: string
  readonly startsAt: string
  readonly service: string
  readonly lastSeenAtMs: number
  /** How long after `lastSeenAtMs` its sender said that it is active; absent when the sender says when it ends. */
  readonly activeForMs?: number
  /** "partition:offset:index" of the last alert applied: an older or equal one of the same partition is a replay. */
  readonly position: string
}

export interface ControlPlane extends SignalSink {
  heartbeatMonitors(): Promise<readonly HeartbeatMonitor[]>
  /** Monotone in `receivedAtMs`; sets status up and ends the miss that is open, at once. */
  heartbeatHit(tenant: string, monitorId: string, receivedAtMs: number): Promise<void>
  /** Status down, its check and its signal at once, if no hit came since the one that it was judged by. Resolves to whether that is so.
   * @param miss begins at its deadline. */
  heartbeatMissed(miss: SignalOpened, monitorId: string, lastHitAtMs: number | null): Promise<boolean>
  alertState(tenant: string, fingerprint: string): Promise<AlertState | null>
  /** Unless a later alert of its partition was applied meanwhile. */
  saveAlertState(tenant: string, fingerprint: string, state: AlertState): Promise<void>
  /** Firing alerts of every tenant that at `atMs` were unseen for longer than `unseenForMs`, or than they are active for. */
  staleAlerts(
    atMs: number,
    unseenForMs: number,
  ): Promise<readonly { readonly tenant: string; readonly fingerprint: string; readonly state: AlertState }[]>
}
