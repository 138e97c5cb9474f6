// A dead letter back into the log that it was set aside from, once: what was replayed is marked before it is appended, so that neither a
// second call nor a crash doubles it. What came of it is told by what the log does with it, as of any message.
import type { ClickHouse } from '../../clickhouse/client.ts'
import { wholeDeadLetterAt } from '../../clickhouse/queries/dead-letters.ts'
import { TransientError } from '../../streams/contracts/errors.ts'
import type { Store } from '../store/store.ts'
import { appendAudit, type Actor } from './audit.ts'
import { toPosition } from './dead-letters.ts'

/** As it was in the log. */
export interface KeptMessage {
  readonly logId: string
  readonly partition: number
  readonly envelope: Uint8Array
  readonly body: Uint8Array
}
export interface ReplayDeps {
  readonly store: Store
  readonly clickhouse: Pick<ClickHouse, 'query'>
  /** Resolves to where it is, durably: partition:offset. */
  readonly putBack: (message: KeptMessage) => Promise<string>
  readonly clock: () => number
}
export interface ReplayRequest {
  readonly tenant: string
  readonly id: string
  /** Also one that was replayed. */ readonly again: boolean
  readonly dryRun: boolean
}
export type Replay =
  | { readonly outcome: 'replayed'; readonly position: string }
  | { readonly outcome: 'would_be_replayed' }
  | { readonly outcome: 'already_replayed'; readonly at: string; /** Null while that is not known. */ readonly position: string | null }
  | { readonly outcome: 'not_found' | 'not_whole' }

interface Mark {
  times: number
  begun_at: Date
  position: string | null
}

/** Errors after which the message is surely not in the log. */
const isSurelyNotStored = (error: unknown): boolean => !(error instanceof TransientError) || error.code !== 'LOG_IO'

export const createDeadLetterReplay = ({ store, clickhouse, putBack, clock }: ReplayDeps) => {
  const load = async (tenant: string, id: string): Promise<KeptMessage | 'not_found' | 'not_whole'> => {
    const position = toPosition(id)
    const [row] = position === null ? [] : await clickhouse.query(wholeDeadLetterAt, { tenant, ...position })
    if (row === undefined) return 'not_found'
    const body = Buffer.from(row.body, 'base64')
    if (row.envelope === '' || body.byteLength !== Number(row.body_bytes)) return 'not_whole'
    return { logId: row.log_id, partition: row.log_partition, envelope: Buffer.from(row.envelope, 'base64'), body }
  }
  const told = (mark: Mark): Replay => ({ outcome: 'already_replayed', at: mark.begun_at.toISOString(), position: mark.position })
  const markOf = async (tenant: string, id: string): Promise<Mark | undefined> =>
    (await store.query<Mark>('SELECT times, begun_at, position FROM dead_letter_replays WHERE tenant = $1 AND id = $2', [tenant, id]))[0]

  /** Whether it was not marked, or may be marked again. */
  const mark = ({ tenant, id, again }: ReplayRequest, actor: Actor): Promise<boolean> =>
    store.transaction(async (sql) => {
      const [marked] = await sql.query<{ times: number }>(
        `INSERT INTO dead_letter_replays (tenant, id, times, begun_at) VALUES ($1, $2, 1, $3)
       ON CONFLICT (tenant, id) DO UPDATE SET times = dead_letter_replays.times + 1, begun_at = excluded.begun_at, position = NULL WHERE $4 RETURNING times`,
        [tenant, id, new Date(clock()).toISOString(), again],
      )
      if (marked === undefined) return false
      await appendAudit(sql, actor, {
        tenant,
        action: 'REPLAY_DEAD_LETTER',
        resource: `dead_letter:${id}`,
        diff: { times: { from: marked.times - 1, to: marked.times } },
      })
      return true
    })
  const unmark = ({ tenant, id }: ReplayRequest, actor: Actor): Promise<void> =>
    store.transaction(async (sql) => {
      await sql.query('UPDATE dead_letter_replays SET times = times - 1 WHERE tenant = $1 AND id = $2', [tenant, id])
      await sql.query('DELETE FROM dead_letter_replays WHERE tenant = $1 AND id = $2 AND times = 0', [tenant, id])
      await appendAudit(sql, actor, { tenant, action: 'REPLAY_DEAD_LETTER_FAILED', resource: `dead_letter:${id}` })
    })

  return {
    /** @throws Error in words when the log does not take it; TransientError LOG_IO when nobody knows, and then it stays marked. */
    replay: async (request: ReplayRequest, actor: Actor): Promise<Replay> => {
      const { tenant, id, again, dryRun } = request
      const message = await load(tenant, id)
      if (typeof message === 'string') return { outcome: message }
      if (dryRun) {
        const earlier = await markOf(tenant, id)
        return earlier === undefined || again ? { outcome: 'would_be_replayed' } : told(earlier)
      }
      if (!(await mark(request, actor))) return told((await markOf(tenant, id))!)
      const position = await putBack(message).catch(async (error: unknown) => {
        if (isSurelyNotStored(error)) await unmark(request, actor)
        throw error
      })
      await store.query('UPDATE dead_letter_replays SET position = $3 WHERE tenant = $1 AND id = $2', [tenant, id, position])
      return { outcome: 'replayed', position }
    },
    /** When each of them that was replayed was, by id. */
    replayedAt: async (tenant: string, ids: readonly string[]): Promise<ReadonlyMap<string, string>> => {
      const rows = await store.query<{ id: string; begun_at: Date }>(
        'SELECT id, begun_at FROM dead_letter_replays WHERE tenant = $1 AND id IN (SELECT jsonb_array_elements_text($2::jsonb))',
        [tenant, JSON.stringify(ids)],
      )
      return new Map(rows.map((row) => [row.id, row.begun_at.toISOString()]))
    },
  }
}
export type DeadLetterReplay = ReturnType<typeof createDeadLetterReplay>
