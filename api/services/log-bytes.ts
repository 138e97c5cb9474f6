// Log bytes of tokens with a daily cap, as ingest reports them, added up for all processes.
import { dayOf, type LogBytesTotal, type LogBytesUse } from '../../streams/contracts/log-bytes.ts'
import type { Store } from '../store/store.ts'

export interface LogBytes {
  /** What every token has used today. */
  load(): Promise<LogBytesTotal[]>
  /** Resolves to the totals when they are written: while the store is away it is tried again. Empty when closed before that. */
  add(uses: readonly LogBytesUse[]): Promise<LogBytesTotal[]>
  /** Waits for what is being written. */
  close(): Promise<void>
}

const TRY_AGAIN_MS = 1000

export const createLogBytes = (deps: {
  readonly store: Pick<Store, 'query'>
  readonly clock: () => number
  readonly onError: (error: unknown) => void
}): LogBytes => {
  let closed = false
  const writing = new Set<Promise<unknown>>()
  const waking = new Set<() => void>()
  const write = async (uses: readonly LogBytesUse[]): Promise<LogBytesTotal[]> =>
    (
      await deps.store.query<{ token_id: string; day: string; log_bytes: number }>(
        `INSERT INTO token_usage (tenant, token_id, day, log_bytes)
     SELECT tenant, token_id, day, bytes FROM jsonb_to_recordset($1::jsonb) AS used (tenant text, token_id text, day date, bytes bigint) ORDER BY tenant, token_id, day
     ON CONFLICT (tenant, token_id, day) DO UPDATE SET log_bytes = greatest(0, token_usage.log_bytes + excluded.log_bytes)
     RETURNING token_id, to_char(day, 'YYYY-MM-DD') AS day, log_bytes`,
        [JSON.stringify(uses.map(({ tenant, tokenId, day, bytes }) => ({ tenant, token_id: tokenId, day, bytes })))],
      )
    ).map((row) => ({ tokenId: row.token_id, day: row.day, bytes: row.log_bytes }))
  const pause = (): Promise<void> =>
    new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer)
        waking.delete(wake)
        resolve()
      }
      const timer = setTimeout(wake, TRY_AGAIN_MS)
      waking.add(wake)
    })
  const writeUntilDone = async (uses: readonly LogBytesUse[]): Promise<LogBytesTotal[]> => {
    for (;;) {
      try {
        return await write(uses)
      } catch (error) {
        deps.onError(error)
        if (closed) return []
        await pause()
      }
    }
  }
  return {
    load: async () =>
      (
        await deps.store.query<{ token_id: string; log_bytes: number }>(
          'SELECT token_id, log_bytes FROM token_usage WHERE day = $1 AND log_bytes > 0',
          [dayOf(deps.clock())],
        )
      ).map((row) => ({ tokenId: row.token_id, day: dayOf(deps.clock()), bytes: row.log_bytes })),
    add: (uses) => {
      const work = writeUntilDone(uses)
      writing.add(work)
      void work.finally(() => {
        writing.delete(work)
      })
      return work
    },
    close: async () => {
      closed = true
      for (const wake of waking) wake()
      await Promise.allSettled(writing)
    },
  }
}
