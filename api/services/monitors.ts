// Heartbeat monitors. The ping token is kept as SHA-256 for the look-up and sealed for `/secrets`; no list shows it.
import { randomBytes } from 'node:crypto'
import { apiError } from '../errors.ts'
import type { Sql, Store } from '../store/store.ts'
import { appendAudit, type Actor } from './audit.ts'
import { createId, sha256, type Sealer } from './ids.ts'

export const INTERVALS_SEC = [30, 60, 300, 900, 1800, 3600] as const
export interface MonitorInput {
  readonly name: string
  readonly intervalSec: number
  readonly heartbeatGraceSec?: number
  readonly service?: string
  readonly alertLabels?: Readonly<Record<string, string>> | null
  readonly tags?: readonly string[]
}
export interface Monitor {
  readonly id: string
  readonly name: string
  readonly type: 'heartbeat'
  readonly service: string
  readonly intervalSec: number
  readonly heartbeatGraceSec: number
  readonly alertLabels: Readonly<Record<string, string>> | null
  readonly tags: readonly string[]
  readonly status: 'pending' | 'up' | 'down'
  readonly lastHitAt: string | null
  readonly createdAt: string
}

interface Stored {
  id: string
  name: string
  service: string | null
  interval_sec: number
  grace_sec: number
  alert_labels: Record<string, string> | null
  tags: string[]
  status: Monitor['status']
  last_hit_at: Date | null
  created_at: Date
  token_sealed: string
}
const COLUMNS = 'id, name, service, interval_sec, grace_sec, alert_labels, tags, status, last_hit_at, created_at, token_sealed'
const DEFAULT_GRACE_SEC = 30

const toMonitor = (row: Stored): Monitor => ({
  id: row.id,
  name: row.name,
  type: 'heartbeat',
  service: row.service ?? row.name,
  intervalSec: row.interval_sec,
  heartbeatGraceSec: row.grace_sec,
  alertLabels: row.alert_labels,
  tags: row.tags,
  status: row.status,
  lastHitAt: row.last_hit_at?.toISOString() ?? null,
  createdAt: row.created_at.toISOString(),
})
/** An alert named Watchdog always fires: a monitor of that name proves the whole alert chain alive. */
const defaultLabels = (name: string): Record<string, string> | null => (name === 'Watchdog' ? { alertname: 'Watchdog' } : null)
const nameTaken = (error: unknown, name: string): unknown =>
  (error as { code?: string }).code === '23505' ? apiError('MONITOR_NAME_DUPLICATE', `a monitor named ${name} exists`) : error

export interface Monitors {
  /** Those that have every one of the tags. */
  list(tenant: string, tags?: readonly string[]): Promise<Monitor[]>
  get(tenant: string, id: string): Promise<Monitor>
  create(tenant: string, input: MonitorInput, actor: Actor): Promise<Monitor>
  patch(tenant: string, id: string, patch: Partial<MonitorInput>, actor: Actor): Promise<Monitor>
  /** Resolves to the signal of the miss that was open, for its incident to end. */
  remove(tenant: string, id: string, actor: Actor): Promise<string | null>
  rotate(tenant: string, id: string, actor: Actor): Promise<Monitor>
  /** The ping token; each call is audited. */
  secret(tenant: string, id: string, actor: Actor): Promise<string>
}

