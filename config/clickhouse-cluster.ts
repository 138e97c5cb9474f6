// Settings of a ClickHouse cluster, which stands behind CLICKHOUSE_URL.
import type { Settings } from './settings.ts'

export interface ClusterSettings {
  /** As `remote_servers` of the servers' configuration names it. */
  readonly name: string
  /** A number of replicas, or `auto` for most of them. */
  readonly insertQuorum: string
}

/** Null: one server. */
export const readClickHouseCluster = ({ text, wrong, problems }: Settings): ClusterSettings | null => {
  const name = text('LAPWING_CLICKHOUSE_CLUSTER')
  const insertQuorum = text('LAPWING_CLICKHOUSE_INSERT_QUORUM') ?? 'auto'
  if (!/^(?:auto|\d{1,2})$/.test(insertQuorum)) wrong('LAPWING_CLICKHOUSE_INSERT_QUORUM', insertQuorum, 'auto or a number of replicas')
  if (name === null) return null
  if (!/^[\w.-]{1,64}$/.test(name)) wrong('LAPWING_CLICKHOUSE_CLUSTER', name, 'a name of letters, digits, dots, hyphens and underscores')
  if (text('CLICKHOUSE_URL') === null && text('CLICKHOUSE_URL_FILE') === null)
    problems.push('CLICKHOUSE_URL: must be set beside LAPWING_CLICKHOUSE_CLUSTER')
  return { name, insertQuorum }
}
