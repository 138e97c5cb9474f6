// Signals that a maintenance window keeps from opening anything. What of them is still wrong when the window ends is handed on then.
import type { SignalOpened, SignalResolved } from '../../streams/contracts/signals.ts'
import type { Sql, Store } from '../store/store.ts'

/** What is told within a window may have begun a little before it: finding takes minutes, and work begins early. */
const LEAD_MINUTES = 5
const MAX_DUE = 200

export interface MutedSignal {
  readonly kind: string
  readonly id: string
  readonly service: string
  readonly summary: string
  readonly startedAt: string
  readonly endedAt?: string
  /** When it was handed on, because it outlasted its window. */ readonly openedAt?: string
}

const windowFor = async (sql: Sql, { tenant, service, startedAtMs }: SignalOpened, nowMs: number): Promise<string | null> =>
  (
    await sql.query<{ id: string }>(
      `SELECT id FROM maintenance_windows WHERE tenant = $1 AND (services = '[]'::jsonb OR services @> to_jsonb($2::text))
     AND ((starts_at <= $3 AND ended_at > $3) OR (starts_at <= $4 AND ended_at > $4 AND starts_at > $3 AND starts_at - $5 * interval '1 minute' <= $3))
   ORDER BY starts_at, id LIMIT 1`,
      [tenant, service, new Date(startedAtMs).toISOString(), new Date(nowMs).toISOString(), LEAD_MINUTES],
    )
  )[0]?.id ?? null

/** True when a window keeps it back. */
export const muteSignal = async (sql: Sql, signal: SignalOpened, nowMs: number): Promise<boolean> => {
  const windowId = await windowFor(sql, signal, nowMs)
  if (windowId === null) return false
  // An alert that fires again under the same id goes on; anything else under a known id is a replay.
  await sql.query(
    `INSERT INTO muted_signals (tenant, kind, signal_id, window_id, service, summary, severity, started_at, neighbours) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
     ON CONFLICT (tenant, kind, signal_id) DO UPDATE SET ended_at = CASE WHEN excluded.kind = 'alert' THEN NULL ELSE muted_signals.ended_at END`,
    [
      signal.tenant,
      signal.kind,
      signal.id,
      windowId,
      signal.service,
      signal.summary,
      signal.severity,
      new Date(signal.startedAtMs).toISOString(),
      JSON.stringify(signal.neighbours),
    ],
  )
  return true
}

/** True when it was muted: there is nothing else to end. */
export const endMuted = async (sql: Sql, { tenant, kind, id, endedAtMs }: SignalResolved): Promise<boolean> =>
  (
    await sql.query(
      'UPDATE muted_signals SET ended_at = coalesce(ended_at, $4) WHERE tenant = $1 AND kind = $2 AND signal_id = $3 AND opened_at IS NULL RETURNING 1',
      [tenant, kind, id, new Date(endedAtMs).toISOString()],
    )
  ).length > 0

interface Row {
  tenant: string
  kind: SignalOpened['kind']
  signal_id: string
  service: string
  summary: string
  severity: SignalOpened['severity']
  started_at: Date
  ended_at: Date | null
  opened_at: Date | null
  neighbours: string[]
}

/** Those of every tenant whose window has ended while they go on. */
export const dueMuted = async (store: Store, nowMs: number): Promise<SignalOpened[]> =>
  (
    await store.query<Row>(
      `SELECT s.tenant, s.kind, s.signal_id, s.service, s.summary, s.severity, s.started_at, s.ended_at, s.opened_at, s.neighbours FROM muted_signals AS s JOIN maintenance_windows AS w ON w.id = s.window_id AND w.tenant = s.tenant
   WHERE s.ended_at IS NULL AND s.opened_at IS NULL AND w.ended_at <= $1 ORDER BY s.started_at, s.signal_id LIMIT $2`,
      [new Date(nowMs).toISOString(), MAX_DUE],
    )
  ).map((row) => ({
    tenant: row.tenant,
    kind: row.kind,
    id: row.signal_id,
    service: row.service,
    summary: row.summary,
    severity: row.severity,
    startedAtMs: row.started_at.getTime(),
    neighbours: row.neighbours,
  }))

/** In a transaction that holds the tenant: true when it is to be opened now. A window that lasts takes it over. */
export const releaseMuted = async (sql: Sql, { tenant, kind, id, service }: SignalOpened, nowMs: number): Promise<boolean> => {
  const now = new Date(nowMs).toISOString()
  const moved = await sql.query(
    `UPDATE muted_signals SET window_id = w.id FROM (
       SELECT id FROM maintenance_windows WHERE tenant = $1 AND (services = '[]'::jsonb OR services @> to_jsonb($4::text)) AND starts_at <= $5 AND ended_at > $5 ORDER BY ended_at DESC, id LIMIT 1
     ) AS w WHERE tenant = $1 AND kind = $2 AND signal_id = $3 RETURNING 1`,
    [tenant, kind, id, service, now],
  )
  if (moved.length > 0) return false
  return (
    (
      await sql.query(
        'UPDATE muted_signals SET opened_at = $4 WHERE tenant = $1 AND kind = $2 AND signal_id = $3 AND ended_at IS NULL AND opened_at IS NULL RETURNING 1',
        [tenant, kind, id, now],
      )
    ).length > 0
  )
}

/** Which of these signals a window keeps, or kept, back: signal id → window id. */
export const windowsOfSignals = async (sql: Sql, tenant: string, ids: readonly string[]): Promise<ReadonlyMap<string, string>> =>
  ids.length === 0
    ? new Map()
    : new Map(
        (
          await sql.query<{ signal_id: string; window_id: string }>(
            'SELECT signal_id, window_id FROM muted_signals WHERE tenant = $1 AND signal_id IN (SELECT jsonb_array_elements_text($2::jsonb))',
            [tenant, JSON.stringify(ids)],
          )
        ).map((row) => [row.signal_id, row.window_id]),
      )

/** In order of their beginning. */
export const mutedIn = async (sql: Sql, tenant: string, windowId: string, limit: number): Promise<MutedSignal[]> =>
  (
    await sql.query<Row>(
      'SELECT kind, signal_id, service, summary, severity, started_at, ended_at, opened_at, neighbours FROM muted_signals WHERE tenant = $1 AND window_id = $2 ORDER BY started_at, signal_id LIMIT $3',
      [tenant, windowId, limit],
    )
  ).map((row) => ({
    kind: row.kind,
    id: row.signal_id,
    service: row.service,
    summary: row.summary,
    startedAt: row.started_at.toISOString(),
    ...(row.ended_at === null ? {} : { endedAt: row.ended_at.toISOString() }),
    ...(row.opened_at === null ? {} : { openedAt: row.opened_at.toISOString() }),
  }))
