// The audit trail: appended in the transaction of the change that it tells of, chained by hashes, never changed, searched by tenant.
import { hashOfRow, type ChainedRow } from './audit-chain.ts'
import { redactFields } from './redaction.ts'
import type { Sql, SqlValue } from '../store/store.ts'

export interface Actor {
  readonly userId: string
  /** Null for a session or a command. */
  readonly tokenId: string | null
  readonly email: string
  readonly agentId: string | null
  readonly conversationId: string | null
  readonly ip: string
  readonly ua: string
  readonly requestId: string
  /** Of a request to the API. */
  readonly call?: {
    readonly operation: string
    /** Over MCP. */ readonly tool?: string
    /** The first half of the SHA-256 of its Idempotency-Key: the key itself opens the answer that is kept for it. */ readonly idempotencyKeyHash?: string
  }
}

export interface AuditEntry {
  readonly tenant: string
  readonly action: string
  readonly resource: string
  readonly diff?: Record<string, unknown>
  readonly snapshot?: Record<string, unknown>
}

/** What a row tells of a change. */
export interface ToldChange {
  readonly action: string
  readonly resource: string
  readonly diff: unknown
  readonly snapshot?: unknown
}

export interface AuditRow extends Omit<ChainedRow, 'tenant' | 'seq' | 'meta'> {
  readonly id: number
  readonly meta: Record<string, unknown>
  /** Place in the tenant's chain and its link; null for rows from before there was one. */
  readonly seq: number | null
  readonly hash: string | null
}

/** Holds the end of the tenant's chain until the transaction ends: to be the last thing that it locks. */
export const appendAudit = async (sql: Sql, actor: Actor, entry: AuditEntry): Promise<void> => {
  const { tenant, action, resource } = entry
  const meta = {
    changedFields: Object.keys(entry.diff ?? {}),
    diff: redactFields(entry.diff ?? {}),
    ...(entry.snapshot === undefined ? {} : { snapshot: redactFields(entry.snapshot) }),
    ip: actor.ip,
    ua: actor.ua,
    ...actor.call,
  }
  const text = JSON.stringify(meta)
  const [{ seq, previous, at }] = await sql.query<{ seq: number; previous: string; at: Date }>(
    `INSERT INTO audit_heads (tenant, seq, hash) VALUES ($1, 1, '') ON CONFLICT (tenant) DO UPDATE SET seq = audit_heads.seq + 1
     RETURNING seq, hash AS previous, date_trunc('milliseconds', now()) AS at`,
    [tenant],
  )
  const hash = hashOfRow(previous, {
    seq,
    tenant,
    createdAt: at.toISOString(),
    actorUserId: actor.userId,
    actorPatId: actor.tokenId,
    actorEmail: actor.email,
    agentId: actor.agentId,
    conversationId: actor.conversationId,
    requestId: actor.requestId,
    action,
    resource,
    meta: JSON.parse(text),
  })
  await sql.query(
    `INSERT INTO audit_log (tenant, created_at, actor_user_id, actor_pat_id, actor_email, agent_id, conversation_id, request_id, action, resource, meta, seq, hash)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
    [
      tenant,
      at.toISOString(),
      actor.userId,
      actor.tokenId,
      actor.email,
      actor.agentId,
      actor.conversationId,
      actor.requestId,
      action,
      resource,
      text,
      seq,
      hash,
    ],
  )
  await sql.query('UPDATE audit_heads SET hash = $2 WHERE tenant = $1', [tenant, hash])
}

/** What the transaction that is going on has told of this request. */
export const auditOfRequest = async (sql: Sql, tenant: string, requestId: string): Promise<ToldChange[]> => {
  const rows = await sql.query<StoredAudit>(
    "SELECT action, resource, meta FROM audit_log WHERE tenant = $1 AND request_id = $2 AND created_at >= date_trunc('milliseconds', now()) ORDER BY id LIMIT 200",
    [tenant, requestId],
  )
  return rows.map(({ action, resource, meta }) => ({
    action,
    resource,
    diff: meta.diff,
    ...(meta.snapshot === undefined ? {} : { snapshot: meta.snapshot }),
  }))
}

export interface AuditFilter {
  readonly action?: string
  readonly actor?: string
  readonly patId?: string
  readonly agentId?: string
  readonly conversationId?: string
  readonly from?: string
  readonly to?: string
  readonly limit: number
  readonly before?: AuditPosition
}
/** Of the last row that was read. */
export interface AuditPosition {
  readonly createdAt: string
  readonly id: number
}

/** A row as the table has it; of before the chain it has neither `seq` nor `hash`. */
export interface StoredAudit {
  id: number
  created_at: Date
  actor_user_id: string | null
  actor_pat_id: string | null
  actor_email: string | null
  agent_id: string | null
  conversation_id: string | null
  request_id: string | null
  action: string
  resource: string
  meta: Record<string, unknown>
  seq: number | null
  hash: string | null
}

/** Newest first. */
export const listAudit = async (sql: Sql, tenant: string, filter: AuditFilter): Promise<AuditRow[]> => {
  const params: SqlValue[] = [
    tenant,
    filter.action ?? null,
    filter.actor ?? null,
    filter.patId ?? null,
    filter.from ?? null,
    filter.to ?? null,
    filter.limit,
    filter.agentId ?? null,
    filter.conversationId ?? null,
    filter.before?.createdAt ?? null,
    filter.before?.id ?? null,
  ]
  const rows = await sql.query<StoredAudit>(
    `SELECT id, created_at, actor_user_id, actor_pat_id, actor_email, agent_id, conversation_id, request_id, action, resource, meta, seq, hash FROM audit_log
     WHERE tenant = $1 AND ($2::text IS NULL OR action = $2) AND ($3::text IS NULL OR actor_user_id = $3 OR actor_email = $3) AND ($4::text IS NULL OR actor_pat_id = $4)
       AND ($5::timestamptz IS NULL OR created_at >= $5) AND ($6::timestamptz IS NULL OR created_at <= $6) AND ($8::text IS NULL OR agent_id = $8) AND ($9::text IS NULL OR conversation_id = $9)
       AND ($10::timestamptz IS NULL OR (created_at, id) < ($10::timestamptz, $11::bigint))
     ORDER BY created_at DESC, id DESC LIMIT $7`,
    params,
  )
  return rows.map((row) => ({
    id: row.id,
    createdAt: row.created_at.toISOString(),
    actorUserId: row.actor_user_id,
    actorPatId: row.actor_pat_id,
    actorEmail: row.actor_email,
    agentId: row.agent_id,
    conversationId: row.conversation_id,
    requestId: row.request_id,
    action: row.action,
    resource: row.resource,
    meta: row.meta,
    seq: row.seq,
    hash: row.hash,
  }))
}
