// Maintenance windows: planned, looked at, ended. A window is never taken away: what it kept back stays to be seen.
import { apiError } from '../errors.ts'
import { toInstant } from '../instant.ts'
import type { Sql, Store } from '../store/store.ts'
import { appendAudit, type Actor } from './audit.ts'
import { createId } from './ids.ts'

export type WindowStatus = 'scheduled' | 'active' | 'over' | 'cancelled'
export interface MaintenanceWindow {
  readonly id: string
  /** None: all. */
  readonly services: readonly string[]
  readonly reason: string
  readonly startsAt: string
  readonly endsAt: string
  /** When it ends in effect: endsAt, or when it was ended. */
  readonly endedAt: string
  readonly status: WindowStatus
  readonly createdBy: string
  readonly createdAt: string
}
export interface WindowInput {
  readonly services?: readonly string[]
  readonly reason?: string
  readonly startsAt?: string
  readonly endsAt: string
}

export interface Maintenance {
  /** Those that began last first. */
  list(tenant: string, filter: { readonly status?: WindowStatus; readonly limit: number }): Promise<MaintenanceWindow[]>
  get(tenant: string, id: string): Promise<MaintenanceWindow>
  plan(tenant: string, input: WindowInput, actor: Actor): Promise<MaintenanceWindow>
  /** Now; one that is over already stays as it is. */
  end(tenant: string, id: string, actor: Actor): Promise<MaintenanceWindow>
}

const MAX_LENGTH_MS = 30 * 86_400_000
const COLUMNS = 'id, services, reason, starts_at, ends_at, ended_at, author, created_at'
interface Row {
  id: string
  services: string[]
  reason: string
  starts_at: Date
  ends_at: Date
  ended_at: Date
  author: string
  created_at: Date
}

const statusOf = (row: Row, nowMs: number): WindowStatus => {
  if (row.ended_at <= row.starts_at) return 'cancelled'
  if (row.ended_at.getTime() <= nowMs) return 'over'
  return row.starts_at.getTime() <= nowMs ? 'active' : 'scheduled'
}
const timeOf = (path: string, text: string): number => {
  const ms = toInstant(text)
  if (Number.isNaN(ms))
    throw apiError('VALIDATION_FAILED', `${path} is not a time`, [
      { path, code: 'invalid_time', message: 'RFC 3339 with a zone', example: '2031-01-31T12:00:00Z' },
    ])
  return ms
}
const fault = (path: string, code: string, message: string): Error =>
  apiError('VALIDATION_FAILED', `${path}: ${message}`, [{ path, code, message }])

export const createMaintenance = (store: Store, clock: () => number): Maintenance => {
  const toWindow = (row: Row): MaintenanceWindow => ({
    id: row.id,
    services: row.services,
    reason: row.reason,
    startsAt: row.starts_at.toISOString(),
    endsAt: row.ends_at.toISOString(),
    endedAt: row.ended_at.toISOString(),
    status: statusOf(row, clock()),
    createdBy: row.author,
    createdAt: row.created_at.toISOString(),
  })
  const find = async (sql: Sql, tenant: string, id: string): Promise<Row> => {
    const [row] = await sql.query<Row>(`SELECT ${COLUMNS} FROM maintenance_windows WHERE tenant = $1 AND id = $2`, [tenant, id])
    if (row === undefined) throw apiError('NOT_FOUND', `no maintenance window ${id}`)
    return row
  }
  return {
    list: async (tenant, { status, limit }) => {
      const rows = await store.query<Row>(
        `SELECT ${COLUMNS} FROM maintenance_windows WHERE tenant = $1 AND ($2::text IS NULL OR $2 = CASE WHEN ended_at <= starts_at THEN 'cancelled' WHEN ended_at <= $3 THEN 'over' WHEN starts_at <= $3 THEN 'active' ELSE 'scheduled' END)
         ORDER BY starts_at DESC, id DESC LIMIT $4`,
        [tenant, status ?? null, new Date(clock()).toISOString(), limit],
      )
      return rows.map(toWindow)
    },
    get: async (tenant, id) => toWindow(await find(store, tenant, id)),
    plan: async (tenant, { services = [], reason = '', startsAt, endsAt }, actor) => {
      const nowMs = clock()
      const startMs = startsAt === undefined ? nowMs : timeOf('startsAt', startsAt)
      const endMs = timeOf('endsAt', endsAt)
      if (endMs <= startMs) throw fault('endsAt', 'not_after_start', 'must be after startsAt')
      if (endMs <= nowMs) throw fault('endsAt', 'past', 'must be in the future')
      if (endMs - startMs > MAX_LENGTH_MS) throw fault('endsAt', 'too_long', 'at most 30 days after startsAt')
      const id = createId('mnt')
      return await store.transaction(async (sql) => {
        const [start, end] = [new Date(startMs).toISOString(), new Date(endMs).toISOString()]
        await sql.query(
          'INSERT INTO maintenance_windows (id, tenant, services, reason, starts_at, ends_at, ended_at, author) VALUES ($1, $2, $3, $4, $5, $6, $6, $7)',
          [id, tenant, JSON.stringify([...new Set(services)]), reason, start, end, actor.agentId ?? actor.email],
        )
        await appendAudit(sql, actor, {
          tenant,
          action: 'PLAN_MAINTENANCE',
          resource: `maintenance:${id}`,
          diff: { services: { from: null, to: services }, startsAt: { from: null, to: start }, endsAt: { from: null, to: end } },
        })
        return toWindow(await find(sql, tenant, id))
      })
    },
    end: (tenant, id, actor) =>
      store.transaction(async (sql) => {
        const nowMs = clock()
        await sql.query('SELECT 1 FROM maintenance_windows WHERE tenant = $1 AND id = $2 FOR UPDATE', [tenant, id])
        const before = await find(sql, tenant, id)
        if (before.ended_at.getTime() <= nowMs || before.ended_at <= before.starts_at) return toWindow(before)
        const end = new Date(Math.max(nowMs, before.starts_at.getTime())).toISOString()
        await sql.query('UPDATE maintenance_windows SET ended_at = $3 WHERE tenant = $1 AND id = $2', [tenant, id, end])
        await appendAudit(sql, actor, {
          tenant,
          action: 'END_MAINTENANCE',
          resource: `maintenance:${id}`,
          diff: { endedAt: { from: before.ended_at.toISOString(), to: end } },
        })
        return toWindow(await find(sql, tenant, id))
      }),
  }
}
