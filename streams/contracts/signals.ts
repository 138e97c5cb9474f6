// What analysis tells the control plane: something began or ended. Idempotent by (tenant, kind, id).

export type SignalKind = 'anomaly' | 'alert' | 'heartbeat'
export type Severity = 'critical' | 'major' | 'minor'

export interface SignalOpened {
  readonly tenant: string
  readonly kind: SignalKind
  /** Deterministic: "anom-…" for anomalies and alerts, "hb-<monitor>-<ms>" for heartbeats. */
  readonly id: string
  readonly service: string
  readonly summary: string
  readonly severity: Severity
  readonly startedAtMs: number
  /** Services reached from this one in the correlation graph (either direction): joins incidents. */
  readonly neighbours: readonly string[]
}

export interface SignalResolved {
  readonly tenant: string
  readonly kind: SignalKind
  readonly id: string
  readonly endedAtMs: number
}

/** Implemented by the control plane (incident grouping), called by analytics. Both are idempotent. */
export interface SignalSink {
  opened(signal: SignalOpened): Promise<void>
  resolved(signal: SignalResolved): Promise<void>
}
