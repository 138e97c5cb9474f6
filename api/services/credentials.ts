// The credentials in memory: what the API and ingest look tokens up in. Read whole from the store after every change, so a
// revocation holds as soon as the call that made it is answered.
import type { CredentialSnapshot, Principal, Role } from '../../streams/contracts/principal.ts'
import type { Sql } from '../store/store.ts'

interface TokenRow { readonly id: string; readonly tenant: string; readonly user_id: string; readonly email: string; readonly role: Role; readonly sha256: string; readonly scopes: string[]; readonly expires_at: Date | null }

export const loadCredentials = async (sql: Sql, nowMs: number = Date.now()): Promise<CredentialSnapshot> => {
  const tokens = await sql.query<TokenRow>(
    `SELECT t.id, t.tenant, t.user_id, u.email, m.role, t.sha256, t.scopes, t.expires_at
     FROM tokens t JOIN memberships m ON m.tenant = t.tenant AND m.user_id = t.user_id JOIN users u ON u.id = t.user_id
     WHERE t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > $1)`, [new Date(nowMs).toISOString()])
  const heartbeats = await sql.query<{ id: string; tenant: string; token_sha256: string }>('SELECT id, tenant, token_sha256 FROM monitors')
  return {
    tokens: tokens.map((row): readonly [string, Principal] => [row.sha256, {
      tenant: row.tenant, userId: row.user_id, email: row.email, role: row.role, tokenId: row.id, scopes: row.scopes, expiresAtMs: row.expires_at?.getTime() ?? null,
    }]),
    heartbeats: heartbeats.map((row) => [row.token_sha256, { monitorId: row.id, tenant: row.tenant }]),
  }
}
