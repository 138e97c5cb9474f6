// Incidents as rows and as answers.
import type { Sql } from '../store/store.ts'
import type { Severity, SignalKind } from '../../streams/contracts/signals.ts'

export type IncidentStatus = 'open' | 'acknowledged' | 'resolved'
export interface IncidentSignalView {
  readonly kind: SignalKind
  readonly id: string
  readonly service: string
  readonly summary: string
  readonly startedAt: string
  readonly endedAt?: string
}
export interface IncidentUpdateView {
  readonly at: string
  readonly by: string
  readonly status?: string
  readonly body: string
}
export interface Incident {
  readonly id: string
  readonly number: number
  readonly title: string
  readonly severity: Severity
  readonly status: IncidentStatus
  readonly openedAt: string
  readonly acknowledgedAt?: string
  readonly resolvedAt?: string
  readonly autoResolved: boolean
  readonly services: readonly string[]
  readonly signals: readonly IncidentSignalView[]
  readonly updates: readonly IncidentUpdateView[]
  readonly postmortem?: string
  readonly links: { readonly analysis: string; readonly blast: string; readonly graph: string }
}

export interface StoredIncident {
  id: string
  tenant: string
  number: number
  title: string
  severity: Severity
  status: IncidentStatus
  opened_at: Date
  acknowledged_at: Date | null
  resolved_at: Date | null
  reopened_at: Date | null
  auto_resolved: boolean
  postmortem: string | null
}
export interface StoredSignal {
  kind: SignalKind
  signal_id: string
  incident_id: string
  service: string
  summary: string
  severity: Severity
  started_at: Date
  ended_at: Date | null
  neighbours: string[]
}
interface StoredUpdate {
  incident_id: string
  at: Date
  author: string
  status: string | null
  body: string
}

const iso = (date: Date | null): string | undefined => date?.toISOString()

/** Services in order of their first signal. */
const toIncident = (row: StoredIncident, signals: readonly StoredSignal[], updates: readonly StoredUpdate[]): Incident => ({
  id: row.id,
  number: row.number,
  title: row.title,
  severity: row.severity,
  status: row.status,
  openedAt: row.opened_at.toISOString(),
  acknowledgedAt: iso(row.acknowledged_at),
  resolvedAt: iso(row.resolved_at),
  autoResolved: row.auto_resolved,
  services: [...new Set(signals.map((signal) => signal.service))],
  signals: signals.map((signal) => ({
    kind: signal.kind,
    id: signal.signal_id,
    service: signal.service,
    summary: signal.summary,
    startedAt: signal.started_at.toISOString(),
    endedAt: iso(signal.ended_at),
  })),
  updates: updates.map((update) => ({
    at: update.at.toISOString(),
    by: update.author,
    status: update.status ?? undefined,
    body: update.body,
  })),
  postmortem: row.postmortem ?? undefined,
  links: {
    analysis: `/api/v1/incidents/${row.id}/analysis`,
    blast: `/api/v1/context/incident/${row.id}/blast`,
    graph: `/api/v1/incidents/${row.id}/graph.svg`,
  },
})

export const withDetails = async (sql: Sql, tenant: string, rows: readonly StoredIncident[]): Promise<Incident[]> => {
  if (rows.length === 0) return []
  const ids = JSON.stringify(rows.map((row) => row.id))
  const signals = await sql.query<StoredSignal>(
    'SELECT * FROM incident_signals WHERE tenant = $1 AND incident_id IN (SELECT jsonb_array_elements_text($2::jsonb)) ORDER BY started_at, signal_id',
    [tenant, ids],
  )
  const updates = await sql.query<StoredUpdate>(
    'SELECT incident_id, at, author, status, body FROM incident_updates WHERE tenant = $1 AND incident_id IN (SELECT jsonb_array_elements_text($2::jsonb)) ORDER BY id',
    [tenant, ids],
  )
  return rows.map((row) =>
    toIncident(
      row,
      signals.filter((one) => one.incident_id === row.id),
      updates.filter((one) => one.incident_id === row.id),
    ),
  )
}

/** Incidents are read, then written: one tenant's signals and people change them one after the other. */
export const lockTenant = async (sql: Sql, tenant: string): Promise<void> => {
  await sql.query('SELECT 1 FROM tenants WHERE id = $1 FOR UPDATE', [tenant])
}

export const findIncident = async (sql: Sql, tenant: string, id: string): Promise<StoredIncident | undefined> =>
  (await sql.query<StoredIncident>('SELECT * FROM incidents WHERE tenant = $1 AND id = $2', [tenant, id]))[0]

export const addUpdateRow = async (
  sql: Sql,
  tenant: string,
  incidentId: string,
  update: { at: string; author: string; status: string | null; body: string },
): Promise<void> => {
  await sql.query('INSERT INTO incident_updates (tenant, incident_id, at, author, status, body) VALUES ($1, $2, $3, $4, $5, $6)', [
    tenant,
    incidentId,
    update.at,
    update.author,
    update.status,
    update.body,
  ])
}
