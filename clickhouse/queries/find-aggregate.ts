// Runs an aggregate: the largest groups first, then the rows of these and of the rest. Counts for the whole range need no
// second reading: what is in none of the groups is the difference.
import type { ClickHouse } from '../client.ts'
import { aggregateGroups, aggregateRows, MAX_GROUPS, type AggregateRow, type Aggregation, type GroupRow } from './logs-aggregate.ts'

export interface FoundAggregate {
  readonly groups: readonly GroupRow[]
  readonly rows: readonly AggregateRow[]
}

const countRow = (hash: string, records: number): AggregateRow => ({
  bucket: '0',
  hash,
  records: String(records),
  quantiles: [],
  low: null,
  high: null,
  mean: null,
  total: null,
})

const toCounts = (groups: readonly GroupRow[]): AggregateRow[] => {
  const rest = Number(groups.at(0)?.all ?? 0) - groups.reduce((sum, group) => sum + Number(group.records), 0)
  return [...groups.map((group) => countRow(group.hash, Number(group.records))), ...(rest > 0 ? [countRow('0', rest)] : [])]
}

/** @throws TransientError QUERY_TIMED_OUT. */
export const findAggregate = async (clickhouse: Pick<ClickHouse, 'query'>, asked: Aggregation, most: number): Promise<FoundAggregate> => {
  const largest = aggregateGroups(asked, most)
  const groups = asked.by.length === 0 ? [] : await clickhouse.query(largest.query, largest.params)
  // Of more groups than are counted apart the difference knows nothing.
  const isCounted =
    asked.by.length > 0 && asked.stepSeconds === null && asked.measured === null && Number(groups.at(0)?.groups ?? 0) < MAX_GROUPS
  if (isCounted) return { groups, rows: toCounts(groups) }
  const { query, params } = aggregateRows(
    asked,
    groups.map((group) => group.hash),
  )
  return { groups, rows: await clickhouse.query(query, params) }
}
