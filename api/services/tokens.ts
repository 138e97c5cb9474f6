// Personal access tokens: shown once, kept as SHA-256. Revoking keeps the row; authentication with it fails at once.
import { randomBytes } from 'node:crypto'
import { apiError, type ApiError } from '../errors.ts'
import { nearest } from '../nearest.ts'
import type { Store } from '../store/store.ts'
import { appendAudit, type Actor } from './audit.ts'
import { createId, sha256 } from './ids.ts'

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

const RESOURCES = ['monitors', 'incidents', 'status-pages', 'logs', 'audit', 'tokens', 'maintenance', 'webhooks', 'secrets', 'context', 'siem', 'ai-agents', 'on-call', 'escalations', 'anomalies', 'rca', 'tickets', 'changes', 'agents', 'deployments']
const ACTIONS = ['read', 'write', 'approve', '*']
const everyScope = ['*', ...RESOURCES.flatMap((resource) => ACTIONS.map((action) => `${resource}:${action}`))]
const SCOPE = new RegExp(`^(\\*|(${RESOURCES.join('|')}):(read|write|approve|\\*))$`)

const PREFIX_LENGTH = 12
export const makeToken = (): string => `obs_${randomBytes(32).toString('base64url')}`

/** What the audit trail tells of a new token: what it may do, and the caps that it has. */
const toDiff = (made: TokenSummary): Record<string, { from: null; to: unknown }> => Object.fromEntries(
  (['name', 'scopes', 'dailyMutationLimit', 'dailyLogBytesLimit', 'expiresAt'] as const).filter((field) => made[field] !== null).map((field) => [field, { from: null, to: made[field] }]))

const unknownScope = (scope: string): ApiError => {
  const meant = nearest(scope, everyScope)
  return apiError('VALIDATION_FAILED', `no such scope: ${scope}`, [{
    path: 'scopes', code: 'invalid_scope', message: `one of *, or <resource>:read, :write, :* with a resource of ${RESOURCES.join(', ')}`,
    ...(meant === null ? {} : { nearest: meant }), example: `POST /api/v1/me/tokens ${JSON.stringify({ name: 'agent', scopes: [meant ?? 'logs:read'] })}`,
  }])
}

/** @throws ApiError VALIDATION_FAILED for a scope that does not exist or an expiry that is past. */
export const createToken = async (store: Store, input: NewToken, actor: Actor, token = makeToken()): Promise<CreatedToken> => {
  const scopes = input.scopes ?? ['*']
  const unknown = scopes.find((scope) => !SCOPE.test(scope))
  if (unknown !== undefined) throw unknownScope(unknown)
  const expires = input.expiresAt === undefined ? null : new Date(input.expiresAt)
  if (expires !== null && !(expires.getTime() > Date.now() && expires.getUTCFullYear() < 10_000)) throw apiError('VALIDATION_FAILED', 'expiresAt is not a time in the future', [{ path: 'expiresAt', code: 'invalid_date', message: 'an RFC 3339 time in the future' }])
  const made: TokenSummary = {
    id: createId('pat'), name: input.name, prefix: token.slice(0, PREFIX_LENGTH), scopes, dailyMutationLimit: input.dailyMutationLimit ?? null, dailyLogBytesLimit: input.dailyLogBytesLimit ?? null,
    expiresAt: expires?.toISOString() ?? null, createdAt: new Date().toISOString(), lastUsedAt: null,
  }
  await store.transaction(async (sql) => {
    await sql.query(
      `INSERT INTO tokens (id, tenant, user_id, name, prefix, sha256, scopes, created_at, expires_at, daily_mutation_limit, daily_log_bytes_limit)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
      [made.id, input.tenant, input.userId, made.name, made.prefix, sha256(token), JSON.stringify(scopes), made.createdAt, made.expiresAt, made.dailyMutationLimit, made.dailyLogBytesLimit])
    await appendAudit(sql, actor, { tenant: input.tenant, action: 'CREATE_TOKEN', resource: `token:${made.id}`, diff: toDiff(made) })
  })
  return { ...made, token }
}

interface Stored {
  id: string; name: string; prefix: string; scopes: string[]; daily_mutation_limit: number | null; daily_log_bytes_limit: number | null
  expires_at: Date | null; created_at: Date; last_used_at: Date | null
}
const toSummary = (row: Stored): TokenSummary => ({
  id: row.id, name: row.name, prefix: row.prefix, scopes: row.scopes, dailyMutationLimit: row.daily_mutation_limit, dailyLogBytesLimit: row.daily_log_bytes_limit,
  expiresAt: row.expires_at?.toISOString() ?? null, createdAt: row.created_at.toISOString(), lastUsedAt: row.last_used_at?.toISOString() ?? null,
})

export const listTokens = async (store: Store, tenant: string): Promise<TokenSummary[]> => (await store.query<Stored>(
  `SELECT id, name, prefix, scopes, daily_mutation_limit, daily_log_bytes_limit, expires_at, created_at, last_used_at FROM tokens
   WHERE tenant = $1 AND kind = 'pat' AND revoked_at IS NULL ORDER BY created_at, id`, [tenant])).map(toSummary)

/** @throws ApiError NOT_FOUND. */
export const revokeToken = async (store: Store, tenant: string, id: string, actor: Actor): Promise<void> => {
  await store.transaction(async (sql) => {
    const rows = await sql.query<{ name: string; prefix: string }>(
      "UPDATE tokens SET revoked_at = now() WHERE tenant = $1 AND id = $2 AND kind = 'pat' AND revoked_at IS NULL RETURNING name, prefix", [tenant, id])
    if (rows.length === 0) throw apiError('NOT_FOUND', `no token ${id}`)
    await appendAudit(sql, actor, { tenant, action: 'REVOKE_TOKEN', resource: `token:${id}`, snapshot: rows[0] })
  })
}
