// Carries out what the alert state machine says: rows of `anomalies` (kind alert) and the control plane's signals.
// Rows before signals before state; each step may be repeated.
import type { ControlPlane } from '../streams/contracts/control-plane.ts'
import type { InsertPorts } from './insert-range.ts'
import { toStoreTime } from './insert-range.ts'
import type { AlertEffect } from './alerts.ts'

type Opened = Extract<AlertEffect, { kind: 'opened' }>
type Resolved = Extract<AlertEffect, { kind: 'resolved' }>

export interface EffectPorts {
  readonly controlPlane: ControlPlane
  readonly clickhouse: Pick<InsertPorts, 'insertRows' | 'query'>
  /** Services linked to this one; best effort. */
  readonly neighbours: (tenant: string, service: string, atMs: number) => Promise<readonly string[]>
}

const SCORES = { critical: 1, major: 0.8, minor: 0.5 } as const

const NO_NUMBERS = { z_score: 0, observed: 0, expected: 0, lower: 0, upper: 0, history: 0, direction: 0, kind: 'alert', signal: 'alert' }

export const toOpenedRow = (tenant: string, effect: Opened): object => ({
  ...NO_NUMBERS,
  tenant,
  anomaly_id: effect.anomalyId,
  service_id: effect.service,
  metric_name: effect.alert.alertname,
  detected_at: toStoreTime(effect.detectedAtMs),
  started_at: toStoreTime(effect.startedAtMs),
  resolved: 0,
  resolved_at: toStoreTime(0),
  anomaly_score: SCORES[effect.alert.severity],
  summary: effect.alert.summary,
  rca_triggered: 1,
  version: String(effect.version),
})

interface StoredAlert {
  metric_name: string
  detected_ms: number | string
  started_ms: number | string
  anomaly_score: number
  summary: string
  rca_triggered: number
}

const STORED_ALERT = {
  name: 'stored_alert',
  sql: `SELECT metric_name, toUnixTimestamp64Milli(detected_at) AS detected_ms, toUnixTimestamp64Milli(started_at) AS started_ms, anomaly_score, summary, rca_triggered
    FROM anomalies FINAL WHERE tenant = {tenant:String} AND anomaly_id = {id:String}`,
}

/** The end of what the table has; of the alert alone when it has nothing. */
export const toResolvedRow = (tenant: string, effect: Resolved, stored: StoredAlert | undefined): object => ({
  ...NO_NUMBERS,
  tenant,
  anomaly_id: effect.anomalyId,
  service_id: effect.service,
  metric_name: stored?.metric_name ?? effect.alert?.alertname ?? '',
  detected_at: toStoreTime(Number(stored?.detected_ms ?? effect.endedAtMs)),
  started_at: toStoreTime(Number(stored?.started_ms ?? effect.startedAtMs)),
  resolved: 1,
  resolved_at: toStoreTime(effect.endedAtMs),
  anomaly_score: stored?.anomaly_score ?? SCORES[effect.alert?.severity ?? 'major'],
  summary: stored?.summary ?? effect.alert?.summary ?? '',
  rca_triggered: stored?.rca_triggered ?? 0,
  version: String(effect.version),
})

const carryOutOpened = async (tenant: string, effect: Opened, ports: EffectPorts): Promise<void> => {
  await ports.clickhouse.insertRows({ table: 'anomalies', rows: [toOpenedRow(tenant, effect)] })
  await ports.controlPlane.opened({
    tenant,
    kind: 'alert',
    id: effect.anomalyId,
    service: effect.service,
    summary: effect.alert.summary,
    severity: effect.alert.severity,
    startedAtMs: effect.startedAtMs,
    neighbours: await ports.neighbours(tenant, effect.service, effect.startedAtMs),
  })
}

const carryOutResolved = async (tenant: string, effect: Resolved, ports: EffectPorts): Promise<void> => {
  const [stored] = await ports.clickhouse.query<StoredAlert>(STORED_ALERT, { tenant, id: effect.anomalyId })
  await ports.clickhouse.insertRows({ table: 'anomalies', rows: [toResolvedRow(tenant, effect, stored)] })
  if (effect.signal) await ports.controlPlane.resolved({ tenant, kind: 'alert', id: effect.anomalyId, endedAtMs: effect.endedAtMs })
}

export const carryOut = async (tenant: string, effects: readonly AlertEffect[], ports: EffectPorts): Promise<void> => {
  for (const effect of effects) {
    if (effect.kind === 'opened') await carryOutOpened(tenant, effect, ports)
    else await carryOutResolved(tenant, effect, ports)
  }
}
