// The first start: the tenant, its owner, and the first token. Runs at every start and changes nothing later.
import type { Store } from '../store/store.ts'
import type { Actor } from './audit.ts'
import { sha256 } from './ids.ts'
import { createToken, makeToken } from './tokens.ts'

export const DEFAULT_TENANT = 'default'
const OWNER = 'user_owner'
const actor: Actor = {
  userId: OWNER,
  tokenId: null,
  email: 'owner@localhost',
  agentId: null,
  conversationId: null,
  ip: 'local',
  ua: 'first start',
  requestId: 'bootstrap',
}

/** The tenant and its owner, without a token: for commands before the first start. */
export const ensureTenant = async (store: Store): Promise<void> => {
  await store.transaction(async (sql) => {
    await sql.query('INSERT INTO tenants (id, name) VALUES ($1, $1) ON CONFLICT DO NOTHING', [DEFAULT_TENANT])
    await sql.query('INSERT INTO users (id, email) VALUES ($1, $2) ON CONFLICT DO NOTHING', [OWNER, actor.email])
    await sql.query("INSERT INTO memberships (tenant, user_id, role) VALUES ($1, $2, 'super-admin') ON CONFLICT DO NOTHING", [
      DEFAULT_TENANT,
      OWNER,
    ])
  })
}

/** `token` is the plaintext when one was made now, else null. */
export const bootstrap = async (
  store: Store,
  config: { bootstrapToken: string | null },
): Promise<{ tenant: string; token: string | null }> => {
  await ensureTenant(store)
  const first = { tenant: DEFAULT_TENANT, userId: OWNER, name: 'first token' }
  if (config.bootstrapToken !== null) {
    // A revoked one stays revoked: the row keeps its hash.
    const known = await store.query('SELECT 1 FROM tokens WHERE sha256 = $1', [sha256(config.bootstrapToken)])
    if (known.length > 0) return { tenant: DEFAULT_TENANT, token: null }
    try {
      await createToken(store, first, actor, config.bootstrapToken)
    } catch (error) {
      // Another process that starts on the same database was first.
      if ((error as { code?: string }).code !== '23505') throw error
      return { tenant: DEFAULT_TENANT, token: null }
    }
    return { tenant: DEFAULT_TENANT, token: config.bootstrapToken }
  }
  return await store.transaction(async (sql) => {
    // Two processes that start first at once make one token.
    await sql.query('SELECT 1 FROM tenants WHERE id = $1 FOR UPDATE', [DEFAULT_TENANT])
    const any = await sql.query('SELECT 1 FROM tokens WHERE tenant = $1 LIMIT 1', [DEFAULT_TENANT])
    if (any.length > 0) return { tenant: DEFAULT_TENANT, token: null }
    const token = makeToken()
    await createToken(store, first, actor, token)
    return { tenant: DEFAULT_TENANT, token }
  })
}
