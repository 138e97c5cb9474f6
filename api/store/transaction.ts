// One transaction on one session, the same for both engines.
import type { Engine, Sql } from './store.ts'

/**
 * Commits when `run` resolves, rolls back when it rejects. A statement that failed fails the transaction even if `run` went on:
 * the database rolls such a one back at COMMIT without calling it an error.
 */
export const inTransaction = async <T>(engine: Engine, run: (sql: Sql) => Promise<T>): Promise<T> => {
  const failures: unknown[] = []
  const sql: Sql = {
    query: async (text, params) => {
      try {
        return await engine.query(text, params)
      } catch (error) {
        failures.push(error)
        throw error
      }
    },
  }
  await engine.script('BEGIN')
  try {
    const result = await run(sql)
    if (failures.length > 0) throw failures[0]
    await engine.script('COMMIT')
    return result
  } catch (error) {
    await engine.script('ROLLBACK').catch(() => undefined)
    throw error
  }
}
