// Transactions on one session, the same for both engines. Whatever is asked of the store inside one joins it: a query runs in it,
// a transaction becomes a savepoint of it. So a whole request can be one transaction without its services knowing.
import { AsyncLocalStorage } from 'node:async_hooks'
import type { Engine, Sql, Store } from './store.ts'

interface Verbs {
  readonly begin: string
  readonly commit: string
  readonly rollback: string
}
const TRANSACTION: Verbs = { begin: 'BEGIN', commit: 'COMMIT', rollback: 'ROLLBACK' }
const SAVEPOINT: Verbs = {
  begin: 'SAVEPOINT nested',
  commit: 'RELEASE SAVEPOINT nested',
  rollback: 'ROLLBACK TO SAVEPOINT nested; RELEASE SAVEPOINT nested',
}

const bracket = async <T>(engine: Engine, verbs: Verbs, run: (sql: Sql) => Promise<T>): Promise<T> => {
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
  await engine.script(verbs.begin)
  try {
    const result = await run(sql)
    if (failures.length > 0) throw failures[0]
    await engine.script(verbs.commit)
    return result
  } catch (error) {
    await engine.script(verbs.rollback).catch(() => undefined)
    throw error
  }
}

/**
 * Commits when `run` resolves, rolls back when it rejects. A statement that failed fails the transaction even if `run` went on:
 * the database rolls such a one back at COMMIT without calling it an error.
 */
export const inTransaction = <T>(engine: Engine, run: (sql: Sql) => Promise<T>): Promise<T> => bracket(engine, TRANSACTION, run)

/** Transactions inside one transaction come one after the other, never side by side. */
export const createSessions = (
  whole: Sql,
  onOneSession: <T>(run: (engine: Engine) => Promise<T>) => Promise<T>,
): Pick<Store, 'query' | 'transaction'> => {
  const current = new AsyncLocalStorage<{ readonly engine: Engine; readonly sql: Sql; over: boolean }>()
  /** What was begun inside a transaction and outlives it is no part of it. */
  const joined = () => {
    const session = current.getStore()
    return session === undefined || session.over ? null : session
  }
  return {
    query: (text, params) => (joined()?.sql ?? whole).query(text, params),
    transaction: (run) => {
      const enter = (engine: Engine, verbs: Verbs) =>
        bracket(engine, verbs, async (sql) => {
          const session = { engine, sql, over: false }
          try {
            return await current.run(session, () => run(sql))
          } finally {
            session.over = true
          }
        })
      const outer = joined()
      return outer === null ? onOneSession((engine) => enter(engine, TRANSACTION)) : enter(outer.engine, SAVEPOINT)
    },
  }
}
