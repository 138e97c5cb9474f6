// The memory of what fixed incidents. An entry keeps by what its incident is known again, because signals and messages do not last.
import type { PastIncident } from '../../streams/contracts/rca.ts'
import { apiError } from '../errors.ts'
import type { Sql, Store } from '../store/store.ts'
import { appendAudit, type Actor } from './audit.ts'
import { createId } from './ids.ts'

export interface ResolutionInput {
  readonly incidentId: string
  readonly service?: string
  readonly resolution: string
  readonly resolvedBy?: string
  readonly minutes?: number
  readonly tags?: readonly string[]
}
export interface Resolution {
  readonly id: string
  readonly incidentId: string
  readonly source: 'webhook' | 'postmortem'
  readonly resolution: string
  readonly resolvedBy: string
  readonly minutes: number | null
  readonly tags: readonly string[]
  readonly services: readonly string[]
  readonly createdAt: string
}
/** What is known of an incident when it is remembered. */
export interface Remembered {
  readonly incidentId: string
  readonly services: readonly string[]
  readonly summaries: readonly string[]
  readonly fromMs: number | null
  readonly toMs: number | null
}
/** Messages of the errors of these services in that time. */
export type FindTemplates = (tenant: string, services: readonly string[], fromMs: number, toMs: number) => Promise<readonly string[]>

export interface Resolutions {
  /** Newest first. */
  list(tenant: string, limit: number): Promise<Resolution[]>
  /** @throws ApiError NOT_FOUND when there is neither such an incident nor such a signal. */
  store(tenant: string, input: ResolutionInput, actor: Actor): Promise<string>
  /** Of an incident that is resolved and has a postmortem: remembered in its newest words. Of any other nothing is done. */
  rememberPostmortem(tenant: string, incidentId: string, actor: Actor): Promise<void>
  remove(tenant: string, id: string, actor: Actor): Promise<void>
}

const MAX_TEXT = 4000
interface Row {
  id: string
  incident_id: string
  source: Resolution['source']
  resolution: string
  resolved_by: string
  time_to_recovery_minutes: number | null
  tags: string[]
  services: string[]
  summaries: string[]
  templates: string[]
  created_at: Date
}
const COLUMNS =
  'id, incident_id, source, resolution, resolved_by, time_to_recovery_minutes, tags, services, summaries, templates, created_at'

const rememberedOf = async (sql: Sql, tenant: string, id: string): Promise<Remembered | null> => {
  const signals = await sql.query<{ incident_id: string; service: string; summary: string; started_at: Date; ended_at: Date | null }>(
    `SELECT incident_id, service, summary, started_at, ended_at FROM incident_signals WHERE tenant = $1
       AND incident_id IN (SELECT incident_id FROM incident_signals WHERE tenant = $1 AND (incident_id = $2 OR signal_id = $2)) ORDER BY started_at, signal_id`,
    [tenant, id],
  )
  if (signals.length === 0) return null
  return {
    incidentId: signals[0].incident_id,
    services: [...new Set(signals.map((one) => one.service))],
    summaries: [...new Set(signals.map((one) => one.summary))],
    fromMs: Math.min(...signals.map((one) => one.started_at.getTime())),
    toMs: Math.max(...signals.map((one) => (one.ended_at ?? one.started_at).getTime())),
  }
}

export const pastResolutions = async (sql: Sql, tenant: string, limit: number): Promise<PastIncident[]> =>
  (
    await sql.query<Row>(`SELECT ${COLUMNS} FROM resolutions WHERE tenant = $1 ORDER BY source DESC, created_at DESC, id LIMIT $2`, [
      tenant,
      limit,
    ])
  ).map((row) => ({
    id: row.incident_id,
    services: row.services,
    summaries: row.summaries,
    templates: row.templates,
    resolution: row.resolution,
  }))

