// API keys (`isage_…`): tokens for machines, with one of three fixed sets of scopes and a rate of their own. Shown once,
// kept as SHA-256; revoking keeps the row.
import { randomBytes } from 'node:crypto'
import { apiError } from '../errors.ts'
import type { Store } from '../store/store.ts'
import { appendAudit, type Actor } from './audit.ts'
import { createId, sha256 } from './ids.ts'

export const KEY_SCOPES = {
  ingestion: ['logs:write'],
  readonly: ['logs:read', 'anomalies:read', 'rca:read', 'incidents:read', 'context:read', 'monitors:read'],
  full: ['*'],
} as const
export type KeyScope = keyof typeof KEY_SCOPES

export interface NewApiKey {
  readonly tenant: string
  readonly userId: string
  readonly name: string
  readonly scope: KeyScope
  /** Requests per second; null = no limit of its own. */
  readonly rateLimitRps: number | null
  readonly expiresAt: string | null
}
export interface ApiKeySummary {
  readonly key_id: string
  readonly name: string
  readonly prefix: string
  readonly scope: KeyScope
  readonly rate_limit_rps: number | null
  readonly created_at: string
  readonly expires_at: string | null
  /** To the minute. */
  readonly last_used_at: string | null
}
export type CreatedApiKey = ApiKeySummary & { readonly api_key: string }

const PREFIX_LENGTH = 'isage_'.length + 8

/** @throws ApiError VALIDATION_FAILED for an expiry that is past or no time. */
export const createApiKey = async (store: Store, input: NewApiKey, actor: Actor, nowMs: number): Promise<CreatedApiKey> => {
  const expiresMs = input.expiresAt === null ? null : Date.parse(input.expiresAt)
  if (expiresMs !== null && !(expiresMs > nowMs)) throw apiError('VALIDATION_FAILED', 'expires_at is not a time in the future', [{ path: 'expires_at', code: 'invalid_date', message: 'an RFC 3339 time in the future' }])
  const key = `isage_${randomBytes(32).toString('base64url')}`
  const made: ApiKeySummary = {
    key_id: createId('isage_key'), name: input.name, prefix: key.slice(0, PREFIX_LENGTH), scope: input.scope, rate_limit_rps: input.rateLimitRps,
    created_at: new Date(nowMs).toISOString(), expires_at: expiresMs === null ? null : new Date(expiresMs).toISOString(), last_used_at: null,
  }
  await store.transaction(async (sql) => {
    await sql.query(
      `INSERT INTO tokens (id, tenant, user_id, name, prefix, sha256, scopes, created_at, expires_at, kind, key_scope, rate_limit_rps)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'api_key', $10, $11)`,
      [made.key_id, input.tenant, input.userId, made.name, made.prefix, sha256(key), JSON.stringify(KEY_SCOPES[made.scope]), made.created_at, made.expires_at, made.scope, made.rate_limit_rps])
    const diff = Object.fromEntries((['name', 'scope', 'rate_limit_rps', 'expires_at'] as const).filter((field) => made[field] !== null).map((field) => [field, { from: null, to: made[field] }]))
    await appendAudit(sql, actor, { tenant: input.tenant, action: 'CREATE_API_KEY', resource: `api_key:${made.key_id}`, diff })
  })
  return { ...made, api_key: key }
}

interface Stored { id: string; name: string; prefix: string; key_scope: KeyScope; rate_limit_rps: number | null; created_at: Date; expires_at: Date | null; last_used_at: Date | null }

export const listApiKeys = async (store: Store, tenant: string): Promise<ApiKeySummary[]> => (await store.query<Stored>(
  `SELECT id, name, prefix, key_scope, rate_limit_rps, created_at, expires_at, last_used_at FROM tokens
   WHERE tenant = $1 AND kind = 'api_key' AND revoked_at IS NULL ORDER BY created_at, id`, [tenant])).map((row) => ({
  key_id: row.id, name: row.name, prefix: row.prefix, scope: row.key_scope, rate_limit_rps: row.rate_limit_rps,
  created_at: row.created_at.toISOString(), expires_at: row.expires_at?.toISOString() ?? null, last_used_at: row.last_used_at?.toISOString() ?? null,
}))

/** @throws ApiError NOT_FOUND. */
export const revokeApiKey = async (store: Store, tenant: string, id: string, actor: Actor): Promise<void> => {
  await store.transaction(async (sql) => {
    const rows = await sql.query<{ name: string; prefix: string }>(
      "UPDATE tokens SET revoked_at = now() WHERE tenant = $1 AND id = $2 AND kind = 'api_key' AND revoked_at IS NULL RETURNING name, prefix", [tenant, id])
    if (rows.length === 0) throw apiError('NOT_FOUND', `no API key ${id}`)
    await appendAudit(sql, actor, { tenant, action: 'REVOKE_API_KEY', resource: `api_key:${id}`, snapshot: rows[0] })
  })
}
