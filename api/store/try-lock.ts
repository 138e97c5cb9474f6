// A lock by name for the rest of the transaction, over all processes on one database. Gone with its session, so nobody has to clean up.
import type { Sql } from './store.ts'

/** False when somebody else holds it; never waits. */
export const tryLock = async (sql: Sql, name: string): Promise<boolean> =>
  (await sql.query<{ got: boolean }>('SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0)) AS got', [name]))[0].got
