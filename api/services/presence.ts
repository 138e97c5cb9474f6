// Which processes live, and what each says of itself: a row that is written every two seconds. The figures are for people and for sharing
// work out; nothing that must be exact rests on them.
import { startRepeating, type Repeating } from '../../streams/contracts/repeat.ts'
import type { Store } from '../store/store.ts'

export interface ProcessFigures {
  readonly [name: string]: unknown
}
export interface LivingProcess {
  readonly id: string
  readonly role: string
  readonly version: string
  readonly startedAt: Date
  readonly figures: ProcessFigures
}

const SAY_EVERY_MS = 2000
const LIVING_MS = 8000
const FORGET_MS = 3_600_000

/** Those that were heard of within the last 8 s, in order of id. */
export const livingProcesses = async (store: Pick<Store, 'query'>): Promise<readonly LivingProcess[]> =>
  (
    await store.query<{ id: string; role: string; version: string; started_at: Date; figures: ProcessFigures }>(
      "SELECT id, role, version, started_at, figures FROM processes WHERE seen_at > now() - $1 * interval '1 millisecond' ORDER BY id",
      [LIVING_MS],
    )
  ).map((row) => ({ id: row.id, role: row.role, version: row.version, startedAt: row.started_at, figures: row.figures }))

export const startPresence = async (
  self: { readonly id: string; readonly role: string; readonly version: string },
  deps: { readonly store: Store; readonly figures: () => Promise<ProcessFigures>; readonly onError: (error: unknown) => void },
): Promise<Repeating> => {
  const { store } = deps
  const say = async (): Promise<void> => {
    await store.query(
      `INSERT INTO processes (id, role, version, started_at, seen_at, figures) VALUES ($1, $2, $3, now(), now(), $4)
       ON CONFLICT (id) DO UPDATE SET seen_at = now(), figures = excluded.figures`,
      [self.id, self.role, self.version, JSON.stringify(await deps.figures())],
    )
  }
  await say()
  await store.query("DELETE FROM processes WHERE seen_at < now() - $1 * interval '1 millisecond'", [FORGET_MS])
  const saying = startRepeating(say, { firstAfterMs: SAY_EVERY_MS, everyMs: SAY_EVERY_MS }, deps.onError)
  return {
    close: async () => {
      await saying.close()
      await store.query('DELETE FROM processes WHERE id = $1', [self.id]).catch(deps.onError)
    },
  }
}
