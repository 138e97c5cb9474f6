// API keys of the caller's tenant.
import { Type } from 'typebox'
import type { App } from '../app.ts'
import { apiError } from '../errors.ts'
import { actorOf, principalOf } from '../plugins/authentication.ts'
import { tellUndo } from '../plugins/undo.ts'
import type { RouteDeps } from '../ports.ts'
import { ApiKey, errors } from '../schemas/shapes.ts'
import { createApiKey, KEY_SCOPES, listApiKeys, revokeApiKey, type KeyScope } from '../services/api-keys.ts'
import { mintedExpiry } from '../services/minting.ts'
import { hasScope } from '../../streams/contracts/principal.ts'

const KeyId = Type.Object({ key_id: Type.String({ minLength: 1, maxLength: 64 }) }, { additionalProperties: false })

export const apiKeyRoutes = (app: App, deps: RouteDeps): void => {
  app.get(
    '/api/v1/apikeys',
    {
      schema: {
        operationId: 'listApiKeys',
        tags: ['account'],
        summary: 'API keys of the tenant, by their prefix only',
        response: { 200: Type.Object({ api_keys: Type.Array(ApiKey) }), ...errors },
      },
    },
    async (request) => ({ api_keys: await listApiKeys(deps.store, principalOf(request).tenant) }) as never,
  )
  app.post(
    '/api/v1/apikeys',
    {
      schema: {
        operationId: 'createApiKey',
        tags: ['account'],
        summary: 'Makes an API key; it is shown this once',
        body: Type.Object(
          {
            name: Type.String({ minLength: 1, maxLength: 255 }),
            scope: Type.Enum(Object.keys(KEY_SCOPES) as KeyScope[], {
              description: 'ingestion = logs:write; readonly = every read; full = *',
            }),
            rate_limit_rps: Type.Optional(
              Type.Unsafe<number | null>({
                type: ['integer', 'null'],
                minimum: 1,
                maximum: 1_000_000,
                description: 'requests per second of all processes; absent or null = no limit of its own',
              }),
            ),
            expires_at: Type.Optional(
              Type.Unsafe<string | null>({ type: ['string', 'null'], maxLength: 40, description: 'RFC 3339; absent or null = never' }),
            ),
          },
          { additionalProperties: false },
        ),
        response: { 201: Type.Intersect([ApiKey, Type.Object({ api_key: Type.String() })]), ...errors },
      },
    },
    async (request, reply) => {
      const principal = principalOf(request)
      const { name, scope, rate_limit_rps: rateLimitRps = null, expires_at: expiresAt = null } = request.body
      // A key cannot do more than whoever makes it.
      const beyond = KEY_SCOPES[scope].find(
        (needed) => !(needed === '*' ? principal.scopes.includes('*') : hasScope(principal.scopes, needed)),
      )
      if (beyond !== undefined)
        throw apiError('PAT_SCOPE_INSUFFICIENT', `the token that asks lacks the scope ${beyond}`, undefined, { required_scopes: [beyond] })
      const made = await createApiKey(
        deps.store,
        {
          tenant: principal.tenant,
          userId: principal.userId,
          name,
          scope,
          rateLimitRps,
          expiresAt: mintedExpiry(principal, expiresAt ?? undefined) ?? null,
        },
        actorOf(request),
        deps.clock(),
      )
      await deps.onCredentialsChanged()
      tellUndo(request, { possible: true, method: 'DELETE', path: `/api/v1/apikeys/${made.key_id}` })
      return reply.code(201).send(made as never)
    },
  )
  app.delete(
    '/api/v1/apikeys/:key_id',
    {
      schema: {
        operationId: 'revokeApiKey',
        tags: ['account'],
        summary: 'Revokes an API key; it fails at once',
        params: KeyId,
        response: { 204: Type.Null(), ...errors },
      },
    },
    async (request, reply) => {
      await revokeApiKey(deps.store, principalOf(request).tenant, request.params.key_id, actorOf(request))
      await deps.onCredentialsChanged()
      tellUndo(request, { possible: false, reason: 'a revoked key stays revoked; POST /api/v1/apikeys makes a new one' })
      return reply.code(204).send(null)
    },
  )
}
