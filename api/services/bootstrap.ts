// The first start: a tenant, its owner, a first token. Every later start finds them and changes nothing.
import { randomBytes } from 'node:crypto'
import type { Store } from '../store/store.ts'
import { systemActor, writeAudit } from './audit.ts'
import { newId } from './ids.ts'
import { hashToken, insertToken } from './tokens.ts'

export const DEFAULT_TENANT = 'default'

/**
 * `token` is the first token's text when it was made just now, else null. A `bootstrapToken` that the store has never seen
 * is added; one that was revoked stays so.
 */
export const bootstrap = (store: Store, config: { readonly bootstrapToken: string | null }, nowMs: number = Date.now()): Promise<{ tenant: string; token: string | null }> =>
  store.transaction(async (sql) => {
    const actor = systemActor(DEFAULT_TENANT)
    const made = await sql.query(`INSERT INTO tenants (id, name) VALUES ($1, 'Default') ON CONFLICT DO NOTHING RETURNING id`, [DEFAULT_TENANT])
    if (made.length > 0) {
      const userId = newId('usr')
      await sql.query(`INSERT INTO users (id, email) VALUES ($1, 'owner@localhost')`, [userId])
      await sql.query(`INSERT INTO memberships (tenant, user_id, role) VALUES ($1, $2, 'owner')`, [DEFAULT_TENANT, userId])
      await writeAudit(sql, actor, { action: 'CREATE_TENANT', resource: `tenant:${DEFAULT_TENANT}`, atMs: nowMs })
    }
    const known = config.bootstrapToken === null
      ? await sql.query('SELECT 1 FROM tokens WHERE tenant = $1 LIMIT 1', [DEFAULT_TENANT])
      : await sql.query('SELECT 1 FROM tokens WHERE sha256 = $1', [hashToken(config.bootstrapToken)])
    if (known.length > 0) return { tenant: DEFAULT_TENANT, token: null }
    const token = config.bootstrapToken ?? `obs_${randomBytes(32).toString('base64url')}`
    await insertToken(sql, actor, token, { name: 'first token', scopes: ['*'] }, nowMs)
    return { tenant: DEFAULT_TENANT, token }
  })
