// What ingest and the API authenticate against: a snapshot of every credential that is valid now, read at each change.
import type { CredentialSnapshot, HeartbeatTarget, Principal, Role } from '../../streams/contracts/principal.ts'
import type { Store } from '../store/store.ts'

interface StoredToken {
  id: string
  tenant: string
  user_id: string
  email: string
  role: Role
  sha256: string
  scopes: string[]
  expires_at: Date | null
  rate_limit_rps: number | null
  daily_mutation_limit: number | null
  daily_log_bytes_limit: number | null
}

export const loadCredentials = async (store: Store): Promise<CredentialSnapshot> => {
  const tokens = await store.query<StoredToken>(
    `SELECT t.id, t.tenant, t.user_id, u.email, m.role, t.sha256, t.scopes, t.expires_at, t.rate_limit_rps, t.daily_mutation_limit, t.daily_log_bytes_limit FROM tokens t
     JOIN memberships m ON m.tenant = t.tenant AND m.user_id = t.user_id JOIN users u ON u.id = t.user_id
     WHERE t.revoked_at IS NULL AND m.removed_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > now())`,
  )
  const heartbeats = await store.query<{ id: string; tenant: string; token_sha256: string }>(
    'SELECT id, tenant, token_sha256 FROM monitors',
  )
  return {
    tokens: tokens.map((row): readonly [string, Principal] => [
      row.sha256,
      {
        tenant: row.tenant,
        userId: row.user_id,
        email: row.email,
        role: row.role,
        tokenId: row.id,
        scopes: row.scopes,
        expiresAtMs: row.expires_at?.getTime() ?? null,
        ...(row.rate_limit_rps === null ? {} : { rateLimitRps: row.rate_limit_rps }),
        ...(row.daily_mutation_limit === null ? {} : { dailyMutationLimit: row.daily_mutation_limit }),
        ...(row.daily_log_bytes_limit === null ? {} : { dailyLogBytesLimit: row.daily_log_bytes_limit }),
      },
    ]),
    heartbeats: heartbeats.map((row): readonly [string, HeartbeatTarget] => [row.token_sha256, { monitorId: row.id, tenant: row.tenant }]),
  }
}
