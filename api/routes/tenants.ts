// Tenants of the installation, for its super-admin.
import { Type } from 'typebox'
import type { App } from '../app.ts'
import { actorOf } from '../plugins/authentication.ts'
import { tellUndo } from '../plugins/undo.ts'
import type { RouteDeps } from '../ports.ts'
import { errors } from '../schemas/shapes.ts'
import { eventsThisMonth } from '../../clickhouse/queries/tenant-events.ts'
import { createTenant, listTenants } from '../services/tenants.ts'

const Tenant = Type.Object({
  tenant_id: Type.String(),
  name: Type.String(),
  plan: Type.String(),
  created_at: Type.String(),
  events_this_month: Type.Integer(),
})

export const tenantRoutes = (app: App, deps: RouteDeps): void => {
  app.get(
    '/api/v1/tenants',
    {
      schema: {
        operationId: 'listTenants',
        tags: ['account'],
        summary: 'Tenants of this installation',
        response: { 200: Type.Object({ tenants: Type.Array(Tenant) }), ...errors },
      },
    },
    async () => {
      const [tenants, events] = await Promise.all([
        listTenants(deps.store),
        deps.clickhouse.query(eventsThisMonth, { nowMs: deps.clock() }),
      ])
      const byTenant = new Map(events.map((row) => [row.tenant, Number(row.events)]))
      return { tenants: tenants.map((tenant) => ({ ...tenant, events_this_month: byTenant.get(tenant.tenant_id) ?? 0 })) }
    },
  )
  app.post(
    '/api/v1/tenants',
    {
      schema: {
        operationId: 'createTenant',
        tags: ['account'],
        summary: 'Makes a tenant; its contact becomes the owner',
        body: Type.Object(
          {
            tenant_id: Type.String({
              pattern: '^[a-z0-9][a-z0-9-]{0,62}$',
              description: 'lower-case letters, digits, hyphens',
              examples: ['acme-corp'],
            }),
            name: Type.String({ minLength: 1, maxLength: 255 }),
            plan: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
            contact_email: Type.String({ pattern: '^[^@\\s]+@[^@\\s]+$', maxLength: 255, examples: ['ops@acme.test'] }),
          },
          { additionalProperties: false },
        ),
        response: { 201: Type.Object({ tenant_id: Type.String(), created_at: Type.String() }), ...errors },
      },
    },
    async (request, reply) => {
      const { tenant_id: id, name, plan = 'self-hosted', contact_email: contactEmail } = request.body
      const made = await createTenant(deps.store, { id, name, plan, contactEmail }, actorOf(request))
      tellUndo(request, {
        possible: false,
        reason: 'no call deletes a tenant; a new one holds nothing, and nobody acts in it before its owner has a token',
      })
      return reply.code(201).send({ tenant_id: made.tenant_id, created_at: made.created_at })
    },
  )
}