export const createResolutions = (store: Store, findTemplates: FindTemplates): Resolutions => {
  const templatesOf = async (tenant: string, known: Remembered): Promise<readonly string[]> =>
    known.fromMs === null || known.toMs === null ? [] : await findTemplates(tenant, known.services, known.fromMs, known.toMs)
  return {
    list: async (tenant, limit) =>
      (
        await store.query<Row>(`SELECT ${COLUMNS} FROM resolutions WHERE tenant = $1 ORDER BY created_at DESC, id DESC LIMIT $2`, [
          tenant,
          limit,
        ])
      ).map((row) => ({
        id: row.id,
        incidentId: row.incident_id,
        source: row.source,
        resolution: row.resolution,
        resolvedBy: row.resolved_by,
        minutes: row.time_to_recovery_minutes,
        tags: row.tags,
        services: row.services,
        createdAt: row.created_at.toISOString(),
      })),
    store: async (tenant, input, actor) => {
      const found = await rememberedOf(store, tenant, input.incidentId)
      if (found === null) throw apiError('NOT_FOUND', `no incident or anomaly ${input.incidentId}`)
      const known =
        input.service === undefined || found.services.includes(input.service)
          ? found
          : { ...found, services: [...found.services, input.service] }
      const templates = await templatesOf(tenant, known)
      const id = createId('kb').replace('_', '-')
      await store.transaction(async (sql) => {
        await sql.query(
          `INSERT INTO resolutions (id, tenant, incident_id, source, resolution, resolved_by, time_to_recovery_minutes, tags, services, summaries, templates) VALUES ($1, $2, $3, 'webhook', $4, $5, $6, $7, $8, $9, $10)`,
          [
            id,
            tenant,
            known.incidentId,
            input.resolution,
            input.resolvedBy ?? actor.agentId ?? actor.email,
            input.minutes ?? null,
            JSON.stringify(input.tags ?? []),
            JSON.stringify(known.services),
            JSON.stringify(known.summaries),
            JSON.stringify(templates),
          ],
        )
        await appendAudit(sql, actor, {
          tenant,
          action: 'STORE_RESOLUTION',
          resource: `resolution:${id}`,
          diff: { resolution: { from: null, to: input.resolution.slice(0, 200) } },
        })
      })
      return id
    },
    rememberPostmortem: async (tenant, incidentId, actor) => {
      const [incident] = await store.query<{ postmortem: string }>(
        "SELECT postmortem FROM incidents WHERE tenant = $1 AND id = $2 AND status = 'resolved' AND postmortem <> ''",
        [tenant, incidentId],
      )
      if (incident === undefined) {
        await store.query("DELETE FROM resolutions WHERE tenant = $1 AND incident_id = $2 AND source = 'postmortem'", [tenant, incidentId])
        return
      }
      const known = await rememberedOf(store, tenant, incidentId)
      if (known === null) return
      await store.query(
        `INSERT INTO resolutions (id, tenant, incident_id, source, resolution, resolved_by, time_to_recovery_minutes, tags, services, summaries, templates) VALUES ($1, $2, $3, 'postmortem', $4, $5, $6, '[]', $7, $8, $9)
         ON CONFLICT (tenant, incident_id) WHERE source = 'postmortem' DO UPDATE SET resolution = excluded.resolution, resolved_by = excluded.resolved_by, services = excluded.services, summaries = excluded.summaries, templates = excluded.templates`,
        [
          createId('kb').replace('_', '-'),
          tenant,
          incidentId,
          incident.postmortem.slice(0, MAX_TEXT),
          actor.agentId ?? actor.email,
          (known.toMs! - known.fromMs!) / 60_000,
          JSON.stringify(known.services),
          JSON.stringify(known.summaries),
          JSON.stringify(await templatesOf(tenant, known)),
        ],
      )
    },
    remove: (tenant, id, actor) =>
      store.transaction(async (sql) => {
        const [row] = await sql.query<{ resolution: string }>(
          'DELETE FROM resolutions WHERE tenant = $1 AND id = $2 RETURNING resolution',
          [tenant, id],
        )
        if (row === undefined) throw apiError('NOT_FOUND', `no resolution ${id}`)
        await appendAudit(sql, actor, {
          tenant,
          action: 'DELETE_RESOLUTION',
          resource: `resolution:${id}`,
          snapshot: { resolution: row.resolution.slice(0, 200) },
        })
      }),
  }
}
