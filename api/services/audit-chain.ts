// The audit trail as a chain: each row's hash covers the row and the hash before it, per tenant, so that a row which was changed,
// taken out or slipped in later is found. Pure; what is hashed does not depend on how a store writes JSON.
import { createHash } from 'node:crypto'

export interface ChainedRow {
  readonly seq: number
  readonly tenant: string
  readonly createdAt: string
  readonly actorUserId: string | null
  readonly actorPatId: string | null
  readonly actorEmail: string | null
  readonly agentId: string | null
  readonly conversationId: string | null
  readonly requestId: string | null
  readonly action: string
  readonly resource: string
  readonly meta: unknown
}

const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  )
}

/** Of the first row, `previous` is empty. */
export const hashOfRow = (previous: string, row: ChainedRow): string => {
  const { seq, tenant, createdAt, actorUserId, actorPatId, actorEmail, agentId, conversationId, requestId, action, resource, meta } = row
  return createHash('sha256')
    .update(
      JSON.stringify([
        previous,
        seq,
        tenant,
        createdAt,
        actorUserId,
        actorPatId,
        actorEmail,
        agentId,
        conversationId,
        requestId,
        action,
        resource,
        sorted(meta),
      ]),
    )
    .digest('hex')
}
