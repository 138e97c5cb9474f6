// Append-only numbered migrations: schema/NNNN_name.sql, one statement a file, each safe to run again. What ran is recorded.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ClickHouse, Query } from './client.ts'

const directory = join(import.meta.dirname, 'schema')
const applied: Query<{ readonly version: string }> = { name: 'schema_migrations.all', sql: 'SELECT version FROM schema_migrations' }

/** Resolves to how many migrations ran. The client's database is made when it is absent. */
export const migrate = async (clickhouse: ClickHouse): Promise<number> => {
  await clickhouse.ensureDatabase()
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
