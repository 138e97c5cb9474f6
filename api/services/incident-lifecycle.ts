// How an incident opens, comes back and resolves by itself: each step with its event, its line on the timeline and its audit
// row, in the transaction of the caller, who holds the tenant's lock.
import type { SignalOpened } from '../../streams/contracts/signals.ts'
import type { Sql } from '../store/store.ts'
import { appendAudit, type Actor } from './audit.ts'
import { createId } from './ids.ts'
import { addUpdateRow } from './incident-store.ts'
import { addEvent } from './outbox.ts'

const author = 'lapwing'
const system: Actor = {
  userId: 'system',
  tokenId: null,
  email: author,
  agentId: null,
  conversationId: null,
  ip: 'local',
  ua: 'analysis',
  requestId: '',
}

const causedBy = (signal: SignalOpened) => ({ signal: { from: null, to: `${signal.kind} ${signal.id}` } })

/** Resolves to the new incident's id. */
export const openIncident = async (sql: Sql, signal: SignalOpened): Promise<string> => {
  const [{ number }] = await sql.query<{ number: number }>(
    'UPDATE tenants SET incident_count = incident_count + 1 WHERE id = $1 RETURNING incident_count AS number',
    [signal.tenant],
  )
  const id = createId('inc')
  await sql.query(
    "INSERT INTO incidents (id, tenant, number, title, severity, status, opened_at) VALUES ($1, $2, $3, $4, $5, 'open', $6)",
    [id, signal.tenant, number, signal.summary.slice(0, 200), signal.severity, new Date(signal.startedAtMs).toISOString()],
  )
  await addEvent(sql, { tenant: signal.tenant, type: 'incident.opened', resource: id })
  await appendAudit(sql, system, { tenant: signal.tenant, action: 'OPEN_INCIDENT', resource: `incident:${id}`, diff: causedBy(signal) })
  return id
}

/** Only one that resolved by itself: what somebody resolved stays resolved.
 * @param sinceMs when it came back, which in a backfill is long ago; `atMs` is when that is told. */
export const reopenIncident = async (
  sql: Sql,
  signal: SignalOpened,
  id: string,
  { atMs, sinceMs }: { readonly atMs: number; readonly sinceMs: number },
): Promise<void> => {
  const at = new Date(atMs).toISOString()
  const reopened = await sql.query(
    "UPDATE incidents SET status = 'open', resolved_at = NULL, auto_resolved = false, reopened_at = $3 WHERE tenant = $1 AND id = $2 AND status = 'resolved' AND auto_resolved RETURNING 1",
    [signal.tenant, id, new Date(sinceMs).toISOString()],
  )
  if (reopened.length === 0) return
  await addEvent(sql, { tenant: signal.tenant, type: 'incident.opened', resource: id })
  await addUpdateRow(sql, signal.tenant, id, { at, author, status: 'open', body: `reopened: ${signal.summary}` })
  await appendAudit(sql, system, { tenant: signal.tenant, action: 'REOPEN_INCIDENT', resource: `incident:${id}`, diff: causedBy(signal) })
}

/** Resolves an incident whose signals have all ended, as of the last end; one that came back not before `cooldownMs` have passed
 * since: it would flap. Resolves to whether it did. */
export const resolveIfOver = async (
  sql: Sql,
  { tenant, id }: { readonly tenant: string; readonly id: string },
  { atMs, cooldownMs }: { readonly atMs: number; readonly cooldownMs: number },
): Promise<boolean> => {
  const closed = await sql.query(
    `UPDATE incidents SET status = 'resolved', auto_resolved = true,
       resolved_at = GREATEST(reopened_at + $4::float8 * interval '1 millisecond',
         (SELECT max(ended_at) FROM incident_signals WHERE tenant = $1 AND incident_id = $2))
     WHERE tenant = $1 AND id = $2 AND status <> 'resolved'
       AND (reopened_at IS NULL OR reopened_at + $4::float8 * interval '1 millisecond' <= $3)
       AND NOT EXISTS (SELECT 1 FROM incident_signals WHERE tenant = $1 AND incident_id = $2 AND ended_at IS NULL)
     RETURNING 1`,
    [tenant, id, new Date(atMs).toISOString(), cooldownMs],
  )
  if (closed.length === 0) return false
  await addEvent(sql, { tenant, type: 'incident.resolved', resource: id })
  await addUpdateRow(sql, tenant, id, {
    at: new Date(atMs).toISOString(),
    author,
    status: 'resolved',
    body: 'all signals have ended',
  })
  await appendAudit(sql, system, {
    tenant,
    action: 'RESOLVE_INCIDENT',
    resource: `incident:${id}`,
    diff: { autoResolved: { from: false, to: true } },
  })
  return true
}

/** Incidents of every tenant that came back at least `cooldownMs` before `atMs` and are open although nothing of them goes on. */
export const heldOpen = async (
  sql: Sql,
  { atMs, cooldownMs }: { readonly atMs: number; readonly cooldownMs: number },
): Promise<readonly { readonly tenant: string; readonly id: string }[]> =>
  await sql.query<{ tenant: string; id: string }>(
    `SELECT i.tenant, i.id FROM incidents i WHERE i.reopened_at <= $1 AND i.status <> 'resolved'
       AND NOT EXISTS (SELECT 1 FROM incident_signals s WHERE s.tenant = i.tenant AND s.incident_id = i.id AND s.ended_at IS NULL)
     ORDER BY i.reopened_at LIMIT 500`,
    [new Date(atMs - cooldownMs).toISOString()],
  )
