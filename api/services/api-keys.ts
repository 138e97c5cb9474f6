// API keys (`isage_…`): tokens for machines, with one of three fixed sets of scopes and a rate of their own.
import { randomBytes } from 'node:crypto'
import type { Store } from '../store/store.ts'
import type { Actor } from './audit.ts'
import { createId } from './ids.ts'
import { expiryOf, insertToken, revoke } from './token-rows.ts'

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
  const expiresAt = expiryOf('expires_at', input.expiresAt, nowMs)
  const key = `isage_${randomBytes(32).toString('base64url')}`
  const made: ApiKeySummary = {
    key_id: createId('isage_key'),
    name: input.name,
    prefix: key.slice(0, PREFIX_LENGTH),
    scope: input.scope,
    rate_limit_rps: input.rateLimitRps,
    created_at: new Date(nowMs).toISOString(),
    expires_at: expiresAt,
    last_used_at: null,
  }
  const { name, prefix, scope, rate_limit_rps, expires_at } = made
  await store.transaction((sql) =>
    insertToken(
      sql,
      {
        kind: 'api_key',
        id: made.key_id,
        tenant: input.tenant,
        userId: input.userId,
        name,
        prefix,
        token: key,
        scopes: KEY_SCOPES[scope],
        createdAt: made.created_at,
        expiresAt,
        keyScope: scope,
        rateLimitRps: rate_limit_rps,
      },
      { name, scope, rate_limit_rps, expires_at },
      actor,
    ),
  )
  return { ...made, api_key: key }
}

interface Stored {
  id: string
  name: string
  prefix: string
  key_scope: KeyScope
  rate_limit_rps: number | null
  created_at: Date
  expires_at: Date | null
  last_used_at: Date | null
}

export const listApiKeys = async (store: Store, tenant: string): Promise<ApiKeySummary[]> =>
  (
    await store.query<Stored>(
      `SELECT id, name, prefix, key_scope, rate_limit_rps, created_at, expires_at, last_used_at FROM tokens
   WHERE tenant = $1 AND kind = 'api_key' AND revoked_at IS NULL ORDER BY created_at, id`,
      [tenant],
    )
  ).map((row) => ({
    key_id: row.id,
    name: row.name,
    prefix: row.prefix,
    scope: row.key_scope,
    rate_limit_rps: row.rate_limit_rps,
    created_at: row.created_at.toISOString(),
    expires_at: row.expires_at?.toISOString() ?? null,
    last_used_at: row.last_used_at?.toISOString() ?? null,
  }))

/** @throws ApiError NOT_FOUND. */
export const revokeApiKey = (store: Store, tenant: string, id: string, actor: Actor): Promise<void> =>
  revoke(store, 'api_key', tenant, id, actor)
