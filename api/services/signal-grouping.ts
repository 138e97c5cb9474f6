// Signals become incidents: one joins an incident of its tenant that is near in the service graph and in time, else it opens
// one. An incident whose signals have all ended resolves by itself; one that comes back within the cooldown reopens, so
// that it never flaps faster. What a maintenance window keeps back waits for its end. Both calls are idempotent by (tenant, kind, id).
import type { Severity, SignalOpened, SignalResolved, SignalSink } from '../../streams/contracts/signals.ts'
import { toStorableText } from '../store/storable.ts'
import type { Sql, Store } from '../store/store.ts'
import { appendAudit, type Actor } from './audit.ts'
import { createId } from './ids.ts'
import { dueMuted, endMuted, muteSignal, releaseMuted } from './muted-signals.ts'
import { addEvent } from './outbox.ts'
import { addUpdateRow, lockTenant, type StoredIncident, type StoredSignal } from './incident-store.ts'

export interface Grouping extends SignalSink {
  /** Hands on what is still wrong after its maintenance window; resolves to how many signals. May run in several processes at once. */
  openAfterMaintenance(): Promise<number>
}
export interface GroupingConfig {
  readonly cooldownMs: number
  readonly clock: () => number
}

/** A signal joins an incident whose latest signal began or ended at most this long before it. */
const JOIN_WITHIN_MS = 15 * 60_000
const rank: Record<Severity, number> = { minor: 1, major: 2, critical: 3 }
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

interface Candidate extends StoredIncident {
  signals: StoredSignal[]
}

const isNear = (signal: SignalOpened, incident: Candidate): boolean =>
  incident.signals.some(
    (other) => other.service === signal.service || signal.neighbours.includes(other.service) || other.neighbours.includes(signal.service),
  )
/** Milliseconds between the signal and the incident's latest activity; one that still goes on is active now. */
const distanceMs = (signal: SignalOpened, incident: Candidate): number =>
  incident.signals.some((other) => other.ended_at === null) && signal.startedAtMs >= incident.opened_at.getTime()
    ? 0
    : Math.abs(
        signal.startedAtMs - Math.max(...incident.signals.flatMap((other) => [other.started_at.getTime(), other.ended_at?.getTime() ?? 0])),
      )

/** A resolved candidate is within its cooldown: a later signal reopens it, however long that cooldown is. */
const comesBack = (signal: SignalOpened, incident: Candidate): boolean =>
  incident.status === 'resolved' && signal.startedAtMs >= incident.opened_at.getTime()

/** Open ones, and those that resolved by themselves so recently that a new one would be a flap. */
const loadCandidates = async (sql: Sql, tenant: string, sinceMs: number): Promise<Candidate[]> => {
  const incidents = await sql.query<StoredIncident>(
    "SELECT * FROM incidents WHERE tenant = $1 AND (status <> 'resolved' OR (auto_resolved AND resolved_at >= $2)) ORDER BY opened_at, id",
    [tenant, new Date(sinceMs).toISOString()],
  )
  const signals =
    incidents.length === 0
      ? []
      : await sql.query<StoredSignal>(
          'SELECT * FROM incident_signals WHERE tenant = $1 AND incident_id IN (SELECT jsonb_array_elements_text($2::jsonb))',
          [tenant, JSON.stringify(incidents.map((one) => one.id))],
        )
  return incidents.map((incident) => ({ ...incident, signals: signals.filter((signal) => signal.incident_id === incident.id) }))
}

const openIncident = async (sql: Sql, signal: SignalOpened): Promise<string> => {
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
  await appendAudit(sql, system, {
    tenant: signal.tenant,
    action: 'OPEN_INCIDENT',
    resource: `incident:${id}`,
    diff: { signal: { from: null, to: `${signal.kind} ${signal.id}` } },
  })
  return id
}

const tellReopened = async (sql: Sql, signal: SignalOpened, id: string, at: string): Promise<void> => {
  await addEvent(sql, { tenant: signal.tenant, type: 'incident.opened', resource: id })
  await addUpdateRow(sql, signal.tenant, id, { at, author, status: 'open', body: `reopened: ${signal.summary}` })
  await appendAudit(sql, system, {
    tenant: signal.tenant,
    action: 'REOPEN_INCIDENT',
    resource: `incident:${id}`,
    diff: { signal: { from: null, to: `${signal.kind} ${signal.id}` } },
  })
}

const joinIncident = async (sql: Sql, signal: SignalOpened, incident: Candidate, at: string): Promise<void> => {
  const severity = rank[signal.severity] > rank[incident.severity] ? signal.severity : incident.severity
  const reopened = incident.status === 'resolved'
  await sql.query('UPDATE incidents SET severity = $3, status = $4, resolved_at = $5, auto_resolved = $6 WHERE tenant = $1 AND id = $2', [
    signal.tenant,
    incident.id,
    severity,
    reopened ? 'open' : incident.status,
    null,
    false,
  ])
  if (reopened) await tellReopened(sql, signal, incident.id, at)
}

