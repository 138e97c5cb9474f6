// Rows of credentials that are shown once: personal access tokens and API keys are one table, looked up by their SHA-256.
// Revoking keeps the row; authentication with it fails at once.
import { apiError } from '../errors.ts'
import { toInstant } from '../instant.ts'
import type { Sql, Store } from '../store/store.ts'
import { appendAudit, type Actor } from './audit.ts'
import { sha256 } from './ids.ts'

const KINDS = {
  pat: { what: 'token', created: 'CREATE_TOKEN', revoked: 'REVOKE_TOKEN' },
  api_key: { what: 'API key', created: 'CREATE_API_KEY', revoked: 'REVOKE_API_KEY' },
} as const
export type TokenKind = keyof typeof KINDS
const resourceOf = (kind: TokenKind, id: string): string => `${kind === 'pat' ? 'token' : kind}:${id}`

export interface NewTokenRow {
  readonly kind: TokenKind
  readonly id: string
  readonly tenant: string
  readonly userId: string
  readonly name: string
  readonly prefix: string
  /** In plain text: only its hash is stored. */
  readonly token: string
  readonly scopes: readonly string[]
  readonly createdAt: string
  readonly expiresAt: string | null
  readonly dailyMutationLimit?: number | null
  readonly dailyLogBytesLimit?: number | null
  readonly keyScope?: string
  readonly rateLimitRps?: number | null
}

/** @throws ApiError VALIDATION_FAILED, naming `path`, for what is no time in the future that a store can hold. */
export const expiryOf = (path: string, text: string | null, nowMs: number): string | null => {
  if (text === null) return null
  const expiresMs = toInstant(text)
  if (expiresMs > nowMs) return new Date(expiresMs).toISOString()
  throw apiError('VALIDATION_FAILED', `${path} is not a time in the future`, [
    { path, code: 'invalid_date', message: 'an RFC 3339 time with a zone, in the future', example: '2031-01-31T12:00:00Z' },
  ])
}

/** @param told what the audit trail tells of it; fields without a value are left out. */
export const insertToken = async (sql: Sql, row: NewTokenRow, told: Readonly<Record<string, unknown>>, actor: Actor): Promise<void> => {
  await sql.query(
    `INSERT INTO tokens (id, tenant, user_id, name, prefix, sha256, scopes, created_at, expires_at, daily_mutation_limit, daily_log_bytes_limit, kind, key_scope, rate_limit_rps)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
    [
      row.id,
      row.tenant,
      row.userId,
      row.name,
      row.prefix,
      sha256(row.token),
      JSON.stringify(row.scopes),
      row.createdAt,
      row.expiresAt,
      row.dailyMutationLimit ?? null,
      row.dailyLogBytesLimit ?? null,
      row.kind,
      row.keyScope ?? null,
      row.rateLimitRps ?? null,
    ],
  )
  const diff = Object.fromEntries(
    Object.entries(told)
      .filter(([, value]) => value !== null)
      .map(([field, value]) => [field, { from: null, to: value }]),
  )
  await appendAudit(sql, actor, { tenant: row.tenant, action: KINDS[row.kind].created, resource: resourceOf(row.kind, row.id), diff })
}

/** @throws ApiError NOT_FOUND, for a credential of the other kind too. */
export const revoke = async (store: Store, kind: TokenKind, tenant: string, id: string, actor: Actor): Promise<void> => {
  await store.transaction(async (sql) => {
    const rows = await sql.query<{ name: string; prefix: string }>(
      'UPDATE tokens SET revoked_at = now() WHERE tenant = $1 AND id = $2 AND kind = $3 AND revoked_at IS NULL RETURNING name, prefix',
      [tenant, id, kind],
    )
    if (rows.length === 0) throw apiError('NOT_FOUND', `no ${KINDS[kind].what} ${id}`)
    await appendAudit(sql, actor, { tenant, action: KINDS[kind].revoked, resource: resourceOf(kind, id), snapshot: rows[0] })
  })
}
