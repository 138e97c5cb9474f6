// PGlite on a thread of its own: it works on the caller's event loop, and a scan would hold that up for 100 ms.
// One statement at a time, in the order in which they come; the only file that imports PGlite.
import { parentPort, workerData } from 'node:worker_threads'
import { PGlite, types } from '@electric-sql/pglite'
import type { SqlValue } from './store.ts'

export interface ThreadRequest {
  readonly id: number
  readonly kind: 'query' | 'script' | 'close'
  readonly sql: string
  readonly params: readonly SqlValue[]
}
export type ThreadReply =
  | { readonly id: number; readonly rows: readonly unknown[] }
  | { readonly id: number; readonly error: { readonly message: string; readonly code: string; readonly constraint: string } }

const port = parentPort
if (port === null) throw new Error('pglite-thread runs as a worker thread')

/** The default of 128 MB is filled with zeros at every start (0.15 s) and stays resident, for tables of a few MB whose files are in the page cache anyway. */
const SHARED_BUFFERS = '32MB'

const database = await PGlite.create({
  startParams: [...PGlite.defaultStartParams, '-c', `shared_buffers=${SHARED_BUFFERS}`],
  dataDir: (workerData as { directory: string }).directory,
  parsers: { [types.INT8]: (text: string) => Number(text) },
})

const handle = async (request: ThreadRequest): Promise<readonly unknown[]> => {
  if (request.kind === 'close') await database.close()
  else if (request.kind === 'script') await database.exec(request.sql)
  else return (await database.query(request.sql, [...request.params])).rows
  return []
}

let last: Promise<void> = Promise.resolve()
port.on('message', (request: ThreadRequest) => {
  last = last.then(async () => {
    let reply: ThreadReply
    try {
      reply = { id: request.id, rows: await handle(request) }
    } catch (thrown) {
      const error = thrown as { message: string; code?: string; constraint?: string }
      reply = { id: request.id, error: { message: error.message, code: error.code ?? '', constraint: error.constraint ?? '' } }
    }
    port.postMessage(reply)
    if (request.kind === 'close') port.close()
  })
})
port.postMessage({ id: 0, rows: [] } satisfies ThreadReply)
