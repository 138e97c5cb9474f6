// Who belongs to a tenant, in which role. A member who leaves takes his tokens with him: credentials are read by membership.
import type { Role } from '../../streams/contracts/principal.ts'
import { apiError } from '../errors.ts'
import type { Store } from '../store/store.ts'
import { appendAudit, type Actor } from './audit.ts'

export interface Member {
  readonly userId: string
  readonly email: string
  readonly role: Role
  readonly joinedAt: string
}

export const listMembers = async (store: Store, tenant: string): Promise<Member[]> =>
  (
    await store.query<{ user_id: string; email: string; role: Role; created_at: Date }>(
      `SELECT m.user_id, u.email, m.role, m.created_at FROM memberships m JOIN users u ON u.id = m.user_id
   WHERE m.tenant = $1 AND m.removed_at IS NULL ORDER BY m.created_at, m.user_id`,
      [tenant],
    )
  ).map((row) => ({ userId: row.user_id, email: row.email, role: row.role, joinedAt: row.created_at.toISOString() }))

/** @throws ApiError NOT_FOUND; LAST_OWNER when nobody would be left who may let others in. */
export const removeMember = async (store: Store, tenant: string, userId: string, actor: Actor): Promise<void> => {
  await store.transaction(async (sql) => {
    // Both owners leaving at once must not leave none: the tenant's row is the lock.
    await sql.query('SELECT 1 FROM tenants WHERE id = $1 FOR UPDATE', [tenant])
    const members = await sql.query<{ user_id: string; role: Role }>(
      'SELECT user_id, role FROM memberships WHERE tenant = $1 AND removed_at IS NULL',
      [tenant],
    )
    const leaving = members.find((member) => member.user_id === userId)
    if (leaving === undefined) throw apiError('NOT_FOUND', `no member ${userId}`)
    const isOwner = (role: Role): boolean => role === 'owner' || role === 'super-admin'
    if (isOwner(leaving.role) && members.filter((member) => isOwner(member.role)).length === 1)
      throw apiError('LAST_OWNER', `${userId} is the only owner of the tenant`)
    await sql.query('UPDATE memberships SET removed_at = now() WHERE tenant = $1 AND user_id = $2', [tenant, userId])
    await appendAudit(sql, actor, { tenant, action: 'REMOVE_MEMBER', resource: `member:${userId}`, snapshot: { role: leaving.role } })
  })
}
