// A cluster behind the same port as one server. Reads go through Distributed tables on whichever node answers. Rows of the log go to
// the local table of the shard that their partition has; what is not written from the log lives on the first shard, because FINAL
// does not look across shards. After a failure the next try goes to another replica: Keeper keeps tokens and parts together, so
// what the first one took is a duplicate on the second.
import { PermanentError, TransientError } from '../../streams/contracts/errors.ts'
import { createClickHouse, type ClickHouse, type ClickHouseConfig, type Query } from '../client.ts'
import { localOf, overShards, toClusterStatements } from './statements.ts'

export interface ClusterConfig extends ClickHouseConfig {
  readonly cluster: string
  /** Replicas that must have an INSERT before it is acknowledged; 'auto' is most of them. */
  readonly insertQuorum: string
}

/** In ClickHouse's order. Every node listens on the port, and with the scheme, of the URL. */
export interface Shard {
  readonly number: number
  readonly hosts: readonly string[]
}
interface NodeRow {
  readonly shard: number
  readonly host: string
}

const nodes: Query<NodeRow> = {
  name: 'all_tenants.cluster_nodes',
  sql: 'SELECT shard_num AS shard, host_name AS host FROM system.clusters WHERE cluster = {cluster:String} ORDER BY shard_num, replica_num',
}
const names: Query<{ readonly cluster: string }> = {
  name: 'all_tenants.cluster_names',
  sql: 'SELECT DISTINCT cluster FROM system.clusters ORDER BY cluster',
}

const FROM_THE_LOG = new Set(['otel_logs', 'otel_spans', 'series_partials', 'log_template_counts'])
const REFRESH_MS = 60_000

/** A shard that cannot be asked is an error, not a shorter answer; rows of one trace may be on several shards. */
const READ_SETTINGS = { skip_unavailable_shards: 0, distributed_product_mode: 'global' }
/** A node that is away learns of a statement when it is back. */
const DDL_SETTINGS = { distributed_ddl_task_timeout: 45, distributed_ddl_output_mode: 'throw_only_active' }
/** Shorter than our own request time-out: its outcome is then unknown, and the same token is sent again. */
const QUORUM_TIMEOUT_MS = 30_000

/** The same place in another order each time it fails: sticks to what works. */
interface Choice {
  current(): ClickHouse
  failed(of: ClickHouse): void
  readonly size: number
}
const createChoice = (urls: readonly string[], open: (url: string) => ClickHouse): Choice => {
  let at = 0
  return {
    current: () => open(urls[at % urls.length]),
    failed: (of) => {
      if (open(urls[at % urls.length]) === of) at += 1
    },
    size: urls.length,
  }
}

export const shardsOf = (rows: readonly NodeRow[]): readonly Shard[] =>
  [...Map.groupBy(rows, (row) => row.shard)].map(([number, of]) => ({ number, hosts: of.map((row) => row.host) }))

/** Evenly, and the same in every process. Once a range is recorded, its shard is what was recorded with it. */
export const shardOfPartition = (shards: readonly Shard[], partition: number): number => shards[partition % shards.length].number

