// Tenants of this installation: made and listed by whoever runs it. A new one has an owner, so that a token can be made for it.
import { apiError } from '../errors.ts'
import type { Store } from '../store/store.ts'
import { appendAudit, type Actor } from './audit.ts'
import { createId } from './ids.ts'

export interface NewTenant {
  readonly id: string
  readonly name: string
  readonly plan: string
  readonly contactEmail: string
}
export interface Tenant {
  readonly tenant_id: string
  readonly name: string
  readonly plan: string
  readonly created_at: string
}

export const listTenants = async (store: Store): Promise<Tenant[]> =>
  (
    await store.query<{ id: string; name: string; plan: string; created_at: Date }>(
      'SELECT id, name, plan, created_at FROM tenants ORDER BY created_at, id',
    )
  ).map((row) => ({ tenant_id: row.id, name: row.name, plan: row.plan, created_at: row.created_at.toISOString() }))

/** The contact becomes the owner; one who is known here keeps his user. @throws ApiError TENANT_DUPLICATE. */
export const createTenant = async (store: Store, input: NewTenant, actor: Actor): Promise<Tenant> =>
  await store.transaction(async (sql) => {
    const [made] = await sql.query<{ created_at: Date }>(
      'INSERT INTO tenants (id, name, plan, contact_email) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING RETURNING created_at',
      [input.id, input.name, input.plan, input.contactEmail],
    )
    if (made === undefined) throw apiError('TENANT_DUPLICATE', `a tenant ${input.id} exists`)
    const [owner] = await sql.query<{ id: string }>(
      'INSERT INTO users (id, email) VALUES ($1, $2) ON CONFLICT (email) DO UPDATE SET email = excluded.email RETURNING id',
      [createId('user'), input.contactEmail],
    )
    await sql.query("INSERT INTO memberships (tenant, user_id, role) VALUES ($1, $2, 'owner')", [input.id, owner.id])
    await appendAudit(sql, actor, {
      tenant: input.id,
      action: 'CREATE_TENANT',
      resource: `tenant:${input.id}`,
      diff: { name: { from: null, to: input.name }, plan: { from: null, to: input.plan } },
    })
    return { tenant_id: input.id, name: input.name, plan: input.plan, created_at: made.created_at.toISOString() }
  })
