// One definition of each table, two sizes: schema/ is written for one server, and here its statements become those of a cluster.
// Rows are in `<name>_local`, replicated; `<name>` is a Distributed table over them, so that no query has to change. The path in
// Keeper is spelled out: a replica that is added later finds it without knowing the table's UUID on the others.

const LOCAL = '_local'
/** The table that holds the rows, on each node. */
export const localOf = (table: string): string => table.concat(LOCAL)

/** Tokens must outlive a client that was stopped and goes on: 100,000 ranges, 7 days (the default is one hour). */
const WINDOWS = 'replicated_deduplication_window = 100000, replicated_deduplication_window_seconds = 604800'

const CREATE = /^(\s*(?:--.*\n\s*)*CREATE TABLE IF NOT EXISTS )([a-z_]+)(?=\s)/
const ALTER = /^(\s*(?:--.*\n\s*)*ALTER TABLE )([a-z_]+)(?=\s)/
const ENGINE = /\bENGINE = ((?:Replacing|Aggregating)?MergeTree)(?:\(([^()]*)\))?/
/** What a Distributed table has of its own: columns. It learns of codecs, indexes, settings and partitions from nobody. */
const COLUMNS = /\b(?:ADD|DROP|RENAME) COLUMN\b/

const quoted = (cluster: string): string => '`'.concat(cluster, '`')

const replicated =
  (table: string) =>
  (_engine: string, kind: string, argument: string | undefined): string =>
    'ENGINE = Replicated'.concat(
      kind,
      "('/clickhouse/tables/{shard}/{database}/",
      table,
      "', '{replica}'",
      argument ? ', '.concat(argument) : '',
      ')',
    )

/** Settings are the last clause of a definition. */
const withWindows = (sql: string): string =>
  /\bSETTINGS\b/.test(sql) ? sql.replace(/\bSETTINGS\b/, 'SETTINGS '.concat(WINDOWS, ',')) : sql.trimEnd().concat('\nSETTINGS ', WINDOWS)

/** A statement of schema/, retention or ttl.ts → those of a cluster, in order. What is not about a table of ours stays as it is.
 * @param cluster its name holds no backtick. */
export const toClusterStatements = (sql: string, cluster: string): readonly string[] => {
  const on = ' ON CLUSTER '.concat(quoted(cluster))
  const created = CREATE.exec(sql)?.[2]
  if (created !== undefined) {
    if (!ENGINE.test(sql)) throw new Error('no engine that has a replicated variant: '.concat(sql.slice(0, 200)))
    const rows = withWindows(sql.replace(ENGINE, replicated(created))).replace(CREATE, (_, head: string) =>
      head.concat(localOf(created), on),
    )
    // Without a sharding key ClickHouse itself refuses rows that come this way.
    const reads = 'CREATE TABLE IF NOT EXISTS '.concat(
      created,
      on,
      ' AS ',
      localOf(created),
      ' ENGINE = Distributed(',
      quoted(cluster),
      ', currentDatabase(), ',
      localOf(created),
      ')',
    )
    return [rows, reads]
  }
  const altered = ALTER.exec(sql)?.[2]
  if (altered === undefined) return [sql]
  const alter = (table: string): string => sql.replace(ALTER, (_, head: string) => head.concat(table, on))
  return COLUMNS.test(sql) ? [alter(localOf(altered)), alter(altered)] : [alter(localOf(altered))]
}

/** A definition as another node tells it → the same for nodes that lack it. */
export const toMissingTable = (definition: string, cluster: string): string =>
  definition.replace(/^CREATE TABLE (\S+)/, (_, name: string) =>
    'CREATE TABLE IF NOT EXISTS '.concat(name, ' ON CLUSTER ', quoted(cluster)),
  )

export const createDatabaseSql = (cluster: string | null): string =>
  'CREATE DATABASE IF NOT EXISTS {database:Identifier}'.concat(cluster === null ? '' : ' ON CLUSTER '.concat(quoted(cluster)))

/** Parts are told by each node of its own: ask one replica of every shard. */
export const overShards = (sql: string, cluster: string): string =>
  sql.replace(/\bsystem\.parts\b/g, () => 'cluster('.concat(quoted(cluster), ', system.parts)'))
