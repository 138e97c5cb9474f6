// Why nothing was found: is there no data in the range, is a field in none of it, or does nothing match?
import { TransientError } from '../../streams/contracts/errors.ts'
import type { ClickHouse, Query } from '../client.ts'
import type { Field } from './filter-tree.ts'
import type { LogFilter } from './logs-search.ts'

type Attribute = Extract<Field, { kind: 'attribute' }>
interface TimeRow {
  readonly ns: string
}
interface KeysRow {
  readonly of_record: readonly string[]
  readonly of_resource: readonly string[]
}

export interface Emptiness {
  readonly reason: 'no_data_in_range' | 'field_unknown' | 'no_match'
  /** Of the record that is nearest to the end of the range; null = the tenant has none at all. */
  readonly nearestNs: string | null
  /** Attributes that none of the newest records of the range has. */
  readonly unknown: readonly Attribute[]
  readonly knownKeys: readonly string[]
}

export const newestLog: Query<TimeRow> = {
  name: 'logs.newest',
  sql: 'SELECT toString(toUnixTimestamp64Nano(Timestamp)) AS ns FROM otel_logs WHERE tenant = {tenant:String} AND Timestamp <= fromUnixTimestamp64Nano({toNs:Int64}) ORDER BY Timestamp DESC LIMIT 1 SETTINGS max_execution_time = 0.5',
}
export const oldestLogAfter: Query<TimeRow> = {
  name: 'logs.oldest_after',
  sql: 'SELECT toString(toUnixTimestamp64Nano(Timestamp)) AS ns FROM otel_logs WHERE tenant = {tenant:String} AND Timestamp > fromUnixTimestamp64Nano({toNs:Int64}) ORDER BY Timestamp LIMIT 1 SETTINGS max_execution_time = 0.5',
}
export const newestKeys: Query<KeysRow> = {
  name: 'logs.newest_keys',
  sql: `SELECT groupUniqArrayArray(1000)(mapKeys(LogAttributes)) AS of_record, groupUniqArrayArray(1000)(mapKeys(ResourceAttributes)) AS of_resource FROM (
  SELECT LogAttributes, ResourceAttributes FROM otel_logs WHERE tenant = {tenant:String} AND Timestamp >= fromUnixTimestamp64Nano({fromNs:Int64}) AND Timestamp <= fromUnixTimestamp64Nano({toNs:Int64})
  ORDER BY Timestamp DESC LIMIT 10000) SETTINGS max_execution_time = 0.5`,
}

const MAX_KEYS = 1000
/** Of a list that is full nothing can be said to be missing. */
const lacks = (keys: readonly string[], key: string): boolean => keys.length < MAX_KEYS && !keys.includes(key)
const unknownOf = (asked: readonly Attribute[], { of_record: record, of_resource: resource }: KeysRow): Attribute[] =>
  asked.filter(({ of, key }) => (of === 'resource' || lacks(record, key)) && (of === 'record' || lacks(resource, key)))

const explain = async (clickhouse: Pick<ClickHouse, 'query'>, filter: LogFilter, asked: readonly Attribute[]): Promise<Emptiness> => {
  const params = { tenant: filter.tenant, fromNs: String(filter.fromNs), toNs: String(filter.toNs) }
  const nearest = (await clickhouse.query(newestLog, params)).at(0) ?? (await clickhouse.query(oldestLogAfter, params)).at(0)
  const nearestNs = nearest?.ns ?? null
  const isInRange = nearestNs !== null && BigInt(nearestNs) >= filter.fromNs && BigInt(nearestNs) <= filter.toNs
  if (!isInRange) return { reason: 'no_data_in_range', nearestNs, unknown: [], knownKeys: [] }
  const [keys] = asked.length === 0 ? [] : await clickhouse.query(newestKeys, params)
  const unknown = keys === undefined ? [] : unknownOf(asked, keys)
  return {
    reason: unknown.length > 0 ? 'field_unknown' : 'no_match',
    nearestNs,
    unknown,
    knownKeys: keys === undefined ? [] : [...keys.of_record, ...keys.of_resource],
  }
}

/** null when there was no time to find out. */
export const explainEmpty = async (
  clickhouse: Pick<ClickHouse, 'query'>,
  filter: LogFilter,
  asked: readonly Attribute[],
): Promise<Emptiness | null> => {
  try {
    return await explain(clickhouse, filter, asked)
  } catch (error) {
    if (error instanceof TransientError && error.code === 'QUERY_TIMED_OUT') return null
    throw error
  }
}
