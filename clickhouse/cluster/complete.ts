// Nodes that joined the cluster after its tables were made get what the others have, as it is now: the migrations that made it
// are recorded as done, and a replica whose definition is not that of its shard is refused by Keeper.
import type { ClickHouse, Query } from '../client.ts'
import { toMissingTable } from './statements.ts'

interface TableRow {
  readonly definition: string
}
/** A node that does not answer is not counted, and learns of the statement when it is back. Local tables first: Distributed ones are made after them. */
const missing = (cluster: string): Query<TableRow> => ({
  name: 'all_tenants.missing_tables',
  sql: 'SELECT any(t.create_table_query) AS definition FROM clusterAllReplicas(`'.concat(
    cluster,
    `\`, system.tables) AS t
WHERE t.database = {database:String} AND (t.engine LIKE '%MergeTree' OR t.engine = 'Distributed')
GROUP BY t.name HAVING count() < (SELECT count() FROM clusterAllReplicas(\``,
    cluster,
    `\`, system.one))
ORDER BY any(t.engine) = 'Distributed', t.name SETTINGS skip_unavailable_shards = 1`,
  ),
})

/** Resolves to how many tables were made somewhere. */
export const completeNodes = async (
  clickhouse: Pick<ClickHouse, 'query' | 'command'>,
  { cluster, database }: { cluster: string; database: string },
): Promise<number> => {
  const tables = await clickhouse.query(missing(cluster), { database })
  for (const { definition } of tables) await clickhouse.command(toMissingTable(definition, cluster))
  return tables.length
}
