// Who is here: tenants of the installation, members of a tenant, and what the caller may do.
import { Type } from 'typebox'
import type { App } from '../app.ts'
import { actorOf, principalOf } from '../plugins/authentication.ts'
import type { RouteDeps } from '../ports.ts'
import { errors, NoBody } from '../schemas/shapes.ts'
import { roleLevel } from '../operations.ts'
import { eventsThisMonth } from '../../clickhouse/queries/tenant-events.ts'
import { listMembers, removeMember } from '../services/members.ts'
import { createTenant, listTenants } from '../services/tenants.ts'
import type { Role } from '../../streams/contracts/principal.ts'

const PERMISSIONS: readonly (readonly [permission: string, from: Role])[] = [['read', 'viewer'], ['write', 'member'], ['manage_keys', 'admin'], ['manage_users', 'admin'], ['manage_tenants', 'super-admin']]
const Tenant = Type.Object({ tenant_id: Type.String(), name: Type.String(), plan: Type.String(), created_at: Type.String(), events_this_month: Type.Integer() })
const Member = Type.Object({ userId: Type.String(), email: Type.String(), role: Type.String(), joinedAt: Type.String() })
const UserId = Type.Object({ userId: Type.String({ minLength: 1, maxLength: 64 }) }, { additionalProperties: false })

export const tenantRoutes = (app: App, deps: RouteDeps): void => {
  app.get('/api/v1/rbac/permissions', {
    schema: {
      operationId: 'getPermissions', tags: ['account'], summary: 'What the caller may do: by role, and by the scopes of the token; both must allow',
      response: { 200: Type.Object({ tenant_id: Type.String(), user_id: Type.String(), role: Type.String(), level: Type.Integer(), permissions: Type.Array(Type.String()), scopes: Type.Array(Type.String()) }), ...errors },
    },
  }, async (request) => {
    const { tenant, userId, role, scopes } = principalOf(request)
    const level = roleLevel[role]
    return { tenant_id: tenant, user_id: userId, role, level, permissions: PERMISSIONS.filter(([, from]) => roleLevel[from] <= level).map(([permission]) => permission), scopes: [...scopes] }
  })
  app.get('/api/v1/tenants', { schema: { operationId: 'listTenants', tags: ['account'], summary: 'Tenants of this installation', response: { 200: Type.Object({ tenants: Type.Array(Tenant) }), ...errors } } }, async () => {
    const [tenants, events] = await Promise.all([listTenants(deps.store), deps.clickhouse.query(eventsThisMonth, { nowMs: deps.clock() })])
    const byTenant = new Map(events.map((row) => [row.tenant, Number(row.events)]))
    return { tenants: tenants.map((tenant) => ({ ...tenant, events_this_month: byTenant.get(tenant.tenant_id) ?? 0 })) }
  })
  app.post('/api/v1/tenants', {
    schema: {
      operationId: 'createTenant', tags: ['account'], summary: 'Makes a tenant; its contact becomes the owner',
      body: Type.Object({
        tenant_id: Type.String({ pattern: '^[a-z0-9][a-z0-9-]{0,62}$', description: 'lower-case letters, digits, hyphens', examples: ['acme-corp'] }), name: Type.String({ minLength: 1, maxLength: 255 }),
        plan: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })), contact_email: Type.String({ pattern: '^[^@\\s]+@[^@\\s]+$', maxLength: 255, examples: ['ops@acme.test'] }),
      }, { additionalProperties: false }),
      response: { 201: Type.Object({ tenant_id: Type.String(), created_at: Type.String() }), ...errors },
    },
  }, async (request, reply) => {
    const { tenant_id: id, name, plan = 'self-hosted', contact_email: contactEmail } = request.body
    const made = await createTenant(deps.store, { id, name, plan, contactEmail }, actorOf(request))
    return reply.code(201).send({ tenant_id: made.tenant_id, created_at: made.created_at })
  })
  app.get('/api/v1/me/members', { schema: { operationId: 'listMembers', tags: ['account'], summary: 'Members of the tenant with their roles', response: { 200: Type.Object({ members: Type.Array(Member) }), ...errors } } },
    async (request) => ({ members: await listMembers(deps.store, principalOf(request).tenant) }))
  app.delete('/api/v1/me/members/:userId', {
    schema: { operationId: 'removeMember', tags: ['account'], summary: 'Removes a member; every token of his fails at once', params: UserId, body: NoBody, response: { 204: Type.Null(), ...errors } },
  }, async (request, reply) => {
    await removeMember(deps.store, principalOf(request).tenant, request.params.userId, actorOf(request))
    await deps.onCredentialsChanged()
    return reply.code(204).send(null)
  })
}
