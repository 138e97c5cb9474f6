// Bearer token → principal → scope AND role, from the one table. The tenant comes from the principal and from nowhere else.
import type { FastifyInstance, FastifyRequest, RouteOptions } from 'fastify'
import { hasScope, type CredentialSnapshot, type Principal, type TokenUse } from '../../streams/contracts/principal.ts'
import type { RateLimiter } from '../../streams/contracts/rate-limiter.ts'
import { apiError } from '../errors.ts'
import { operations, roleLevel, type Access, type OperationId } from '../operations.ts'
import type { Actor } from '../services/audit.ts'
import { toolInProgress } from '../tools/in-progress.ts'
import { labelOf } from './agent-labels.ts'
import { readIdempotencyKey } from './idempotency-key.ts'
import { sha256 } from '../services/ids.ts'

declare module 'fastify' {
  interface FastifyRequest {
    principal: Principal | null
    /** That this request stands for. */ tool: string | null
  }
}

export const accessOf = (route: Pick<RouteOptions, 'schema' | 'url'>): Access => {
  const id = (route.schema as { operationId?: string } | undefined)?.operationId
  if (id === undefined || !(id in operations)) throw new Error(`the route ${route.url} has no entry in the table of operations`)
  return operations[id as OperationId]
}

const bearer = (request: FastifyRequest): string | null => {
  const match = /^bearer +([^\s]+) *$/i.exec(request.headers.authorization ?? '')
  const key = request.headers['x-api-key']
  return match?.[1] ?? (typeof key === 'string' ? key : null)
}

export type Authenticate = (request: FastifyRequest) => Promise<Principal>

export const createAuthenticator = (
  credentials: () => CredentialSnapshot,
  clock: () => number,
  onUse: (use: TokenUse) => void = () => undefined,
  ofJwt: (token: string) => Promise<Principal | null> = async () => null,
): Authenticate => {
  let read: CredentialSnapshot | null = null
  let byHash: ReadonlyMap<string, Principal> = new Map()
  return async (request) => {
    const snapshot = credentials()
    if (snapshot !== read) {
      byHash = new Map(snapshot.tokens)
      read = snapshot
    }
    const token = bearer(request)
    const principal = token === null ? null : (byHash.get(sha256(token)) ?? (await ofJwt(token)))
    if (principal === null || (principal.expiresAtMs !== null && principal.expiresAtMs <= clock()))
      throw apiError('UNAUTHENTICATED', token === null ? 'no token was sent' : 'the token is unknown, expired or revoked')
    if (principal.tokenId !== '') onUse({ tenant: principal.tenant, tokenId: principal.tokenId, atMs: clock() })
    return principal
  }
}

export const authorise = (principal: Principal, access: Exclude<Access, { public: true }>): void => {
  if (access.scope !== '' && !hasScope(principal.scopes, access.scope))
    throw apiError('PAT_SCOPE_INSUFFICIENT', `the token lacks the scope ${access.scope}`, undefined, { required_scopes: [access.scope] })
  if (roleLevel[principal.role] < roleLevel[access.role])
    throw apiError('ROLE_INSUFFICIENT', `this needs the role ${access.role}; the token's owner is ${principal.role}`)
}

export interface ProtectDeps {
  readonly authenticate: Authenticate
  readonly rates: Pick<RateLimiter, 'take'>
  readonly clock: () => number
}

export const protect = (app: FastifyInstance, isLoopback: boolean, { authenticate, rates, clock }: ProtectDeps): void => {
  app.decorateRequest('principal', null)
  app.decorateRequest('tool', null)
  app.addHook('onRequest', async (request) => {
    if (request.is404) return
    request.tool = toolInProgress()
    const access = accessOf({ schema: request.routeOptions.schema, url: request.routeOptions.url ?? '' })
    if ('public' in access || (access.openOnLoopback === true && isLoopback)) return
    const principal = await authenticate(request)
    authorise(principal, access)
    const waitMs = principal.rateLimitRps === undefined ? 0 : rates.take(principal, principal.rateLimitRps, clock())
    if (waitMs > 0) throw apiError('RATE_LIMITED', `the key may be used ${principal.rateLimitRps} times a second`)
    // A delete by an agent needs the whole right, not one that was narrowed for it.
    if (request.method === 'DELETE' && request.headers['x-agent-id'] !== undefined && !principal.scopes.includes('*'))
      throw apiError('PAT_SCOPE_INSUFFICIENT', 'a DELETE with X-Agent-Id needs the scope *', undefined, { required_scopes: ['*'] })
    request.principal = principal
  })
}

/** Of a route that is not public. */
export const principalOf = (request: FastifyRequest): Principal => {
  if (request.principal === null) throw apiError('UNAUTHENTICATED', 'no token was sent')
  return request.principal
}

const callOf = (request: FastifyRequest): Actor['call'] => {
  const key = readIdempotencyKey(request.headers['idempotency-key'])
  const { operationId = '' } = (request.routeOptions.schema ?? {}) as { operationId?: string }
  return {
    operation: operationId,
    ...(request.tool === null ? {} : { tool: request.tool }),
    ...(key === null ? {} : { idempotencyKeyHash: sha256(key).slice(0, 32) }),
  }
}

export const actorOf = (request: FastifyRequest): Actor => {
  const principal = principalOf(request)
  return {
    userId: principal.userId,
    tokenId: principal.tokenId || null,
    email: principal.email,
    agentId: labelOf(request, 'X-Agent-Id'),
    conversationId: labelOf(request, 'X-Conversation-Id'),
    ip: request.ip,
    ua: (request.headers['user-agent'] ?? '').slice(0, 200),
    requestId: request.id,
    call: callOf(request),
  }
}
