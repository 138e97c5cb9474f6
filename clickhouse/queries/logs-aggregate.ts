// Counts and figures of the logs that match: which groups are the largest, then their rows, bucket by bucket, the rest folded
// into one. A group is known by the hash of its values. A statement that is out of time fails: stopped by
// `timeout_overflow_mode = 'break'`, an aggregation gives nothing at all.
import type { Query } from '../client.ts'
import { fieldSql } from './filter-sql.ts'
import type { Field } from './filter-tree.ts'
import { logsWhere, type LogFilter, type Prepared } from './logs-search.ts'

export interface Aggregation {
  readonly filter: LogFilter
  /** At most three. */
  readonly by: readonly Field[]
  /** Records without a number in it are left out. */
  readonly measured: Field | null
  /** null = the whole range is one bucket. */
  readonly stepSeconds: number | null
}
/** `groups` = how many there are, `all` = records in all of them. */
export interface GroupRow {
  readonly by0: string
  readonly by1: string
  readonly by2: string
  readonly hash: string
  readonly records: string
  readonly groups: string
  readonly all: string
}
/** `hash` is 0 for what is in none of the groups. `bucket` counts steps from 1970 on. */
export interface AggregateRow {
  readonly bucket: string
  readonly hash: string
  readonly records: string
  readonly quantiles: readonly (number | null)[]
  readonly low: number | null
  readonly high: number | null
  readonly mean: number | null
  readonly total: number | null
}

export const QUANTILES = ['p50', 'p75', 'p90', 'p95', 'p99', 'p999'] as const
export const MAX_CELLS = 10_000
/** Of groups that are told apart when the largest are looked for; further ones are not counted for it. */
export const MAX_GROUPS = 1_000_000

/** Constants for what is not asked for would cost as much as another key: they are added outside. */
const keysOf = (by: readonly Field[]): string => by.map((_, index) => 'by'.concat(String(index))).join(', ')
const hashOf = (by: readonly Field[]): string => 'sipHash64('.concat(keysOf(by), ')')
const namesOf = (by: readonly Field[]): string =>
  [0, 1, 2].map((index) => (index < by.length ? '' : "'' AS ").concat('by', String(index))).join(', ')
/** Of one bucket that holds all of time. */
const FOREVER_NS = String(2n ** 63n - 1n)

/** One row per match: bucket, by0 to as many as are asked for, value. */
const matching = ({ filter, by, measured, stepSeconds }: Aggregation): { sql: string; params: Record<string, unknown> } => {
  const { sql, params } = logsWhere(filter)
  const columns = by.map((field, index) => {
    const made = fieldSql(field, 'b'.concat(String(index), '_'))
    Object.assign(params, made.params)
    return 'toString('.concat(made.sql, ')')
  })
  const value =
    measured === null ? null : measured.kind === 'severity' ? { sql: 'toString(SeverityNumber)', params: {} } : fieldSql(measured, 'm')
  Object.assign(params, value?.params, { stepNs: stepSeconds === null ? FOREVER_NS : String(BigInt(stepSeconds) * 1_000_000_000n) })
  const selected = [
    'intDiv(toUnixTimestamp64Nano(Timestamp), {stepNs:Int64}) AS bucket',
    ...columns.map((column, index) => column.concat(' AS by', String(index))),
    (value === null ? 'toFloat64(0)' : 'toFloat64OrNull('.concat(value.sql, ')')).concat(' AS value'),
  ]
  return { sql: '(SELECT '.concat(selected.join(', '), sql, ')', ' WHERE isFinite(value)'), params }
}

/** The largest groups. */
export const aggregateGroups = (asked: Aggregation, groups: number): Prepared<GroupRow> => {
  const { sql, params } = matching(asked)
  const query: Query<GroupRow> = {
    name: 'logs.aggregate_groups',
    sql: 'SELECT '.concat(
      namesOf(asked.by),
      ', toString(',
      hashOf(asked.by),
      ') AS hash, toString(count()) AS records, toString(count() OVER ()) AS groups, toString(sum(count()) OVER ()) AS all FROM ',
      sql,
      ' GROUP BY ',
      keysOf(asked.by),
      ' ORDER BY count() DESC, ',
      keysOf(asked.by),
      ` LIMIT {groups:UInt32}
SETTINGS max_execution_time = 1.6, max_rows_to_group_by = 1000000, group_by_overflow_mode = 'any', max_memory_usage = 1000000000`,
    ),
  }
  return { query, params: { ...params, groups } }
}

/** Of nothing measured, figures are not worth a quarter of the time that counting takes. */
const FIGURES =
  'quantilesTDigest(0.5, 0.75, 0.9, 0.95, 0.99, 0.999)(value) AS quantiles, min(value) AS low, max(value) AS high, avg(value) AS mean, sum(value) AS total'
const NO_FIGURES = 'emptyArrayFloat64() AS quantiles, NULL AS low, NULL AS high, NULL AS mean, NULL AS total'

/** The rows of these groups (hashes), and of the rest as one. */
export const aggregateRows = (asked: Aggregation, hashes: readonly string[]): Prepared<AggregateRow> => {
  const { sql, params } = matching(asked)
  const query: Query<AggregateRow> = {
    name: 'logs.aggregate',
    sql: 'SELECT toString(bucket) AS bucket, toString(group) AS hash, toString(count()) AS records, '.concat(
      asked.measured === null ? NO_FIGURES : FIGURES,
      ' FROM (SELECT bucket, value, ',
      // With IN a set is looked up; has() walks the array: three times the cost.
      hashes.length === 0 ? 'toUInt64(0)' : 'if('.concat(hashOf(asked.by), ' IN {hashes:Array(UInt64)}, ', hashOf(asked.by), ', 0)'),
      ' AS group FROM ',
      sql,
      `)
GROUP BY bucket, group ORDER BY bucket, count() DESC LIMIT {cells:UInt32} SETTINGS max_execution_time = 2.2, max_memory_usage = 1000000000`,
    ),
  }
  return { query, params: { ...params, hashes: hashes.map(BigInt), cells: MAX_CELLS } }
}
