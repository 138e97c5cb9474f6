// Signals become incidents: one joins an incident of its tenant that is near in the service graph and in time, else it opens
// one. An incident whose signals have all ended resolves by itself; one that comes back within the cooldown reopens, and
// then stays open for a cooldown, so that it never flaps faster. What a maintenance window keeps back waits for its end. Both
// calls are idempotent by (tenant, kind, id).
import type { Severity, SignalOpened, SignalResolved, SignalSink } from '../../streams/contracts/signals.ts'
import { toStorableText } from '../store/storable.ts'
import type { Sql, Store } from '../store/store.ts'
import { heldOpen, openIncident, reopenIncident, resolveIfOver } from './incident-lifecycle.ts'
import { lockTenant, type StoredIncident, type StoredSignal } from './incident-store.ts'
import { dueMuted, endMuted, muteSignal, releaseMuted } from './muted-signals.ts'

export interface Grouping extends SignalSink {
  /** Hands on what is still wrong after its maintenance window; resolves to how many signals. May run in several processes at once. */
  openAfterMaintenance(): Promise<number>
  /** Resolves what came back a cooldown ago and is over; resolves to how many incidents. May run in several processes at once. */
  resolveAfterCooldown(): Promise<number>
}
export interface GroupingConfig {
  readonly cooldownMs: number
  readonly clock: () => number
}

/** A signal joins an incident whose latest signal began or ended at most this long before it. */
const JOIN_WITHIN_MS = 15 * 60_000
const rank: Record<Severity, number> = { minor: 1, major: 2, critical: 3 }

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

/** What resolved, or is held open since it came back, is within its cooldown: a later signal belongs to it, however long that is. */
const comesBack = (signal: SignalOpened, incident: Candidate): boolean =>
  (incident.status === 'resolved' || incident.reopened_at !== null) && signal.startedAtMs >= incident.opened_at.getTime()

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

const joinIncident = async (sql: Sql, signal: SignalOpened, incident: Candidate, { cooldownMs, clock }: GroupingConfig): Promise<void> => {
  if (rank[signal.severity] > rank[incident.severity])
    await sql.query('UPDATE incidents SET severity = $3 WHERE tenant = $1 AND id = $2', [signal.tenant, incident.id, signal.severity])
  const atMs = clock()
  // What happens now comes back when it is told; what is past came back then, and is over by its own time.
  const isPast = signal.startedAtMs < atMs - cooldownMs
  await reopenIncident(sql, signal, incident.id, { atMs, sinceMs: isPast ? signal.startedAtMs : atMs })
}

/** An alert that fires again under the same id goes on where it was; anything else under a known id is a replay. */
const fireAgain = async (sql: Sql, signal: SignalOpened, known: StoredSignal, atMs: number): Promise<void> => {
  if (signal.kind !== 'alert' || known.ended_at === null) return
  await sql.query('UPDATE incident_signals SET ended_at = NULL WHERE tenant = $1 AND kind = $2 AND signal_id = $3', [
    signal.tenant,
    signal.kind,
    signal.id,
  ])
  await reopenIncident(sql, signal, known.incident_id, { atMs, sinceMs: atMs })
}

export const createGrouping = (store: Store, config: GroupingConfig): Grouping => {
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
    if (home !== undefined) await joinIncident(sql, signal, home, config)
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
      if (known !== undefined) return await fireAgain(sql, signal, known, config.clock())
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
      await resolveIfOver(sql, { tenant: signal.tenant, id: row.incident_id }, { atMs: config.clock(), cooldownMs: config.cooldownMs })
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
  const resolveAfterCooldown = async (): Promise<number> => {
    const due = { atMs: config.clock(), cooldownMs: config.cooldownMs }
    let closed = 0
    let failed: unknown
    for (const incident of await heldOpen(store, due)) {
      const isClosed = await store
        .transaction(async (sql) => {
          await lockTenant(sql, incident.tenant)
          return await resolveIfOver(sql, incident, due)
        })
        .catch((error: unknown) => {
          // One that cannot be resolved does not keep the others open.
          failed ??= error
          return false
        })
      if (isClosed) closed++
    }
    if (failed !== undefined) throw failed
    return closed
  }
  return { opened, resolved, openAfterMaintenance, resolveAfterCooldown }
}
