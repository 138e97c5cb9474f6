// The embedded store, seen from the caller's thread. A transaction holds the one session: whatever comes meanwhile waits.
import { mkdirSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { Worker } from 'node:worker_threads'
import { TransientError } from '../../streams/contracts/errors.ts'
import { migrate } from './migrate.ts'
import { toStorable } from './storable.ts'
import type { ThreadReply, ThreadRequest } from './pglite-thread.ts'
import type { Engine, SqlValue, Store } from './store.ts'
import { createSessions } from './transaction.ts'
import { createTurns } from '../../streams/contracts/turns.ts'

interface Waiter {
  readonly resolve: (rows: unknown[]) => void
  readonly reject: (error: Error) => void
}

/**
 * How many bytes of a function of WebAssembly run before V8 compiles it again, optimised: 75 times the default. Opening a database runs
 * thousands of functions a few times each, and optimising them took 0.7 s of CPU from a start; scans of 100,000 rows and a thousand small
 * statements were no slower without.
 */
const WASM_TIERING_BUDGET = 1_000_000_000

const startThread = async (directory: string) => {
  setFlagsFromString(`--wasm-tiering-budget=${WASM_TIERING_BUDGET}`)
  const worker = new Worker(new URL('./pglite-thread.ts', import.meta.url), { workerData: { directory } })
  const waiting = new Map<number, Waiter>()
  let nextId = 1
  let gone: Error | null = null
  const fail = (error: Error): void => {
    gone ??= error
    for (const waiter of waiting.values()) waiter.reject(gone)
    waiting.clear()
  }
  worker.on('error', (error) =>
    fail(new TransientError('STORE_UNAVAILABLE', `the embedded store stopped: ${(error as Error).message}`, 1000, { cause: error })),
  )
  worker.on('exit', () => fail(new TransientError('STORE_UNAVAILABLE', 'the embedded store is closed')))
  worker.on('message', (reply: ThreadReply) => {
    const waiter = waiting.get(reply.id)
    waiting.delete(reply.id)
    if ('rows' in reply) waiter?.resolve(reply.rows as unknown[])
    else waiter?.reject(Object.assign(new Error(reply.error.message), { code: reply.error.code, constraint: reply.error.constraint }))
  })
  const ready = new Promise<unknown[]>((resolve, reject) => waiting.set(0, { resolve, reject }))
  const call = (kind: ThreadRequest['kind'], sql: string, params: readonly SqlValue[]): Promise<unknown[]> =>
    new Promise((resolve, reject) => {
      if (gone !== null) return reject(gone)
      const id = nextId++
      waiting.set(id, { resolve, reject })
      worker.postMessage({ id, kind, sql, params } satisfies ThreadRequest)
    })
  await ready
  return call
}

/** The caller holds the data directory's lock: two processes on one directory corrupt it. */
export const openPglite = async (directory: string): Promise<Store> => {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const call = await startThread(directory)
  const engine: Engine = {
    query: async <Row>(sql: string, params: readonly SqlValue[] = []) => (await call('query', sql, toStorable(params))) as Row[],
    script: async (sql) => {
      await call('script', sql, [])
    },
  }
  await migrate(engine)

  const inTurn = createTurns()
  let closing: Promise<void> | null = null
  return {
    ...createSessions({ query: (sql, params) => inTurn(() => engine.query(sql, params)) }, (run) => inTurn(() => run(engine))),
    close: () =>
      (closing ??= inTurn(async () => {
        await call('close', '', [])
      })),
  }
}
