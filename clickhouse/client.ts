// The only file that speaks to ClickHouse: queries are objects with parameters, inserts carry their deduplication token.
// Failures are of two kinds: the store cannot be reached or is overloaded (transient), or it refuses what was sent (permanent).
import { createClient, ClickHouseError, type ClickHouseClient } from '@clickhouse/client'
import { Readable } from 'node:stream'
import { PermanentError, TransientError } from '../streams/contracts/errors.ts'
import { createDatabaseSql } from './cluster/statements.ts'

/** Parameterised SQL; `_row` only carries the row's type. UInt64 arrives as text. */
export interface Query<Row> {
  readonly name: string
  readonly sql: string
  readonly _row?: Row
}
export interface NativeInsert {
  readonly table: string
  /** Native bytes; several pieces are sent one after the other. Under one token they must be the pieces of one block. */
  readonly block: Uint8Array | Uint8Array[]
  readonly token: string
  /** Of a cluster: whose rows these are. Tables that are not written from the log have their home and need none. */
  readonly shard?: number | null
}
export interface RowsInsert {
  readonly table: string
  readonly rows: object[]
  readonly token?: string
  readonly shard?: number | null
}
/** `timeoutMs` ends it, here and in the store. `isAsked`: somebody waits for the answer. `shard`: asked of a node of that shard. */
export interface QueryOptions {
  readonly timeoutMs?: number
  readonly isAsked?: boolean
  readonly shard?: number | null
}

export interface ClickHouse {
  query<Row>(query: Query<Row>, params: Record<string, unknown>, options?: QueryOptions): Promise<Row[]>
  /** Rejects with PermanentError STORE_REJECTED only when the rows themselves are refused; everything else may pass. */
  insert(insert: NativeInsert): Promise<void>
  /** Small control tables only: JSONEachRow. */
  insertRows(insert: RowsInsert): Promise<void>
  command(sql: string, params?: Record<string, unknown>): Promise<void>
  /** Where rows of a new range of this partition of the log go; null: there is one server, a plain one. */
  shardOf(partition: number): number | null
  /** Makes the client's database when it is absent. @throws PermanentError CONFIG_INVALID when the user may not. */
  ensureDatabase(): Promise<void>
  ping(): Promise<boolean>
  close(): Promise<void>
}

// Codes that another try may cure: memory, too many parts or queries, time-outs, shutdown, network, disk space, read-only.
/** The query itself took too long: a smaller one may do. */
const TIME_OUT_CODE = '159'
/** Those of them that say too much is asked: memory, queries at once, threads, parts. */
const OVERLOAD_CODES = new Set(['202', '241', '252', '439'])
const TRANSIENT_CODES = new Set([
  TIME_OUT_CODE,
  '202',
  '209',
  '210',
  '236',
  '241',
  '242',
  '243',
  '252',
  '319',
  '394',
  '425',
  '432',
  '439',
  '655',
  '734',
])

const toStoreError = (error: unknown, what: string): Error => {
  if (error instanceof ClickHouseError && !TRANSIENT_CODES.has(error.code))
    return new PermanentError('STORE_REJECTED', `${what}: ${error.message}`, { cause: error })
  const said = error instanceof ClickHouseError ? error.code : ''
  const code = said === TIME_OUT_CODE ? 'QUERY_TIMED_OUT' : OVERLOAD_CODES.has(said) ? 'STORE_OVERLOADED' : 'STORE_UNAVAILABLE'
  return new TransientError(code, `${what}: ${error instanceof Error ? error.message : 'failed'}`, 1000, { cause: error })
}

// Codes that speak of the rows that were sent: parsing, sizes, types, ranges, constraints. Only these are the fault of an
// INSERT's data. Rights, a missing table or column, memory, disk are conditions of the store, and somebody will end them.
const DATA_CODES = new Set([
  '6',
  '7',
  '9',
  '26',
  '27',
  '32',
  '33',
  '34',
  '38',
  '41',
  '43',
  '44',
  '53',
  '69',
  '70',
  '72',
  '117',
  '128',
  '130',
  '131',
  '190',
  '321',
  '349',
  '407',
  '469',
])

const toInsertError = (error: unknown, what: string): Error => {
  const failed = toStoreError(error, what)
  if (!(failed instanceof PermanentError) || (error instanceof ClickHouseError && DATA_CODES.has(error.code))) return failed
  return new TransientError('STORE_UNAVAILABLE', failed.message, 1000, { cause: error })
}

type Settings = Readonly<Record<string, string | number>>
export interface ClickHouseConfig {
  readonly url: string
  readonly user: string
  readonly password: string
  readonly database: string
  /** PEM of the authority behind an https URL; null or absent: those that the runtime knows. */
  readonly tlsCa?: string | null
  readonly requestTimeoutMs?: number
  /** The database is made on all of its nodes. */
  readonly cluster?: string
  /** Sent with every statement, and with every INSERT besides. */
  readonly settings?: Settings
  readonly insertSettings?: Settings
  /** Sent with queries that somebody waits for. */
  readonly askedSettings?: Settings
}

