// Personal access tokens: `obs_` and 43 base64url characters, shown once, kept as SHA-256. Revoking is soft and final.
import { createHash, randomBytes } from 'node:crypto'
import { hasScope } from '../../streams/contracts/principal.ts'
import { invalidField, problem } from '../errors.ts'
import type { Sql, Store } from '../store/store.ts'
import { type Actor, writeAudit } from './audit.ts'
import { newId } from './ids.ts'

export interface TokenRow {
  readonly id: string
  readonly name: string
  readonly prefix: string
  readonly scopes: readonly string[]
  readonly createdAt: string
  readonly expiresAt: string | null
  readonly lastUsedAt: string | null
  readonly dailyMutationLimit: number | null
  readonly dailyLogBytesLimit: number | null
}

export interface NewToken {
  readonly name: string
  readonly scopes?: readonly string[]
  readonly expiresAt?: string | null
  readonly dailyMutationLimit?: number | null
  readonly dailyLogBytesLimit?: number | null
}

export const SCOPES: readonly string[] = [
  ...['monitors', 'incidents', 'status-pages', 'logs', 'webhooks', 'siem', 'tickets', 'changes', 'agents', 'maintenance', 'on-call', 'escalations', 'tokens']
    .flatMap((resource) => [`${resource}:read`, `${resource}:write`, `${resource}:*`]),
  'audit:read', 'secrets:read', 'context:read', 'ai-agents:read', 'anomalies:read', 'rca:read', 'changes:approve', 'deployments:write', '*',
]

export const hashToken = (token: string): string => createHash('sha256').update(token).digest('hex')
const tokenPrefix = (token: string): string => token.slice(0, 12)

const checkScopes = (actor: Actor, scopes: readonly string[]): void => {
  const unknown = scopes.filter((scope) => !SCOPES.includes(scope))
  if (unknown.length > 0) throw invalidField('scopes', 'invalid_enum_value', `unknown scope ${unknown.join(', ')}`)
  const owned = actor.scopes
  if (owned === null) return
  const grants = (scope: string): boolean => scope === '*' ? owned.includes('*') : scope.endsWith(':*') ? owned.includes(scope) || owned.includes('*') : hasScope(owned, scope)
  const beyond = scopes.filter((scope) => !grants(scope))
  if (beyond.length > 0) throw problem('PAT_SCOPE_INSUFFICIENT', `a token cannot give scopes that it does not have: ${beyond.join(', ')}`)
}

const ownerOf = async (sql: Sql, tenant: string): Promise<string> => {
  const [owner] = await sql.query<{ user_id: string }>(
    `SELECT user_id FROM memberships WHERE tenant = $1 AND role = 'owner' ORDER BY created_at, user_id LIMIT 1`, [tenant])
  if (owner === undefined) throw problem('NOT_FOUND', `the tenant ${tenant} has no owner`)
  return owner.user_id
}

/** Writes a token whose text the caller chose; for the first token and for `createToken`. */
export const insertToken = async (sql: Sql, actor: Actor, token: string, wanted: NewToken, nowMs: number): Promise<string> => {
  const id = newId('pat')
  const scopes = wanted.scopes ?? ['*']
  const userId = actor.userId ?? await ownerOf(sql, actor.tenant)
  await sql.query(
    `INSERT INTO tokens (id, tenant, user_id, name, prefix, sha256, scopes, daily_mutation_limit, daily_log_bytes_limit, created_at, expires_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
    [id, actor.tenant, userId, wanted.name, tokenPrefix(token), hashToken(token), JSON.stringify(scopes), wanted.dailyMutationLimit ?? null,
      wanted.dailyLogBytesLimit ?? null, new Date(nowMs).toISOString(), wanted.expiresAt ?? null])
  await writeAudit(sql, actor, { action: 'CREATE_TOKEN', resource: `token:${id}`, atMs: nowMs, meta: { name: wanted.name, prefix: tokenPrefix(token), scopes: [...scopes], expiresAt: wanted.expiresAt ?? null } })
  return id
}

export interface MadeToken { readonly id: string; readonly name: string; readonly prefix: string; readonly token: string; readonly expiresAt: string | null; readonly createdAt: string }

/** The token belongs to the actor's user; the operator's (null user) to the tenant's owner. */
export const createToken = async (store: Store, actor: Actor, wanted: NewToken, nowMs: number = Date.now()): Promise<MadeToken> => {
  checkScopes(actor, wanted.scopes ?? actor.scopes ?? ['*'])
  const expiresAtMs = wanted.expiresAt == null ? null : Date.parse(wanted.expiresAt)
  if (expiresAtMs !== null && !(expiresAtMs > nowMs)) throw invalidField('expiresAt', 'invalid_date', 'must be an RFC 3339 time in the future')
  const token = `obs_${randomBytes(32).toString('base64url')}`
  const expiresAt = expiresAtMs === null ? null : new Date(expiresAtMs).toISOString()
  const id = await store.transaction((sql) => insertToken(sql, actor, token, { ...wanted, scopes: wanted.scopes ?? actor.scopes ?? ['*'], expiresAt }, nowMs))
  return { id, name: wanted.name, prefix: tokenPrefix(token), token, expiresAt, createdAt: new Date(nowMs).toISOString() }
}

interface StoredToken {
  readonly id: string; readonly name: string; readonly prefix: string; readonly scopes: string[]; readonly created_at: Date; readonly expires_at: Date | null
  readonly last_used_at: Date | null; readonly daily_mutation_limit: number | null; readonly daily_log_bytes_limit: number | null
}

/** The tenant's tokens that are not revoked, newest first; never their text. */
export const listTokens = async (sql: Sql, tenant: string): Promise<TokenRow[]> => {
  const rows = await sql.query<StoredToken>(
    `SELECT id, name, prefix, scopes, created_at, expires_at, last_used_at, daily_mutation_limit, daily_log_bytes_limit
     FROM tokens WHERE tenant = $1 AND revoked_at IS NULL ORDER BY created_at DESC, id LIMIT 1000`, [tenant])
  return rows.map((row) => ({
    id: row.id, name: row.name, prefix: row.prefix, scopes: row.scopes, createdAt: row.created_at.toISOString(), expiresAt: row.expires_at?.toISOString() ?? null,
    lastUsedAt: row.last_used_at?.toISOString() ?? null, dailyMutationLimit: row.daily_mutation_limit, dailyLogBytesLimit: row.daily_log_bytes_limit,
  }))
}

/** @throws NOT_FOUND when the tenant has no such token, or it is revoked already. */
export const revokeToken = (store: Store, actor: Actor, id: string, nowMs: number = Date.now()): Promise<void> =>
  store.transaction(async (sql) => {
    const [row] = await sql.query<{ name: string; prefix: string }>(
      'UPDATE tokens SET revoked_at = $3 WHERE tenant = $1 AND id = $2 AND revoked_at IS NULL RETURNING name, prefix', [actor.tenant, id, new Date(nowMs).toISOString()])
    if (row === undefined) throw problem('NOT_FOUND', 'there is no such token')
    await writeAudit(sql, actor, { action: 'REVOKE_TOKEN', resource: `token:${id}`, atMs: nowMs, meta: { name: row.name, prefix: row.prefix } })
  })
