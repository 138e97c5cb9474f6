// What people and agents do with incidents; each change and its audit row are one transaction.
import type { IncidentRef } from '../../streams/contracts/rca.ts'
import { apiError } from '../errors.ts'
import type { Sql, SqlValue, Store } from '../store/store.ts'
import { appendAudit, type Actor } from './audit.ts'
import {
  addUpdateRow,
  findIncident,
  lockTenant,
  withDetails,
  type Incident,
  type IncidentStatus,
  type StoredIncident,
} from './incident-store.ts'
import { addEvent } from './outbox.ts'
import { pastResolutions } from './resolutions.ts'

export interface IncidentFilter {
  readonly status?: IncidentStatus
  readonly limit: number
  readonly before?: { readonly openedAt: string; readonly id: string }
}
export interface Incidents {
  /** Newest first. */
  list(tenant: string, filter: IncidentFilter): Promise<Incident[]>
  get(tenant: string, id: string): Promise<Incident>
  /** `note` goes onto the timeline in place of the bare state. */
  acknowledge(tenant: string, id: string, actor: Actor, note?: string): Promise<Incident>
  resolve(tenant: string, id: string, actor: Actor, note?: string): Promise<Incident>
  addUpdate(tenant: string, id: string, update: { status?: string; body: string }, actor: Actor): Promise<Incident>
  setPostmortem(tenant: string, id: string, text: string, actor: Actor): Promise<Incident>
  /** For root-cause analysis, with earlier incidents to compare. */
  reference(tenant: string, id: string): Promise<IncidentRef>
}

/** Earlier incidents that one is compared with. */
const PAST = 200

const nameOf = (actor: Actor): string => actor.agentId ?? actor.email

const comment = async (
  sql: Sql,
  { tenant, id }: StoredIncident,
  at: string,
  update: { status?: string; body: string },
  actor: Actor,
): Promise<void> => {
  await addUpdateRow(sql, tenant, id, { at, author: nameOf(actor), status: update.status ?? null, body: update.body })
  await appendAudit(sql, actor, {
    tenant,
    action: 'UPDATE_INCIDENT',
    resource: `incident:${id}`,
    diff: { update: { from: null, to: update.body.slice(0, 200) } },
  })
}

export const createIncidents = (store: Store, clock: () => number): Incidents => {
  const change = async (tenant: string, id: string, run: (sql: Sql, row: StoredIncident, at: string) => Promise<void>): Promise<Incident> =>
    await store.transaction(async (sql) => {
      await lockTenant(sql, tenant)
      const row = await findIncident(sql, tenant, id)
      if (row === undefined) throw apiError('NOT_FOUND', `no incident ${id}`)
      await run(sql, row, new Date(clock()).toISOString())
      return (await withDetails(sql, tenant, [(await findIncident(sql, tenant, id))!]))[0]
    })
  const moveTo =
    (status: IncidentStatus, column: string, action: string) =>
    (tenant: string, id: string, actor: Actor, note?: string): Promise<Incident> =>
      change(tenant, id, async (sql, row, at) => {
        // Said twice is said once; a resolved incident is not acknowledged back to life.
        if (row.status === status || row.status === 'resolved') {
          if (note !== undefined) await comment(sql, row, at, { body: note }, actor)
          return
        }
        await sql.query(`UPDATE incidents SET status = $3, ${column} = $4 WHERE tenant = $1 AND id = $2`, [tenant, id, status, at])
        await addUpdateRow(sql, tenant, id, { at, author: nameOf(actor), status, body: note ?? status })
        if (status === 'resolved') await addEvent(sql, { tenant, type: 'incident.resolved', resource: id })
        await appendAudit(sql, actor, { tenant, action, resource: `incident:${id}`, diff: { status: { from: row.status, to: status } } })
      })
  const get = async (tenant: string, id: string): Promise<Incident> => {
    const row = await findIncident(store, tenant, id)
    if (row === undefined) throw apiError('NOT_FOUND', `no incident ${id}`)
    return (await withDetails(store, tenant, [row]))[0]
  }
  const list = async (tenant: string, filter: IncidentFilter): Promise<Incident[]> => {
    const params: SqlValue[] = [tenant, filter.status ?? null, filter.before?.openedAt ?? null, filter.before?.id ?? '', filter.limit]
    const rows = await store.query<StoredIncident>(
      `SELECT * FROM incidents WHERE tenant = $1 AND ($2::text IS NULL OR status = $2) AND ($3::timestamptz IS NULL OR (opened_at, id) < ($3::timestamptz, $4))
       ORDER BY opened_at DESC, id DESC LIMIT $5`,
      params,
    )
    return await withDetails(store, tenant, rows)
  }
  return {
    list,
    get,
    acknowledge: moveTo('acknowledged', 'acknowledged_at', 'ACKNOWLEDGE_INCIDENT'),
    resolve: moveTo('resolved', 'resolved_at', 'RESOLVE_INCIDENT'),
    addUpdate: (tenant, id, update, actor) => change(tenant, id, (sql, row, at) => comment(sql, row, at, update, actor)),
    setPostmortem: (tenant, id, text, actor) =>
      change(tenant, id, async (sql, row) => {
        await sql.query('UPDATE incidents SET postmortem = $3 WHERE tenant = $1 AND id = $2', [tenant, id, text])
        await appendAudit(sql, actor, {
          tenant,
          action: 'SET_POSTMORTEM',
          resource: `incident:${id}`,
          diff: { postmortem: { from: row.postmortem?.slice(0, 200) ?? null, to: text.slice(0, 200) } },
        })
      }),
    reference: async (tenant, id) => {
      const incident = await get(tenant, id)
      const past = (await list(tenant, { status: 'resolved', limit: PAST })).filter((one) => one.id !== id)
      // What somebody said on purpose goes before what was written along the way.
      const known = new Map(
        (await pastResolutions(store, tenant, PAST))
          .filter((one) => one.id !== id)
          .toReversed()
          .map((one) => [one.id, one]),
      )
      return {
        id,
        tenant,
        openedAtMs: Date.parse(incident.openedAt),
        services: incident.services,
        signals: incident.signals.map((one) => ({
          kind: one.kind,
          id: one.id,
          service: one.service,
          summary: one.summary,
          startedAtMs: Date.parse(one.startedAt),
          endedAtMs: one.endedAt === undefined ? null : Date.parse(one.endedAt),
        })),
        past: [
          ...known.values(),
          ...past
            .filter((one) => !known.has(one.id))
            .map((one) => ({
              id: one.id,
              services: one.services,
              summaries: one.signals.map((signal) => signal.summary),
              // A comment is no cure, least of all ours that its signals have ended.
              resolution: one.postmortem ?? '',
            })),
        ],
      }
    },
  }
}
