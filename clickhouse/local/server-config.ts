// The child's two configuration files. `default` may start the listener and nothing else; `app` is ours, with a random
// password; `reader` may SELECT and change only what Grafana and ClickStack send with each query. Bounds are for a small machine, not for a dedicated server.
import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface ServerConfig {
  readonly directory: string
  readonly maxMemoryBytes: number
  readonly appPassword: string
  readonly readerPassword: string
  readonly database: string
  /** Ours unless set. */
  readonly mergeSelectorBase?: number
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
const identifier = (name: string): string => {
  if (!/^[A-Za-z_][A-Za-z0-9_]{0,62}$/.test(name)) throw new RangeError(`not a database name: ${name}`)
  return name
}

/** Grafana's client sends a time limit with every query, ClickStack how rows are read and written: under `readonly` 1 each is refused unless named here. */
const READER_MAX_SECONDS = 300
const READER_MAY_SET = [
  'cancel_http_readonly_queries_on_client_close',
  'date_time_output_format',
  'max_result_rows',
  'max_rows_to_read',
  'output_format_json_quote_64bit_integers',
  'read_overflow_mode',
  'result_overflow_mode',
  'session_timezone',
]
const readerConstraints = `<constraints><max_execution_time><min>1</min><max>${READER_MAX_SECONDS}</max><changeable_in_readonly/></max_execution_time>${READER_MAY_SET.map((name) => `<${name}><changeable_in_readonly/></${name}>`).join('')}</constraints>`

/** By default a thread wants 1 GiB of free memory for itself: within our bounds no question ever got its second one. */
const threads = (count: number): string =>
  `<max_threads>${count}</max_threads><max_threads_min_free_memory_per_thread>0</max_threads_min_free_memory_per_thread>`
/** What `app` sends with a question that somebody waits for. What the process asks for itself is in no hurry, and a second thread costs a tenth more. */
export const ASKED_SETTINGS = { max_threads: 2 } as const

const usersXml = (config: ServerConfig): string => `<clickhouse>
  <profiles>
    <default><max_memory_usage>${Math.floor(config.maxMemoryBytes * 0.8)}</max_memory_usage></default>
    <app><max_memory_usage>${Math.floor(config.maxMemoryBytes * 0.8)}</max_memory_usage>${threads(1)}</app>
    <reader><readonly>1</readonly><max_execution_time>30</max_execution_time><max_memory_usage>${Math.floor(config.maxMemoryBytes * 0.5)}</max_memory_usage>${threads(ASKED_SETTINGS.max_threads)}${readerConstraints}</reader>
  </profiles>
  <quotas><default/></quotas>
  <users>
    <default>
      <password></password><profile>default</profile><quota>default</quota>
      <networks><ip>127.0.0.1</ip><ip>::1</ip></networks>
      <grants><query>GRANT SYSTEM LISTEN ON *.*</query><query>GRANT CREATE TEMPORARY TABLE ON *.*</query></grants>
    </default>
    <app>
      <password_sha256_hex>${sha256(config.appPassword)}</password_sha256_hex><profile>app</profile><quota>default</quota>
      <networks><ip>::/0</ip></networks>
      <grants><query>GRANT ALL ON ${identifier(config.database)}.*</query><query>GRANT SELECT ON system.*</query><query>GRANT TABLE ENGINE ON MergeTree</query><query>GRANT TABLE ENGINE ON Null</query><query>GRANT TABLE ENGINE ON ReplacingMergeTree</query><query>GRANT TABLE ENGINE ON AggregatingMergeTree</query></grants>
    </app>
    <reader>
      <password_sha256_hex>${sha256(config.readerPassword)}</password_sha256_hex><profile>reader</profile><quota>default</quota>
      <networks><ip>::/0</ip></networks>
      <grants><query>GRANT SELECT ON ${identifier(config.database)}.*</query></grants>
    </reader>
  </users>
</clickhouse>
`

/** How many times its largest part a merge must write before it is worth it; less the more parts there are. The default of 5 merges five
 * parts at a time: rows are written again and again (1.5 times in their first minute at one INSERT a second, now 0.9), and merging is what
 * ClickHouse spends most on. A day has some 25 parts instead of 12. */
const MERGE_SELECTOR_BASE = 20

const serverXml = (config: ServerConfig, usersFile: string): string => `<clickhouse>
  <users_config>${usersFile}</users_config>
  <max_server_memory_usage>${config.maxMemoryBytes}</max_server_memory_usage>
  <mark_cache_size>134217728</mark_cache_size>
  <index_mark_cache_size>33554432</index_mark_cache_size>
  <uncompressed_cache_size>0</uncompressed_cache_size>
  <max_concurrent_queries>32</max_concurrent_queries>
  <background_pool_size>2</background_pool_size>
  <background_merges_mutations_concurrency_ratio>1</background_merges_mutations_concurrency_ratio>
  <merge_tree>
    <merge_selector_base>${config.mergeSelectorBase ?? MERGE_SELECTOR_BASE}</merge_selector_base>
    <number_of_free_entries_in_pool_to_lower_max_size_of_merge>1</number_of_free_entries_in_pool_to_lower_max_size_of_merge>
    <number_of_free_entries_in_pool_to_execute_mutation>1</number_of_free_entries_in_pool_to_execute_mutation>
    <number_of_free_entries_in_pool_to_execute_optimize_entire_partition>1</number_of_free_entries_in_pool_to_execute_optimize_entire_partition>
  </merge_tree>
</clickhouse>
`

/** Writes both files (mode 0600) and returns the path of the server's. */
export const writeServerConfig = (config: ServerConfig): string => {
  mkdirSync(config.directory, { recursive: true, mode: 0o700 })
  const usersFile = join(config.directory, 'users.xml')
  const serverFile = join(config.directory, 'config.xml')
  writeFileSync(usersFile, usersXml(config), { mode: 0o600 })
  writeFileSync(serverFile, serverXml(config, usersFile), { mode: 0o600 })
  return serverFile
}
