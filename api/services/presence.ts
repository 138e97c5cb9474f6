// Which processes live, and what each says of itself: a row that is written every two seconds. The figures are for people and for sharing
// work out; nothing that must be exact rests on them.
import type { Store } from '../store/store.ts'

export interface ProcessFigures { readonly [name: string]: unknown }
export interface LivingProcess { readonly id: string; readonly role: string; readonly version: string; readonly startedAt: Date; readonly figures: ProcessFigures }
export interface Presence {
  /** Those that were heard of within the last 8 s, in order of id. */
  living(role?: string): Promise<readonly LivingProcess[]>
  close(): Promise<void>
}

const SAY_EVERY_MS = 2000
const LIVING_MS = 8000
const FORGET_MS = 3_600_000

export const startPresence = async (
  self: { readonly id: string; readonly role: string; readonly version: string }, deps: { readonly store: Store; readonly figures: () => Promise<ProcessFigures>; readonly onError: (error: unknown) => void },
): Promise<Presence> => {
  const { store } = deps
  const say = async (): Promise<void> => {
    await store.query(
      `INSERT INTO processes (id, role, version, started_at, seen_at, figures) VALUES ($1, $2, $3, now(), now(), $4)
       ON CONFLICT (id) DO UPDATE SET seen_at = now(), figures = excluded.figures`, [self.id, self.role, self.version, JSON.stringify(await deps.figures())])
  }
  await say()
  await store.query("DELETE FROM processes WHERE seen_at < now() - $1 * interval '1 millisecond'", [FORGET_MS])
  let closed = false
  let saying: Promise<void> = Promise.resolve()
  let timer: NodeJS.Timeout | undefined
  const schedule = (): void => {
    if (closed) return
    timer = setTimeout(() => { saying = say().catch(deps.onError).then(schedule) }, SAY_EVERY_MS)
  }
  schedule()
  return {
    living: async (role) => (await store.query<{ id: string; role: string; version: string; started_at: Date; figures: ProcessFigures }>(
      "SELECT id, role, version, started_at, figures FROM processes WHERE seen_at > now() - $1 * interval '1 millisecond' AND ($2::text IS NULL OR role = $2) ORDER BY id", [LIVING_MS, role ?? null],
    )).map((row) => ({ id: row.id, role: row.role, version: row.version, startedAt: row.started_at, figures: row.figures })),
    close: async () => {
      closed = true
      clearTimeout(timer)
      await saying
      await store.query('DELETE FROM processes WHERE id = $1', [self.id]).catch(deps.onError)
    },
  }
}