/** Queries work at once; everything else from `ensureDatabase` on. */
export const createClusterClickHouse = (config: ClusterConfig): ClickHouse => {
  const { cluster } = config
  const opened = new Map<string, ClickHouse>()
  const open = (url: string): ClickHouse => {
    const found =
      opened.get(url) ??
      createClickHouse({
        ...config,
        url,
        settings: { ...READ_SETTINGS, ...DDL_SETTINGS },
        // Rows without a token are of tables that replace: what is written again must be written, not taken for a duplicate.
        insertSettings: { insert_deduplicate: 0, insert_quorum: config.insertQuorum, insert_quorum_timeout: QUORUM_TIMEOUT_MS },
      })
    opened.set(url, found)
    return found
  }
  const urlOf = (host: string): string => {
    const url = new URL(config.url)
    url.hostname = host.includes(':') ? `[${host}]` : host
    return url.href
  }
  let shards: readonly Shard[] = []
  let writers = new Map<number, Choice>()
  let readers = createChoice([config.url], open)
  let refreshedAt = 0
  let refreshing: Promise<void> | null = null

  const on = async <T>(choice: Choice, run: (node: ClickHouse) => Promise<T>): Promise<T> => {
    const node = choice.current()
    try {
      return await run(node)
    } catch (error) {
      if (error instanceof TransientError && error.code === 'STORE_UNAVAILABLE') choice.failed(node)
      throw error
    }
  }
  /** Our own database may not be there yet. */
  const system = createClickHouse({ ...config, database: 'system' })
  const learn = async (): Promise<void> => {
    const known = shardsOf(await system.query(nodes, { cluster }))
    if (known.length === 0) {
      const others = (await system.query(names, {})).map((row) => row.cluster)
      throw new PermanentError(
        'CONFIG_INVALID',
        `LAPWING_CLICKHOUSE_CLUSTER: the server knows no cluster ${cluster}${others.length === 0 ? '' : `, only ${others.join(', ')}`}`,
      )
    }
    refreshedAt = Date.now()
    if (JSON.stringify(known) === JSON.stringify(shards)) return
    shards = known
    writers = new Map(shards.map((shard) => [shard.number, createChoice(shard.hosts.map(urlOf), open)]))
    readers = createChoice([config.url, ...shards.flatMap((shard) => shard.hosts.map(urlOf))], open)
  }
  /** In the background: which shards there are decides only where new ranges go. */
  const refresh = (): void => {
    if (refreshing !== null || Date.now() - refreshedAt < REFRESH_MS) return
    refreshing = learn()
      .catch(() => {
        refreshedAt = Date.now()
      })
      .finally(() => {
        refreshing = null
      })
  }
  const writerOf = (shard: number): Choice => {
    const found = writers.get(shard)
    if (found === undefined)
      throw new TransientError('STORE_UNAVAILABLE', `shard ${shard} of ${cluster}, where an open range began, is not in the cluster`)
    return found
  }
  const home = (): Choice => writerOf(shards[0].number)
  const placeOf = async (table: string, shard: number | null | undefined): Promise<{ choice: Choice; table: string }> => {
    // Tables that only check rows are on the node that was told to make them.
    if (table.endsWith('_check')) return { choice: home(), table }
    if (!FROM_THE_LOG.has(table)) return { choice: home(), table: localOf(table) }
    if (shard === null || shard === undefined) throw new Error(`rows of ${table} have a shard`)
    return { choice: writerOf(shard), table: localOf(table) }
  }

  return {
    query: (query, params, options = {}) =>
      on(options.shard === null || options.shard === undefined ? readers : writerOf(options.shard), (node) =>
        node.query({ name: query.name, sql: overShards(query.sql, cluster) }, params, options),
      ),
    insert: async (insert) => {
      const { choice, table } = await placeOf(insert.table, insert.shard)
      await on(choice, (node) => node.insert({ ...insert, table }))
    },
    insertRows: async (insert) => {
      const { choice, table } = await placeOf(insert.table, insert.shard)
      await on(choice, (node) => node.insertRows({ ...insert, table }))
    },
    command: async (sql, params) => {
      for (const statement of toClusterStatements(sql, cluster)) await on(home(), (node) => node.command(statement, params))
    },
    shardOf: (partition) => {
      refresh()
      return shardOfPartition(shards, partition)
    },
    ensureDatabase: async () => {
      await learn()
      await on(home(), (node) => node.ensureDatabase())
    },
    ping: async () => {
      for (let tried = 0; tried < readers.size; tried += 1) {
        const node = readers.current()
        if (await node.ping()) return true
        readers.failed(node)
      }
      return false
    },
    close: async () => {
      await Promise.all([system, ...opened.values()].map((one) => one.close()))
    },
  }
}
