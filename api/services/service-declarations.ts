// What people said of their services: whose they are and what they depend on. It names owners in blast radii and joins the graph of calls.
import type { Topology } from '../../streams/contracts/rca.ts'
import { apiError } from '../errors.ts'
import type { Sql, Store } from '../store/store.ts'
import { appendAudit, type Actor } from './audit.ts'

/** Null and none: nobody has said. */
export interface Declaration {
  readonly owner: string | null
  readonly description: string | null
  readonly dependsOn: readonly string[]
}
export interface KeptDeclaration extends Declaration {
  readonly service: string
  readonly updatedBy: string
  readonly updatedAt: string
}
export interface DeclarationFilter {
  readonly owner?: string
  /** Names behind this one. */ readonly after?: string
  readonly limit: number
}

export interface ServiceDeclarations {
  /** By name. */
  list(tenant: string, filter: DeclarationFilter): Promise<KeptDeclaration[]>
  find(tenant: string, service: string): Promise<KeptDeclaration | null>
  /** Who says to depend on it; 100 at most. */
  dependents(tenant: string, service: string): Promise<string[]>
  /** In place of what was said before. */
  put(tenant: string, service: string, declaration: Declaration, actor: Actor): Promise<KeptDeclaration>
  /** @throws ApiError NOT_FOUND. */
  remove(tenant: string, service: string, actor: Actor): Promise<void>
}

/** As many as have series of their own. */
const MAX_SERVICES = 2000
const MAX_DEPENDENCIES = 10_000
interface Row {
  service: string
  owner: string | null
  description: string | null
  depends_on: string[]
  author: string
  updated_at: Date
}

const toKept = (row: Row): KeptDeclaration => ({
  service: row.service,
  owner: row.owner,
  description: row.description,
  dependsOn: row.depends_on,
  updatedBy: row.author,
  updatedAt: row.updated_at.toISOString(),
})
const fieldsOf = (kept: KeptDeclaration | null): Declaration => ({
  owner: kept?.owner ?? null,
  description: kept?.description ?? null,
  dependsOn: kept?.dependsOn ?? [],
})
const resourceOf = (service: string): string => `service:${service}`

/** For root-cause analysis: everything of a tenant, which is bounded. */
export const createTopology =
  (store: Store) =>
  async (tenant: string): Promise<Topology> => {
    const rows = await store.query<Pick<Row, 'service' | 'owner' | 'depends_on'>>(
      'SELECT service, owner, depends_on FROM service_declarations WHERE tenant = $1 ORDER BY service',
      [tenant],
    )
    return {
      owners: new Map(rows.flatMap(({ service, owner }) => (owner === null ? [] : [[service, owner] as const]))),
      declared: rows.flatMap(({ service, depends_on }) => depends_on.map((to) => ({ from: service, to }))),
    }
  }

export const createServiceDeclarations = (store: Store): ServiceDeclarations => {
  const findIn = async (sql: Sql, tenant: string, service: string): Promise<KeptDeclaration | null> => {
    const [row] = await sql.query<Row>(
      'SELECT service, owner, description, depends_on, author, updated_at FROM service_declarations WHERE tenant = $1 AND service = $2',
      [tenant, service],
    )
    return row === undefined ? null : toKept(row)
  }
  /** Every analysis reads all of a tenant's. */
  const checkRoom = async (sql: Sql, tenant: string, service: string, { dependsOn }: Declaration): Promise<void> => {
    const [{ services, dependencies }] = await sql.query<{ services: number; dependencies: number }>(
      'SELECT count(*)::int AS services, coalesce(sum(jsonb_array_length(depends_on)), 0)::int AS dependencies FROM service_declarations WHERE tenant = $1 AND service <> $2',
      [tenant, service],
    )
    if (services >= MAX_SERVICES)
      throw apiError('VALIDATION_FAILED', `${services} services are declared`, [
        { path: 'service', code: 'too_many', message: `at most ${MAX_SERVICES} of a tenant` },
      ])
    if (dependencies + dependsOn.length > MAX_DEPENDENCIES)
      throw apiError('VALIDATION_FAILED', `${dependencies} dependencies are declared`, [
        { path: 'dependsOn', code: 'too_many', message: `at most ${MAX_DEPENDENCIES} of a tenant` },
      ])
  }
  return {
    list: async (tenant, { owner, after = '', limit }) =>
      (
        await store.query<Row>(
          `SELECT service, owner, description, depends_on, author, updated_at FROM service_declarations
       WHERE tenant = $1 AND ($2::text IS NULL OR owner = $2) AND service COLLATE "C" > $3 ORDER BY service COLLATE "C" LIMIT $4`,
          [tenant, owner ?? null, after, limit],
        )
      ).map(toKept),
    find: (tenant, service) => findIn(store, tenant, service),
    dependents: async (tenant, service) =>
      (
        await store.query<{ service: string }>(
          'SELECT service FROM service_declarations WHERE tenant = $1 AND depends_on ? $2 ORDER BY service LIMIT 100',
          [tenant, service],
        )
      ).map((row) => row.service),
    put: (tenant, service, declaration, actor) =>
      store.transaction(async (sql) => {
        const kept = await findIn(sql, tenant, service)
        await checkRoom(sql, tenant, service, declaration)
        const before = fieldsOf(kept)
        await sql.query(
          `INSERT INTO service_declarations (tenant, service, owner, description, depends_on, author, updated_at) VALUES ($1, $2, $3, $4, $5, $6, now())
         ON CONFLICT (tenant, service) DO UPDATE SET owner = excluded.owner, description = excluded.description, depends_on = excluded.depends_on, author = excluded.author, updated_at = excluded.updated_at`,
          [
            tenant,
            service,
            declaration.owner,
            declaration.description,
            JSON.stringify(declaration.dependsOn),
            actor.agentId ?? actor.email,
          ],
        )
        const changed = (Object.keys(before) as (keyof Declaration)[]).filter(
          (field) => JSON.stringify(declaration[field]) !== JSON.stringify(before[field]),
        )
        await appendAudit(sql, actor, {
          tenant,
          action: 'DECLARE_SERVICE',
          resource: resourceOf(service),
          diff: Object.fromEntries(changed.map((field) => [field, { from: before[field], to: declaration[field] }])),
        })
        return (await findIn(sql, tenant, service))!
      }),
    remove: (tenant, service, actor) =>
      store.transaction(async (sql) => {
        const before = await findIn(sql, tenant, service)
        if (before === null) throw apiError('NOT_FOUND', `nothing is declared of ${service}`)
        await sql.query('DELETE FROM service_declarations WHERE tenant = $1 AND service = $2', [tenant, service])
        await appendAudit(sql, actor, {
          tenant,
          action: 'WITHDRAW_SERVICE',
          resource: resourceOf(service),
          snapshot: { ...fieldsOf(before) },
        })
      }),
  }
}
