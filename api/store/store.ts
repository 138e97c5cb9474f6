// The port to the control plane's SQL store. The same SQL and the same migrations run on PGlite and on PostgreSQL.
// Parameters are strings, numbers, booleans and null; JSON goes in as text; times as ISO strings and come out as Date.

export type SqlValue = string | number | boolean | null

export interface Sql {
  query<Row>(sql: string, params?: readonly SqlValue[]): Promise<Row[]>
}

export interface Store extends Sql {
  /** Commits when `run` resolves, rolls back when it rejects. Calls of the store from inside `run` join it; a transaction becomes a savepoint. */
  transaction<T>(run: (sql: Sql) => Promise<T>): Promise<T>
  /** Calls back at each notification of the channel, on a connection of its own that is made anew when it breaks; absent where only one process works
   * on the store. A notification may be missed: whoever listens looks by itself too. */
  listen?(channel: string, onNotified: () => void): { close(): Promise<void> }
  close(): Promise<void>
}

/** What an engine offers: one session at a time, several statements in one text without parameters. */
export interface Engine extends Sql {
  script(sql: string): Promise<void>
}
