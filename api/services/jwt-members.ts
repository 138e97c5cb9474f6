// Who a JWT stands for: a user, by issuer and subject, and his membership in the tenant that it names. Both are rows: the
// first token of a new subject makes them, from then on they decide. A member who was removed stays removed.
import type { Principal, Role } from '../../streams/contracts/principal.ts'
import type { Store } from '../store/store.ts'
import { appendAudit, type Actor } from './audit.ts'
import { createId, sha256 } from './ids.ts'
import type { JwtClaims } from './jwt.ts'

interface Membership {
  user_id: string
  email: string
  role: Role
  removed_at: Date | null
}

const toPrincipal = (claims: JwtClaims, member: Membership): Principal => ({
  tenant: claims.tenant,
  userId: member.user_id,
  email: member.email,
  role: member.role,
  tokenId: '',
  scopes: claims.scopes,
  expiresAtMs: claims.expiresAtMs,
})

const findMember = async (store: Pick<Store, 'query'>, claims: JwtClaims): Promise<Membership | undefined> =>
  (
    await store.query<Membership>(
      `SELECT m.user_id, u.email, m.role, m.removed_at FROM user_identities i JOIN users u ON u.id = i.user_id JOIN memberships m ON m.user_id = i.user_id
   WHERE i.issuer = $2 AND i.subject = $3 AND m.tenant = $1`,
      [claims.tenant, claims.issuer, claims.subject],
    )
  )[0]

/** Null when the tenant does not exist or the member was removed. */
export const principalOfJwt = async (
  store: Store,
  claims: JwtClaims,
  actor: Pick<Actor, 'ip' | 'ua' | 'requestId'>,
): Promise<Principal | null> => {
  const known = await findMember(store, claims)
  if (known !== undefined) return known.removed_at === null ? toPrincipal(claims, known) : null
  return await store.transaction(async (sql) => {
    const [tenant] = await sql.query('SELECT 1 FROM tenants WHERE id = $1 FOR UPDATE', [claims.tenant])
    if (tenant === undefined) return null
    // An address that nobody can have: a subject must not become whoever happens to be called like it.
    const email = claims.email ?? `jwt-${sha256(`${claims.issuer} ${claims.subject}`).slice(0, 16)}@${new URL(claims.issuer).host}`
    const [identity] = await sql.query<{ user_id: string }>('SELECT user_id FROM user_identities WHERE issuer = $1 AND subject = $2', [
      claims.issuer,
      claims.subject,
    ])
    let userId = identity?.user_id
    if (userId === undefined) {
      const [user] = await sql.query<{ id: string }>(
        'INSERT INTO users (id, email) VALUES ($1, $2) ON CONFLICT (email) DO UPDATE SET email = excluded.email RETURNING id',
        [createId('user'), email],
      )
      userId = user.id
      await sql.query('INSERT INTO user_identities (issuer, subject, user_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING', [
        claims.issuer,
        claims.subject,
        userId,
      ])
    }
    const joined = await sql.query(
      'INSERT INTO memberships (tenant, user_id, role) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING user_id',
      [claims.tenant, userId, claims.role],
    )
    if (joined.length > 0) {
      await appendAudit(
        sql,
        { userId, tokenId: null, email, agentId: null, conversationId: null, ...actor },
        {
          tenant: claims.tenant,
          action: 'JOIN_BY_JWT',
          resource: `member:${userId}`,
          diff: { role: { from: null, to: claims.role } },
        },
      )
    }
    const member = await findMember(sql as Store, claims)
    return member === undefined || member.removed_at !== null ? null : toPrincipal(claims, member)
  })
}
