// Append-only numbered migrations: schema/NNNN_name.sql, one statement a file, each safe to run again. What ran is recorded.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PermanentError } from '../streams/contracts/errors.ts'
import type { ClickHouse, Query } from './client.ts'

const directory = join(import.meta.dirname, 'schema')
const applied: Query<{ readonly version: string }> = { name: 'schema_migrations.all', sql: 'SELECT version FROM schema_migrations' }

const version: Query<{ readonly version: string }> = { name: 'server.version', sql: 'SELECT version() AS version' }
/** The first whose text indexes are more than an experiment. */
const [MIN_YEAR, MIN_RELEASE] = [26, 2]

/** @throws PermanentError CONFIG_INVALID: a server that is too old says something about a syntax error instead. */
export const assertVersion = (text: string): void => {
  const [year = 0, release = 0] = text.split('.').map(Number)
  if (year < MIN_YEAR || (year === MIN_YEAR && release < MIN_RELEASE))
    throw new PermanentError('CONFIG_INVALID', `the server is ClickHouse ${text}; ${MIN_YEAR}.${MIN_RELEASE} or newer is needed`)
}

/** Resolves to how many migrations ran. The client's database is made when it is absent. */
export const migrate = async (clickhouse: ClickHouse): Promise<number> => {
  await clickhouse.ensureDatabase()
  assertVersion((await clickhouse.query(version, {}))[0].version)
  await clickhouse.command(
    'CREATE TABLE IF NOT EXISTS schema_migrations (version String, applied_at DateTime DEFAULT now()) ENGINE = ReplacingMergeTree ORDER BY version',
  )
  const done = new Set((await clickhouse.query(applied, {})).map((row) => row.version))
  const waiting = readdirSync(directory)
    .filter((file) => /^\d{4}_\w+\.sql$/.test(file) && !done.has(file.slice(0, 4)))
    .sort()
  for (const file of waiting) {
    await clickhouse.command(readFileSync(join(directory, file), 'utf8'))
    await clickhouse.insertRows({ table: 'schema_migrations', rows: [{ version: file.slice(0, 4) }] })
  }
  return waiting.length
}
