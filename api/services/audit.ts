// One audit row for each change, written in the change's own transaction. Secrets never get here.
import type { Sql } from '../store/store.ts'

/** Who does it and in which run. Null user: the server's operator or the server itself. */
export interface Actor {
  readonly tenant: string
  readonly userId: string | null
  readonly tokenId: string | null
  readonly email: string | null
  readonly agentId: string | null
  readonly conversationId: string | null
  readonly requestId: string | null
  readonly ip: string | null
  readonly userAgent: string | null
  /** Null: not bound by scopes. */
  readonly scopes: readonly string[] | null
}

export type AuditAction =
  | 'CREATE_TENANT' | 'CREATE_TOKEN' | 'REVOKE_TOKEN'
  | 'CREATE_MONITOR' | 'UPDATE_MONITOR' | 'DELETE_MONITOR' | 'READ_MONITOR_SECRETS' | 'ROTATE_HEARTBEAT_TOKEN'
  | 'OPEN_INCIDENT' | 'REOPEN_INCIDENT' | 'UPDATE_INCIDENT' | 'ACKNOWLEDGE_INCIDENT' | 'RESOLVE_INCIDENT' | 'WRITE_POSTMORTEM'

/** The server's own doing, or its operator's at the command line. */
export const systemActor = (tenant: string, email: string | null = null): Actor => ({
  tenant, userId: null, tokenId: null, email, agentId: null, conversationId: null, requestId: null, ip: null, userAgent: null, scopes: null,
})

type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }

export const writeAudit = async (sql: Sql, actor: Actor, entry: { action: AuditAction; resource: string; meta?: { readonly [key: string]: Json }; atMs: number }): Promise<void> => {
  const meta = { ...entry.meta, ...(actor.ip === null ? {} : { ip: actor.ip }), ...(actor.userAgent === null ? {} : { ua: actor.userAgent }) }
  await sql.query(
    `INSERT INTO audit_log (tenant, created_at, actor_user_id, actor_pat_id, actor_email, agent_id, conversation_id, request_id, action, resource, meta)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
    [actor.tenant, new Date(entry.atMs).toISOString(), actor.userId, actor.tokenId, actor.email, actor.agentId, actor.conversationId, actor.requestId, entry.action, entry.resource, JSON.stringify(meta)],
  )
}

/** `{changedFields, diff}` of two projections of one thing. */
export const diffOf = <T extends object>(before: T, after: T): { changedFields: string[]; diff: Record<string, { from: Json; to: Json }> } => {
  const changed = (Object.keys(after) as (keyof T & string)[]).filter((key) => JSON.stringify(before[key]) !== JSON.stringify(after[key]))
  return {
    changedFields: changed,
    diff: Object.fromEntries(changed.map((key) => [key, { from: (before[key] ?? null) as Json, to: (after[key] ?? null) as Json }])),
  }
}
