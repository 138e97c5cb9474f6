// One transaction on one session, the same for both engines.
import type { Engine, Sql } from './store.ts'

/**
 * Commits when `run` resolves, rolls back when it rejects. A statement that failed fails the transaction even if `run` went on:
 * the database rolls such a one back at COMMIT without calling it an error.
 */
export const inTransaction = async <T>(engine: Engine, run: (sql: Sql) => Promise<T>): Promise<T> => {
  let failed: { readonly error: unknown } | null = null
  const sql: Sql = {
    query: async (text, params) => {
      try {
        return await engine.query(text, params)
      } catch (error) {
        failed ??= { error }
        throw error
      }
    },
  }
  await engine.script('BEGIN')
  try {
    const result = await run(sql)
    if (failed !== null) throw (failed as { error: unknown }).error
    await engine.script('COMMIT')
    return result
  } catch (error) {
    await engine.script('ROLLBACK').catch(() => undefined)
    throw error
  }
}
