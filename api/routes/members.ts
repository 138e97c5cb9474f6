// Members of the caller's tenant, and what the caller may do.
import { Type } from 'typebox'
import type { App } from '../app.ts'
import { roleLevel } from '../operations.ts'
import { actorOf, principalOf } from '../plugins/authentication.ts'
import { tellUndo } from '../plugins/undo.ts'
import type { RouteDeps } from '../ports.ts'
import { errors, NoBody } from '../schemas/shapes.ts'
import { listMembers, removeMember } from '../services/members.ts'
import type { Role } from '../../streams/contracts/principal.ts'

const PERMISSIONS: readonly (readonly [permission: string, from: Role])[] = [
  ['read', 'viewer'],
  ['write', 'member'],
  ['manage_keys', 'admin'],
  ['manage_users', 'admin'],
  ['manage_tenants', 'super-admin'],
]
const Member = Type.Object({ userId: Type.String(), email: Type.String(), role: Type.String(), joinedAt: Type.String() })
const UserId = Type.Object({ userId: Type.String({ minLength: 1, maxLength: 64 }) }, { additionalProperties: false })

export const memberRoutes = (app: App, deps: RouteDeps): void => {
  app.get(
    '/api/v1/rbac/permissions',
    {
      schema: {
        operationId: 'getPermissions',
        tags: ['account'],
        summary: 'What the caller may do: by role, and by the scopes of the token; both must allow',
        response: {
          200: Type.Object({
            tenant_id: Type.String(),
            user_id: Type.String(),
            role: Type.String(),
            level: Type.Integer(),
            permissions: Type.Array(Type.String()),
            scopes: Type.Array(Type.String()),
          }),
          ...errors,
        },
      },
    },
    async (request) => {
      const { tenant, userId, role, scopes } = principalOf(request)
      const level = roleLevel[role]
      return {
        tenant_id: tenant,
        user_id: userId,
        role,
        level,
        permissions: PERMISSIONS.filter(([, from]) => roleLevel[from] <= level).map(([permission]) => permission),
        scopes: [...scopes],
      }
    },
  )
  app.get(
    '/api/v1/me/members',
    {
      schema: {
        operationId: 'listMembers',
        tags: ['account'],
        summary: 'Members of the tenant with their roles',
        response: { 200: Type.Object({ members: Type.Array(Member) }), ...errors },
      },
    },
    async (request) => ({ members: await listMembers(deps.store, principalOf(request).tenant) }),
  )
  app.delete(
    '/api/v1/me/members/:userId',
    {
      schema: {
        operationId: 'removeMember',
        tags: ['account'],
        summary: 'Removes a member; every token of his fails at once',
        params: UserId,
        body: NoBody,
        response: { 204: Type.Null(), ...errors },
      },
    },
    async (request, reply) => {
      await removeMember(deps.store, principalOf(request).tenant, request.params.userId, actorOf(request))
      tellUndo(request, {
        possible: false,
        reason: 'a member who was removed stays removed, and his tokens with him: there is no call that lets him in again',
      })
      await deps.onCredentialsChanged()
      return reply.code(204).send(null)
    },
  )
}
