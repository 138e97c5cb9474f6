// Append-only numbered migrations: each runs once, in order, in a transaction with the row that records it.
// A file that was applied is never edited; a change is a new file.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { PermanentError } from '../../streams/contracts/errors.ts'
import type { Engine } from './store.ts'
import { inTransaction } from './transaction.ts'

interface Migration {
  readonly number: number
  readonly name: string
  readonly sql: string
}

const directory = fileURLToPath(new URL('./migrations/', import.meta.url))

export const readMigrations = (): readonly Migration[] =>
  readdirSync(directory)
    .filter((name) => name.endsWith('.sql'))
    .sort()
    .map((name, index) => {
      const number = Number(/^(\d{4})_/.exec(name)?.[1])
      if (number !== index + 1) throw new PermanentError('CONFIG_INVALID', `the migration ${name} is out of order`)
      return { number, name, sql: readFileSync(join(directory, name), 'utf8') }
    })

/** Serialised over processes by an advisory lock. Resolves to the number of migrations applied now. */
export const migrate = async (engine: Engine): Promise<number> => {
  const run = async (): Promise<number> => {
    await engine.script('SELECT pg_advisory_xact_lock(7230145)')
    await engine.script(
      'CREATE TABLE IF NOT EXISTS schema_migrations (number int PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())',
    )
    const [{ newest }] = await engine.query<{ newest: number }>('SELECT coalesce(max(number), 0)::int AS newest FROM schema_migrations')
    const all = readMigrations()
    if (newest > all.length) {
      throw new PermanentError(
        'CONFIG_INVALID',
        `the control-plane store was written by a newer version (migration ${newest}, this version knows ${all.length})`,
      )
    }
    const pending = all.filter((migration) => migration.number > newest)
    for (const migration of pending) {
      await engine.script(migration.sql)
      await engine.query('INSERT INTO schema_migrations (number, name) VALUES ($1, $2)', [migration.number, migration.name])
    }
    return pending.length
  }
  return await inTransaction(engine, run)
}
