// Services and severities of the newest matches: every match from `fromNs` on is counted, none before it. The first page
// gives them free of cost; then time is walked backwards in growing steps, as far as a budget of milliseconds carries.
import type { ClickHouse } from '../client.ts'
import { logFacets, type FacetRow, type LogFilter, type LogRow } from './logs-search.ts'

export interface FoundFacets {
  readonly rows: readonly FacetRow[]
  readonly fromNs: bigint
}
/** The first page, how many rows it was asked for, and what it took. */
export interface FirstPage {
  readonly rows: readonly LogRow[]
  readonly limit: number
  readonly tookMs: number
}

const BUDGET_MS = 100
/** For page and facets together: a page that was dear leaves less for them, though never less than LEAST_MS. */
const ANSWER_MS = 200
const LEAST_MS = 40
/** What a query costs that finds nothing to read; a step's time beyond it grows with its width. */
const QUERY_MS = 5
const MAX_GROWTH = 32
const MAX_STEPS = 6
const SECOND_NS = 1_000_000_000

/** The more frequent first. */
const createCounts = (): { add(service: string, severity: number, records: number): void; rows(): FacetRow[] } => {
  const sums = new Map<string, { service: string; severity: number; records: number }>()
  return {
    add: (service, severity, records) => {
      const key = JSON.stringify([service, severity])
      sums.set(key, { service, severity, records: (sums.get(key)?.records ?? 0) + records })
    },
    rows: () => [...sums.values()].sort((a, b) => b.records - a.records).map((row) => ({ ...row, records: String(row.records) })),
  }
}

/** A page that is not full holds every match. A full one holds every match that is newer than its last row. */
export const findFacets = async (
  clickhouse: Pick<ClickHouse, 'query'>,
  filter: LogFilter,
  page: FirstPage,
  now: () => number = () => performance.now(),
): Promise<FoundFacets> => {
  const counts = createCounts()
  const whole = page.rows.length < page.limit
  let fromNs = whole ? filter.fromNs : BigInt(page.rows[page.rows.length - 1].timestamp_ns) + 1n
  for (const row of page.rows) if (BigInt(row.timestamp_ns) >= fromNs) counts.add(row.ServiceName, row.SeverityNumber, 1)
  const deadline = now() + Math.min(BUDGET_MS, Math.max(LEAST_MS, ANSWER_MS - page.tookMs))
  let widthNs = Math.max(Number(filter.toNs - fromNs), SECOND_NS)
  let tookMs = page.tookMs
  for (let step = 0; step < MAX_STEPS && fromNs > filter.fromNs; step += 1) {
    const growth = Math.min(MAX_GROWTH, (deadline - now() - QUERY_MS) / Math.max(tookMs - QUERY_MS, 1))
    if (growth < 0.5) break
    widthNs *= growth
    const startNs = fromNs - BigInt(Math.ceil(widthNs))
    const slice = { ...filter, fromNs: startNs > filter.fromNs ? startNs : filter.fromNs, toNs: fromNs - 1n }
    const { query, params } = logFacets(slice)
    const begun = now()
    for (const { service, severity, records } of await clickhouse.query(query, params)) counts.add(service, severity, Number(records))
    tookMs = now() - begun
    fromNs = slice.fromNs
  }
  return { rows: counts.rows(), fromNs }
}
