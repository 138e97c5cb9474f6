// Our client of ClickHouse, and the tables it works on.
import type { Leases } from '../streams/contracts/leases.ts'
import { createClickHouse, type ClickHouse } from '../clickhouse/client.ts'
import { createClusterClickHouse } from '../clickhouse/cluster/client.ts'
import { completeNodes } from '../clickhouse/cluster/complete.ts'
import type { LocalClickHouse } from '../clickhouse/local/local.ts'
import { migrate } from '../clickhouse/migrate.ts'
import { keepDays } from '../clickhouse/ttl.ts'
import type { Config } from '../config.ts'
import { underLease } from './under-lease.ts'

/** @param local null: the server that is configured. */
export const connectClickHouse = (config: Config, local: LocalClickHouse | null): ClickHouse => {
  const place = {
    url: local?.url ?? config.clickhouseUrl!,
    user: local?.user ?? config.clickhouseUser,
    password: local?.password ?? config.clickhousePassword,
    database: config.clickhouseDatabase,
    tlsCa: local === null ? config.clickhouseTlsCa : null,
    askedSettings: local?.askedSettings ?? {},
  }
  return config.clickhouseCluster === null
    ? createClickHouse(place)
    : createClusterClickHouse({ ...place, cluster: config.clickhouseCluster.name, insertQuorum: config.clickhouseCluster.insertQuorum })
}

/** By one process at a time: others that start meanwhile find it done. */
export const prepareTables = (clickhouse: ClickHouse, config: Config, leases: Leases): Promise<void> =>
  underLease(leases, 'clickhouse migrations', async () => {
    if (config.clickhouseCluster !== null)
      await completeNodes(clickhouse, { cluster: config.clickhouseCluster.name, database: config.clickhouseDatabase })
    await migrate(clickhouse)
    await keepDays(clickhouse, Math.round(config.retentionMs / 86_400_000))
  })
