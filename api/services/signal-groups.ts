// Which signals are one event: those of one incident. Services that move together, or several series of one, are told once.
import type { Sql } from '../store/store.ts'

export interface GroupMember {
  readonly id: string
  readonly service: string
  readonly summary: string
}
export interface SignalGroup {
  /** The incident. */ readonly id: string
  /** In order of their beginning. */ readonly members: readonly GroupMember[]
}

const MAX_MEMBERS = 5000

/** Signal id → its group, for those that belong to an incident. */
export const groupsOfSignals = async (sql: Sql, tenant: string, ids: readonly string[]): Promise<ReadonlyMap<string, SignalGroup>> => {
  if (ids.length === 0) return new Map()
  const rows = await sql.query<{ incident_id: string; signal_id: string; service: string; summary: string }>(
    `SELECT incident_id, signal_id, service, summary FROM incident_signals WHERE tenant = $1 AND kind IN ('anomaly', 'alert')
       AND incident_id IN (SELECT incident_id FROM incident_signals WHERE tenant = $1 AND signal_id IN (SELECT jsonb_array_elements_text($2::jsonb))) ORDER BY started_at, signal_id LIMIT $3`,
    [tenant, JSON.stringify(ids), MAX_MEMBERS],
  )
  const groups = new Map<string, { id: string; members: GroupMember[] }>()
  for (const row of rows) {
    let group = groups.get(row.incident_id)
    if (group === undefined) groups.set(row.incident_id, (group = { id: row.incident_id, members: [] }))
    group.members.push({ id: row.signal_id, service: row.service, summary: row.summary })
  }
  return new Map(rows.map((row) => [row.signal_id, groups.get(row.incident_id)!]))
}

/** One of each group, the most surprising of those given, at the place of the first; what has no group stays. */
export const onePerGroup = <Row extends { readonly anomaly_id: string; readonly anomaly_score: number }>(
  rows: readonly Row[],
  groups: ReadonlyMap<string, SignalGroup>,
): Row[] => {
  const shown = new Map<string, Row>()
  for (const row of rows) {
    const key = groups.get(row.anomaly_id)?.id ?? row.anomaly_id
    const known = shown.get(key)
    if (known === undefined || row.anomaly_score > known.anomaly_score) shown.set(key, row)
  }
  return [...shown.values()]
}