const insertSettings = (token: string | undefined): Record<string, string | number> => ({
  async_insert: 0,
  // One INSERT is one block and so one part: nothing may split or merge it.
  max_insert_block_size: 2_000_000,
  min_insert_block_size_rows: 0,
  min_insert_block_size_bytes: 0,
  max_insert_threads: 1,
  input_format_parallel_parsing: 0,
  ...(token === undefined ? {} : { insert_deduplicate: 1, insert_deduplication_token: token }),
})

/** The store's own end of a query says more than ours. */
const ABORT_SLACK_MS = 500

const databases: Query<{ readonly name: string }> = {
  name: 'all_tenants.database',
  sql: 'SELECT name FROM system.databases WHERE name = {database:String}',
}
const ACCESS_DENIED = '497'

export const createClickHouse = (config: ClickHouseConfig): ClickHouse => {
  const place = {
    url: config.url,
    username: config.user,
    password: config.password,
    ...(typeof config.tlsCa === 'string' ? { tls: { ca_cert: Buffer.from(config.tlsCa) } } : {}),
  }
  const client: ClickHouseClient = createClient({
    ...place,
    database: config.database,
    request_timeout: config.requestTimeoutMs ?? 60_000,
    max_open_connections: 16,
    keep_alive: { enabled: true, idle_socket_ttl: 2000 },
    // Errors come back as values of ours; the client's own log would repeat them.
    log: { level: 127 },
    clickhouse_settings: config.settings ?? {},
  })
  const insertWith = (token: string | undefined): Record<string, string | number> => ({
    ...config.insertSettings,
    ...insertSettings(token),
  })
  const attempt = async <T>(
    what: string,
    run: () => Promise<T>,
    toError: (error: unknown, what: string) => Error = toStoreError,
  ): Promise<T> => {
    try {
      return await run()
    } catch (error) {
      throw error instanceof PermanentError ? error : toError(error, what)
    }
  }
  return {
    query: (query, params, { timeoutMs, isAsked = false } = {}) =>
      attempt(query.name, async () => {
        const result = await client.query({
          query: query.sql,
          query_params: params,
          format: 'JSONEachRow',
          clickhouse_settings: {
            output_format_json_quote_64bit_integers: 1,
            ...(isAsked ? config.askedSettings : {}),
            ...(timeoutMs === undefined ? {} : { max_execution_time: timeoutMs / 1000 }),
          },
          ...(timeoutMs === undefined ? {} : { abort_signal: AbortSignal.timeout(timeoutMs + ABORT_SLACK_MS) }),
        })
        return await result.json()
      }),
    insert: ({ table, block, token }) =>
      attempt(
        `insert into ${table}`,
        async () => {
          const pieces = Array.isArray(block) ? block : [block]
          const { stream } = await client.exec({
            query: `INSERT INTO ${table} FORMAT Native`,
            values: Readable.from(
              pieces.map((piece) => Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength)),
              { objectMode: false },
            ),
            clickhouse_settings: insertWith(token),
          })
          await drain(stream)
        },
        toInsertError,
      ),
    insertRows: ({ table, rows, token }) =>
      attempt(
        `insert into ${table}`,
        async () => {
          if (rows.length > 0) await client.insert({ table, values: rows, format: 'JSONEachRow', clickhouse_settings: insertWith(token) })
        },
        toInsertError,
      ),
    command: (sql, params) =>
      attempt('command', async () => {
        await client.command({ query: sql, query_params: params, clickhouse_settings: { wait_end_of_query: 1 } })
      }),
    shardOf: () => null,
    ensureDatabase: () =>
      attempt('create database', async () => {
        const outside = createClient({ ...place, database: 'system', log: { level: 127 }, clickhouse_settings: config.settings ?? {} })
        try {
          // One that is there needs no right to make it.
          const there = await outside.query({ query: databases.sql, query_params: { database: config.database }, format: 'JSONEachRow' })
          if (config.cluster === undefined && (await there.json()).length > 0) return
          await outside.command({ query: createDatabaseSql(config.cluster ?? null), query_params: { database: config.database } })
        } catch (error) {
          if (!(error instanceof ClickHouseError) || error.code !== ACCESS_DENIED) throw error
          throw new PermanentError(
            'CONFIG_INVALID',
            `the user ${config.user} may not create the database ${config.database}: create it, or GRANT CREATE DATABASE`,
            { cause: error },
          )
        } finally {
          await outside.close()
        }
      }),
    ping: async () => (await client.ping({ select: true })).success,
    close: () => client.close(),
  }
}

/** An answer that is not read to its end keeps its connection. */
const drain = (stream: NodeJS.ReadableStream): Promise<void> =>
  new Promise((resolve, reject) => {
    stream
      .on('error', reject)
      .on('end', () => resolve())
      .on('close', () => resolve())
    stream.resume()
  })
