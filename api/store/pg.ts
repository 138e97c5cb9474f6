// The store on a PostgreSQL server. Connection trouble is transient, everything else is the statement's own fault.
// The only file that imports pg.
import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import { TransientError } from '../../streams/contracts/errors.ts'
import { migrate } from './migrate.ts'
import { toStorable } from './storable.ts'
import type { Engine, SqlValue, Store } from './store.ts'
import { createSessions } from './transaction.ts'
import { createTurns } from '../../streams/contracts/turns.ts'

const INT8 = 20
const types = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') =>
    oid === INT8 && format !== 'binary' ? Number : pg.types.getTypeParser(oid, format as 'text'),
} as pg.CustomTypesConfig

/** Class 08 is connection, 25P03 a transaction that idled, 40 a deadlock, 53 resources, 57 a timeout or a shutdown, 25006 a standby; without a severity the server was not reached. */
const toStoreError = (error: Error & { code?: string; severity?: string }): Error =>
  error.severity === undefined || /^(08|25006|25P03|40|53|57)/.test(error.code ?? '')
    ? new TransientError('STORE_UNAVAILABLE', `the control-plane database does not answer: ${error.message}`, 1000, { cause: error })
    : error

const engineOf = (client: pg.PoolClient | pg.Pool): Engine => ({
  query: async <Row>(sql: string, params: readonly SqlValue[] = []) => {
    try {
      return (await client.query({ text: sql, values: toStorable(params), types })).rows as Row[]
    } catch (error) {
      throw toStoreError(error as Error)
    }
  },
  script: async (sql) => {
    try {
      await client.query(sql)
    } catch (error) {
      throw toStoreError(error as Error)
    }
  },
})

/** A request that is one transaction may ask several things at once; pg will no longer queue them on one connection for us. */
const oneAtATime = (engine: Engine): Engine => {
  const inTurn = createTurns()
  return {
    query: (sql, params) => inTurn(() => engine.query(sql, params)),
    script: (sql) => inTurn(() => engine.script(sql)),
  }
}

const LISTEN_AGAIN_MS = 1000
const IDLE_IN_TRANSACTION_MS = 10_000
const START_ATTEMPTS = 3
const START_AGAIN_MS = 500

type Place = Pick<pg.ClientConfig, 'connectionString' | 'ssl'>
/** An authority of ours is always asked for: the URL's own words about TLS would stand in its way. */
const toPlace = (url: string, tlsCa: string | null): Place => {
  if (tlsCa === null) return { connectionString: url }
  const bare = new URL(url)
  for (const word of ['sslmode', 'sslrootcert', 'ssl']) bare.searchParams.delete(word)
  return { connectionString: bare.href, ssl: { ca: tlsCa } }
}

const listenOn = (place: Place, channel: string, onNotified: () => void): { close(): Promise<void> } => {
  let client: pg.Client | null = null
  let closed = false
  let timer: NodeJS.Timeout | undefined
  const connect = async (): Promise<void> => {
    const made = new pg.Client({ ...place, keepAlive: true, connectionTimeoutMillis: 5000, application_name: 'lapwing' })
    client = made
    const again = (): void => {
      if (closed || client !== made) return
      client = null
      made.end().catch(() => undefined)
      timer = setTimeout(() => {
        void connect()
      }, LISTEN_AGAIN_MS)
    }
    made.on('error', again)
    made.on('end', again)
    made.on('notification', onNotified)
    try {
      await made.connect()
      await made.query(`LISTEN ${pg.escapeIdentifier(channel)}`)
      // What was said while nobody listened.
      onNotified()
    } catch {
      again()
    }
  }
  void connect()
  return {
    close: async () => {
      closed = true
      clearTimeout(timer)
      await client?.end().catch(() => undefined)
    },
  }
}

/** A machine that starts everything at once answers late: what starts with it asks again before it gives up. */
const migrateWithin = async (attempts: number, run: () => Promise<unknown>): Promise<void> => {
  try {
    await run()
  } catch (error) {
    if (!(error instanceof TransientError) || attempts <= 1) throw error
    await pause(START_AGAIN_MS)
    await migrateWithin(attempts - 1, run)
  }
}

/** @param tlsCa PEM of the authority that signed the server's certificate; null: as the URL says. */
export const openPg = async (url: string, tlsCa: string | null = null): Promise<Store> => {
  const place = toPlace(url, tlsCa)
  // The server ends a statement that takes too long; the client's own limit is for a server that does not answer any more.
  const pool = new pg.Pool({
    ...place,
    max: 8,
    connectionTimeoutMillis: 5000,
    statement_timeout: 10_000,
    query_timeout: 12_000,
    // A process that was stopped in the middle of a transaction holds its locks no longer than its leases.
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
    // What is acknowledged is on the disk, whatever the server, the role or the database say.
    options: '-c synchronous_commit=on',
    keepAlive: true,
    application_name: 'lapwing',
  })
  // A connection that breaks fails its own query, and the next one gets a new connection. Its event has nothing to add, but
  // unheard it would end the process: the pool hears it only while the connection is idle.
  pool.on('error', () => undefined)
  pool.on('connect', (client) => {
    client.on('error', () => undefined)
  })
  const onOneConnection = async <T>(run: (engine: Engine) => Promise<T>): Promise<T> => {
    const client = await pool.connect().catch((error: Error) => {
      throw toStoreError(error)
    })
    let broken: Error | undefined
    try {
      return await run(oneAtATime(engineOf(client)))
    } catch (error) {
      if (error instanceof TransientError) broken = error
      throw error
    } finally {
      client.release(broken)
    }
  }
  try {
    await migrateWithin(START_ATTEMPTS, () => onOneConnection(migrate))
  } catch (error) {
    await pool.end()
    throw error
  }
  let closing: Promise<void> | null = null
  return {
    ...createSessions(engineOf(pool), onOneConnection),
    listen: (channel, onNotified) => listenOn(place, channel, onNotified),
    close: () => (closing ??= pool.end()),
  }
}
