// Personal access tokens: shown once, kept as SHA-256. Revoking keeps the row; authentication with it fails at once.
import { randomBytes } from 'node:crypto'
import { apiError, type ApiError } from '../errors.ts'
import { nearest } from '../nearest.ts'
import type { Store } from '../store/store.ts'
import type { Actor } from './audit.ts'
import { createId } from './ids.ts'
import { expiryOf, insertToken, revoke } from './token-rows.ts'

export interface NewToken {
  readonly tenant: string
  readonly userId: string
  readonly name: string
  readonly scopes?: readonly string[]
  readonly expiresAt?: string
  /** Per UTC day; absent or null = no cap. */
  readonly dailyMutationLimit?: number | null
  readonly dailyLogBytesLimit?: number | null
}
export interface TokenSummary {
  readonly id: string
  readonly name: string
  readonly prefix: string
  readonly scopes: readonly string[]
  readonly dailyMutationLimit: number | null
  readonly dailyLogBytesLimit: number | null
  readonly expiresAt: string | null
  readonly createdAt: string
  /** To the minute. */
  readonly lastUsedAt: string | null
}
export type CreatedToken = TokenSummary & { readonly token: string }

const RESOURCES = [
  'monitors',
  'incidents',
  'status-pages',
  'logs',
  'audit',
  'tokens',
  'maintenance',
  'webhooks',
  'secrets',
  'context',
  'siem',
  'ai-agents',
  'on-call',
  'escalations',
  'anomalies',
  'rca',
  'tickets',
  'changes',
  'agents',
  'deployments',
]
const ACTIONS = ['read', 'write', 'approve', '*']
const everyScope = ['*', ...RESOURCES.flatMap((resource) => ACTIONS.map((action) => `${resource}:${action}`))]
const SCOPE = new RegExp(`^(\\*|(${RESOURCES.join('|')}):(read|write|approve|\\*))$`)

const PREFIX_LENGTH = 12
export const makeToken = (): string => `obs_${randomBytes(32).toString('base64url')}`

const unknownScope = (scope: string): ApiError => {
  const meant = nearest(scope, everyScope)
  return apiError('VALIDATION_FAILED', `no such scope: ${scope}`, [
    {
      path: 'scopes',
      code: 'invalid_scope',
      message: `one of *, or <resource>:read, :write, :* with a resource of ${RESOURCES.join(', ')}`,
      ...(meant === null ? {} : { nearest: meant }),
      example: `POST /api/v1/me/tokens ${JSON.stringify({ name: 'agent', scopes: [meant ?? 'logs:read'] })}`,
    },
  ])
}

/** @throws ApiError VALIDATION_FAILED for a scope that does not exist or an expiry that is past. */
export const createToken = async (store: Store, input: NewToken, actor: Actor, token = makeToken()): Promise<CreatedToken> => {
  const scopes = input.scopes ?? ['*']
  const unknown = scopes.find((scope) => !SCOPE.test(scope))
  if (unknown !== undefined) throw unknownScope(unknown)
  const expiresAt = expiryOf('expiresAt', input.expiresAt ?? null, Date.now())
  const made: TokenSummary = {
    id: createId('pat'),
    name: input.name,
    prefix: token.slice(0, PREFIX_LENGTH),
    scopes,
    dailyMutationLimit: input.dailyMutationLimit ?? null,
    dailyLogBytesLimit: input.dailyLogBytesLimit ?? null,
    expiresAt,
    createdAt: new Date().toISOString(),
    lastUsedAt: null,
  }
  const { name, dailyMutationLimit, dailyLogBytesLimit } = made
  await store.transaction((sql) =>
    insertToken(
      sql,
      { ...made, kind: 'pat', tenant: input.tenant, userId: input.userId, token },
      { name, scopes, dailyMutationLimit, dailyLogBytesLimit, expiresAt },
      actor,
    ),
  )
  return { ...made, token }
}

interface Stored {
  id: string
  name: string
  prefix: string
  scopes: string[]
  daily_mutation_limit: number | null
  daily_log_bytes_limit: number | null
  expires_at: Date | null
  created_at: Date
  last_used_at: Date | null
}
const toSummary = (row: Stored): TokenSummary => ({
  id: row.id,
  name: row.name,
  prefix: row.prefix,
  scopes: row.scopes,
  dailyMutationLimit: row.daily_mutation_limit,
  dailyLogBytesLimit: row.daily_log_bytes_limit,
  expiresAt: row.expires_at?.toISOString() ?? null,
  createdAt: row.created_at.toISOString(),
  lastUsedAt: row.last_used_at?.toISOString() ?? null,
})

export const listTokens = async (store: Store, tenant: string): Promise<TokenSummary[]> =>
  (
    await store.query<Stored>(
      `SELECT id, name, prefix, scopes, daily_mutation_limit, daily_log_bytes_limit, expires_at, created_at, last_used_at FROM tokens
   WHERE tenant = $1 AND kind = 'pat' AND revoked_at IS NULL ORDER BY created_at, id`,
      [tenant],
    )
  ).map(toSummary)

/** @throws ApiError NOT_FOUND. */
export const revokeToken = (store: Store, tenant: string, id: string, actor: Actor): Promise<void> =>
  revoke(store, 'pat', tenant, id, actor)
