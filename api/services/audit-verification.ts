// Walks a tenant's audit chain and names the first row that is not as it was written.
import type { Sql } from '../store/store.ts'
import type { StoredAudit } from './audit.ts'
import { hashOfRow, type ChainedRow } from './audit-chain.ts'

export type Fault = 'changed' | 'missing_before' | 'missing_at_end' | 'not_of_the_chain'
export interface Verification {
  readonly valid: boolean
  /** Rows that were looked at. */
  readonly checked: number
  /** The newest link: keep it elsewhere, and nobody can write the whole chain anew unseen. */
  readonly head: { readonly seq: number; readonly hash: string }
  readonly firstBroken?: { readonly id: number | null; readonly seq: number | null; readonly fault: Fault }
  /** There is more: go on after this one. */
  readonly next?: number
}

type Chained = StoredAudit & { readonly seq: number; readonly hash: string }
const PAGE_ROWS = 1000

const toChained = (row: Chained, tenant: string): ChainedRow => ({
  seq: row.seq,
  tenant,
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
})

const firstFault = (rows: readonly Chained[], tenant: string, last: { seq: number; hash: string }): Verification['firstBroken'] => {
  for (const row of rows) {
    if (row.seq !== last.seq + 1) return { id: row.id, seq: row.seq, fault: 'missing_before' }
    if (row.hash !== hashOfRow(last.hash, toChained(row, tenant))) return { id: row.id, seq: row.seq, fault: 'changed' }
    last.seq = row.seq
    last.hash = row.hash
  }
  return undefined
}

/** At most `limit` rows after the one numbered `after`; 0 = from the first. */
export const verifyAudit = async (sql: Sql, tenant: string, after: number, limit: number): Promise<Verification> => {
  const [head = { seq: 0, hash: '' }] = await sql.query<{ seq: number; hash: string }>(
    'SELECT seq, hash FROM audit_heads WHERE tenant = $1',
    [tenant],
  )
  const [slipped] = await sql.query<{ id: number }>(
    `SELECT id FROM audit_log WHERE tenant = $1 AND seq IS NULL AND id > (SELECT min(id) FROM audit_log WHERE tenant = $1 AND seq IS NOT NULL) ORDER BY id LIMIT 1`,
    [tenant],
  )
  if (slipped !== undefined)
    return { valid: false, checked: 0, head, firstBroken: { id: slipped.id, seq: null, fault: 'not_of_the_chain' } }
  const [before] = await sql.query<{ hash: string }>('SELECT hash FROM audit_log WHERE tenant = $1 AND seq = $2', [tenant, after])
  const last = { seq: after, hash: before?.hash ?? '' }
  let checked = 0
  while (checked < limit && last.seq < head.seq) {
    const rows = await sql.query<Chained>(
      `SELECT id, created_at, actor_user_id, actor_pat_id, actor_email, agent_id, conversation_id, request_id, action, resource, meta, seq, hash FROM audit_log
       WHERE tenant = $1 AND seq > $2 AND seq <= $3 ORDER BY seq LIMIT $4`,
      [tenant, last.seq, head.seq, Math.min(PAGE_ROWS, limit - checked)],
    )
    const firstBroken =
      rows.length === 0 ? { id: null, seq: last.seq + 1, fault: 'missing_at_end' as const } : firstFault(rows, tenant, last)
    if (firstBroken !== undefined) return { valid: false, checked: checked + rows.length, head, firstBroken }
    checked += rows.length
  }
  if (last.seq === head.seq && last.seq > 0 && last.hash !== head.hash)
    return { valid: false, checked, head, firstBroken: { id: null, seq: last.seq, fault: 'changed' } }
  return { valid: true, checked, head, ...(last.seq < head.seq ? { next: last.seq } : {}) }
}
