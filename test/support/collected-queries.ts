// Every query to ClickHouse: the objects that are exported, and those that functions put together, in every form.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { findFacets } from '../../clickhouse/queries/find-facets.ts'
import { findLogs } from '../../clickhouse/queries/find-logs.ts'
import type { Field, FilterNode } from '../../clickhouse/queries/filter-tree.ts'
import { aggregateGroups, aggregateRows } from '../../clickhouse/queries/logs-aggregate.ts'
import type { LogFilter, LogPosition, LogRow } from '../../clickhouse/queries/logs-search.ts'

const folder = fileURLToPath(new URL('../../clickhouse/queries/', import.meta.url))
export interface Found {
  readonly name: string
  readonly sql: string
  /** Of those that functions put together. */ readonly params?: Record<string, unknown>
}
const isQuery = (value: unknown): value is Found => typeof value === 'object' && value !== null && 'sql' in value && 'name' in value

export const collectQueries = async (): Promise<Found[]> => {
  const modules = await Promise.all(
    readdirSync(folder)
      .filter((name) => name.endsWith('.ts'))
      .sort()
      .map(async (name) => (await import(/* @vite-ignore */ pathToFileURL(join(folder, name)).href)) as Record<string, unknown>),
  )
  const found = modules.flatMap((module) => Object.values(module).filter(isQuery))
  const reader = {
    query: async (query: Found, params: Record<string, unknown>) => {
      found.push({ name: query.name, sql: query.sql, params })
      return []
    },
  }
  const bare: LogFilter = {
    tenant: 't',
    fromNs: 0n,
    toNs: 10n ** 18n,
    service: null,
    severityMin: 0,
    words: [],
    attributes: [],
    traceId: null,
  }
  const after: LogPosition = { timestampNs: '5', logId: 'l', partition: 0, offset: '1', index: 0 }
  const key: Field = { kind: 'attribute', of: 'either', key: 'k' }
  const tree: FilterNode = {
    op: 'or',
    nodes: [
      { op: 'words', text: 'a b' },
      { op: 'not', node: { op: '=', field: key, value: 'v' } },
      { op: 'exists', field: key },
      { op: '>', field: key, value: '1' },
    ],
  }
  for (const filter of [
    bare,
    { ...bare, tree },
    {
      ...bare,
      service: 's',
      severityMin: 9,
      words: ['one', 'two'],
      attributes: [
        ['k', 'v'],
        ['l', 'w'],
      ],
      traceId: 'x',
    } satisfies LogFilter,
  ]) {
    for (const position of [null, after]) await findLogs(reader as never, filter, 10, position)
    await findFacets(reader as never, filter, {
      rows: [{ timestamp_ns: '9', ServiceName: 's', SeverityNumber: 9 } as LogRow],
      limit: 1,
      tookMs: 1,
    })
    for (const measured of [null, key]) {
      const asked = { filter, by: [key, { kind: 'severity' as const }], measured, stepSeconds: 60 }
      for (const { query, params } of [aggregateGroups(asked, 1), aggregateRows(asked, ['1'])]) found.push({ ...query, params })
    }
  }
  return [...new Map(found.map((one) => [one.sql, one])).values()]
}
