// Events for others: written in the transaction of what happened, read by whoever delivers them.
import type { Sql, Store } from '../store/store.ts'
import { createId } from './ids.ts'

export type EventType = 'incident.opened' | 'incident.resolved'
export interface OutboxEvent {
  readonly id: string
  readonly tenant: string
  readonly type: EventType
  /** The incident's id. */ readonly resource: string
  readonly createdAt: Date
  readonly attempts: number
}

const ERROR_LENGTH = 500

export const addEvent = async (
  sql: Sql,
  event: { readonly tenant: string; readonly type: EventType; readonly resource: string },
): Promise<void> => {
  await sql.query('INSERT INTO outbox (id, tenant, type, resource) VALUES ($1, $2, $3, $4)', [
    createId('evt'),
    event.tenant,
    event.type,
    event.resource,
  ])
}

interface Row {
  id: string
  tenant: string
  type: EventType
  resource: string
  created_at: Date
  attempts: number
}
/** Due now, of every tenant, in the order in which they were written: an incident's are written under its tenant's lock. Behind an event that is not taken its incident's later ones wait. */
export const dueEvents = async (store: Store, limit: number): Promise<OutboxEvent[]> =>
  (
    await store.query<Row>(
      `SELECT id, tenant, type, resource, created_at, attempts FROM outbox AS o WHERE sent_at IS NULL AND next_at <= now()
     AND NOT EXISTS (SELECT 1 FROM outbox AS earlier WHERE earlier.resource = o.resource AND earlier.sent_at IS NULL AND earlier.seq < o.seq)
   ORDER BY seq LIMIT $1`,
      [limit],
    )
  ).map((row) => ({
    id: row.id,
    tenant: row.tenant,
    type: row.type,
    resource: row.resource,
    createdAt: row.created_at,
    attempts: row.attempts,
  }))

/** How many events wait to be taken, and since when the oldest; null when none does. */
export const waitingEvents = async (
  store: Pick<Store, 'query'>,
): Promise<{ readonly count: number; readonly oldestAtMs: number | null }> => {
  const [{ count, oldest }] = await store.query<{ count: number; oldest: Date | null }>(
    'SELECT count(*)::int AS count, min(created_at) AS oldest FROM outbox WHERE sent_at IS NULL',
  )
  return { count, oldestAtMs: oldest?.getTime() ?? null }
}
export const markSent = async (store: Store, { tenant, id }: OutboxEvent): Promise<void> => {
  await store.query('UPDATE outbox SET sent_at = now(), attempts = attempts + 1, last_error = NULL WHERE tenant = $1 AND id = $2', [
    tenant,
    id,
  ])
}
export const markFailed = async (store: Store, { tenant, id }: OutboxEvent, error: string, againMs: number): Promise<void> => {
  await store.query(
    "UPDATE outbox SET attempts = attempts + 1, last_error = $3, next_at = now() + $4 * interval '1 millisecond' WHERE tenant = $1 AND id = $2",
    [tenant, id, error.slice(0, ERROR_LENGTH), againMs],
  )
}
/** What is older is of no use to anybody, delivered or not. */
export const pruneEvents = async (store: Store, keptHours: number): Promise<void> => {
  await store.query("DELETE FROM outbox WHERE created_at < now() - $1 * interval '1 hour'", [keptHours])
}