/** An alert that fires again under the same id goes on where it was; anything else under a known id is a replay. */
const fireAgain = async (sql: Sql, signal: SignalOpened, known: StoredSignal, at: string): Promise<void> => {
  if (signal.kind !== 'alert' || known.ended_at === null) return
  await sql.query('UPDATE incident_signals SET ended_at = NULL WHERE tenant = $1 AND kind = $2 AND signal_id = $3', [
    signal.tenant,
    signal.kind,
    signal.id,
  ])
  // Resolved by a person stays resolved.
  const reopened = await sql.query(
    "UPDATE incidents SET status = 'open', resolved_at = NULL, auto_resolved = false WHERE tenant = $1 AND id = $2 AND status = 'resolved' AND auto_resolved RETURNING 1",
    [signal.tenant, known.incident_id],
  )
  if (reopened.length > 0) await tellReopened(sql, signal, known.incident_id, at)
}

export const createGrouping = (store: Store, config: GroupingConfig): Grouping => {
  const now = (): string => new Date(config.clock()).toISOString()
  const addSignal = async (sql: Sql, signal: SignalOpened, incidentId: string): Promise<void> => {
    await sql.query(
      'INSERT INTO incident_signals (tenant, kind, signal_id, incident_id, service, summary, severity, started_at, neighbours) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)',
      [
        signal.tenant,
        signal.kind,
        signal.id,
        incidentId,
        signal.service,
        signal.summary,
        signal.severity,
        new Date(signal.startedAtMs).toISOString(),
        JSON.stringify(signal.neighbours),
      ],
    )
  }
  const place = async (sql: Sql, signal: SignalOpened): Promise<void> => {
    // In a backfill the signal's own time is long past, and so is what it follows.
    const candidates = await loadCandidates(sql, signal.tenant, Math.min(config.clock(), signal.startedAtMs) - config.cooldownMs)
    const home = candidates.find(
      (incident) => isNear(signal, incident) && (comesBack(signal, incident) || distanceMs(signal, incident) <= JOIN_WITHIN_MS),
    )
    if (home !== undefined) await joinIncident(sql, signal, home, now())
    await addSignal(sql, signal, home?.id ?? (await openIncident(sql, signal)))
  }
  const opened = async (said: SignalOpened): Promise<void> =>
    store.transaction(async (sql) => {
      // As the rows have it: what is near is compared with them.
      const signal = {
        ...said,
        service: toStorableText(said.service),
        summary: toStorableText(said.summary),
        neighbours: said.neighbours.map(toStorableText),
      }
      await lockTenant(sql, signal.tenant)
      const [known] = await sql.query<StoredSignal>('SELECT * FROM incident_signals WHERE tenant = $1 AND kind = $2 AND signal_id = $3', [
        signal.tenant,
        signal.kind,
        signal.id,
      ])
      if (known !== undefined) return await fireAgain(sql, signal, known, now())
      // The row stays: an opening that is replayed once more is as much over as the first.
      const over = await sql.query('SELECT 1 FROM ended_signals WHERE tenant = $1 AND kind = $2 AND signal_id = $3', [
        signal.tenant,
        signal.kind,
        signal.id,
      ])
      if (over.length > 0 && signal.kind !== 'alert') return
      if (!(await muteSignal(sql, signal, config.clock()))) await place(sql, signal)
    })
  const resolved = async (signal: SignalResolved): Promise<void> =>
    store.transaction(async (sql) => {
      const endedAt = new Date(signal.endedAtMs).toISOString()
      await lockTenant(sql, signal.tenant)
      const [row] = await sql.query<{ incident_id: string }>(
        'UPDATE incident_signals SET ended_at = coalesce(ended_at, $4) WHERE tenant = $1 AND kind = $2 AND signal_id = $3 RETURNING incident_id',
        [signal.tenant, signal.kind, signal.id, endedAt],
      )
      if (row === undefined) {
        if (await endMuted(sql, signal)) return
        await sql.query('INSERT INTO ended_signals (tenant, kind, signal_id, ended_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING', [
          signal.tenant,
          signal.kind,
          signal.id,
          endedAt,
        ])
        return
      }
      const [{ going, last }] = await sql.query<{ going: number; last: Date }>(
        'SELECT count(*) FILTER (WHERE ended_at IS NULL)::int AS going, max(ended_at) AS last FROM incident_signals WHERE tenant = $1 AND incident_id = $2',
        [signal.tenant, row.incident_id],
      )
      if (going > 0) return
      const closed = await sql.query(
        "UPDATE incidents SET status = 'resolved', resolved_at = $3, auto_resolved = true WHERE tenant = $1 AND id = $2 AND status <> 'resolved' RETURNING 1",
        [signal.tenant, row.incident_id, last.toISOString()],
      )
      if (closed.length === 0) return
      await addEvent(sql, { tenant: signal.tenant, type: 'incident.resolved', resource: row.incident_id })
      await addUpdateRow(sql, signal.tenant, row.incident_id, { at: now(), author, status: 'resolved', body: 'all signals have ended' })
      await appendAudit(sql, system, {
        tenant: signal.tenant,
        action: 'RESOLVE_INCIDENT',
        resource: `incident:${row.incident_id}`,
        diff: { autoResolved: { from: false, to: true } },
      })
    })
  const openAfterMaintenance = async (): Promise<number> => {
    let handedOn = 0
    for (const signal of await dueMuted(store, config.clock())) {
      const isOpened = await store.transaction(async (sql) => {
        await lockTenant(sql, signal.tenant)
        if (!(await releaseMuted(sql, signal, config.clock()))) return false
        await place(sql, signal)
        return true
      })
      if (isOpened) handedOn++
    }
    return handedOn
  }
  return { opened, resolved, openAfterMaintenance }
}