export const createMonitors = (store: Store, sealer: Sealer): Monitors => {
  const find = async (sql: Sql, tenant: string, id: string): Promise<Stored> => {
    const [row] = await sql.query<Stored>(`SELECT ${COLUMNS} FROM monitors WHERE tenant = $1 AND id = $2`, [tenant, id])
    if (row === undefined) throw apiError('NOT_FOUND', `no monitor ${id}`)
    return row
  }
  /** Whoever changes it meanwhile is waited for. */
  const findToChange = async (sql: Sql, tenant: string, id: string): Promise<Stored> => {
    await sql.query('SELECT 1 FROM monitors WHERE tenant = $1 AND id = $2 FOR UPDATE', [tenant, id])
    return await find(sql, tenant, id)
  }
  const makeToken = (tenant: string, id: string): { hash: string; sealed: string } => {
    const token = randomBytes(32).toString('hex')
    return { hash: sha256(token), sealed: sealer.seal(token, `${tenant}/${id}`) }
  }
  return {
    list: async (tenant, tags = []) =>
      (
        await store.query<Stored>(`SELECT ${COLUMNS} FROM monitors WHERE tenant = $1 AND tags @> $2::jsonb ORDER BY created_at, id`, [
          tenant,
          JSON.stringify(tags),
        ])
      ).map(toMonitor),
    get: async (tenant, id) => toMonitor(await find(store, tenant, id)),
    create: async (tenant, input, actor) => {
      const id = createId('mon')
      const token = makeToken(tenant, id)
      const labels = input.alertLabels === undefined ? defaultLabels(input.name) : input.alertLabels
      return await store
        .transaction(async (sql) => {
          await sql.query(
            `INSERT INTO monitors (id, tenant, name, type, service, interval_sec, grace_sec, alert_labels, token_sha256, token_sealed, tags, created_at, updated_at)
           VALUES ($1, $2, $3, 'heartbeat', $4, $5, $6, $7, $8, $9, $10, now(), now())`,
            [
              id,
              tenant,
              input.name,
              input.service ?? null,
              input.intervalSec,
              input.heartbeatGraceSec ?? DEFAULT_GRACE_SEC,
              labels === null ? null : JSON.stringify(labels),
              token.hash,
              token.sealed,
              JSON.stringify(input.tags ?? []),
            ],
          )
          await appendAudit(sql, actor, {
            tenant,
            action: 'CREATE_MONITOR',
            resource: `monitor:${id}`,
            diff: { name: { from: null, to: input.name }, intervalSec: { from: null, to: input.intervalSec } },
          })
          return toMonitor(await find(sql, tenant, id))
        })
        .catch((error: unknown) => {
          throw nameTaken(error, input.name)
        })
    },
    patch: async (tenant, id, patch, actor) =>
      await store
        .transaction(async (sql) => {
          const before = toMonitor(await findToChange(sql, tenant, id))
          const after = { ...before, ...patch }
          await sql.query(
            'UPDATE monitors SET name = $3, service = $4, interval_sec = $5, grace_sec = $6, alert_labels = $7, tags = $8, updated_at = now() WHERE tenant = $1 AND id = $2',
            [
              tenant,
              id,
              after.name,
              patch.service ?? (before.service === before.name ? null : before.service),
              after.intervalSec,
              after.heartbeatGraceSec,
              after.alertLabels === null ? null : JSON.stringify(after.alertLabels),
              JSON.stringify(after.tags),
            ],
          )
          const diff = Object.fromEntries(Object.entries(patch).map(([key, to]) => [key, { from: before[key as keyof Monitor], to }]))
          await appendAudit(sql, actor, { tenant, action: 'UPDATE_MONITOR', resource: `monitor:${id}`, diff })
          return toMonitor(await find(sql, tenant, id))
        })
        .catch((error: unknown) => {
          throw nameTaken(error, patch.name ?? '')
        }),
    remove: async (tenant, id, actor) => {
      return await store.transaction(async (sql) => {
        const row = await findToChange(sql, tenant, id)
        const [{ miss_id: missId }] = await sql.query<{ miss_id: string | null }>(
          'SELECT miss_id FROM monitors WHERE tenant = $1 AND id = $2',
          [tenant, id],
        )
        await sql.query('DELETE FROM monitors WHERE tenant = $1 AND id = $2', [tenant, id])
        await appendAudit(sql, actor, {
          tenant,
          action: 'DELETE_MONITOR',
          resource: `monitor:${id}`,
          snapshot: { name: row.name, intervalSec: row.interval_sec },
        })
        return missId
      })
    },
    rotate: async (tenant, id, actor) =>
      await store.transaction(async (sql) => {
        await findToChange(sql, tenant, id)
        const token = makeToken(tenant, id)
        await sql.query('UPDATE monitors SET token_sha256 = $3, token_sealed = $4, updated_at = now() WHERE tenant = $1 AND id = $2', [
          tenant,
          id,
          token.hash,
          token.sealed,
        ])
        await appendAudit(sql, actor, {
          tenant,
          action: 'ROTATE_HEARTBEAT_TOKEN',
          resource: `monitor:${id}`,
          diff: { heartbeatToken: { redacted: true } },
        })
        return toMonitor(await find(sql, tenant, id))
      }),
    secret: async (tenant, id, actor) =>
      await store.transaction(async (sql) => {
        const row = await find(sql, tenant, id)
        await appendAudit(sql, actor, { tenant, action: 'READ_MONITOR_SECRETS', resource: `monitor:${id}` })
        return sealer.open(row.token_sealed, `${tenant}/${id}`)
      }),
  }
}
