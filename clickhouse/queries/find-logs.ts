// Runs a search in slices of time, newest first, until the page is full. A word's index is read for the whole of the time
// range asked for, before the first row; words that stand everywhere fill their page from the newest slice alone.
import type { ClickHouse } from '../client.ts'
import { facetRowsOf, logFacets, searchLogs, type FacetRow, type LogFilter, type LogPosition, type LogRow } from './logs-search.ts'

type Reader = Pick<ClickHouse, 'query'>

const MIN_SLICE_NS = 600_000_000_000n
/** The newest 1/64, up to 1/8, the rest. */
const SHARES = [64n, 8n, 1n]

/** Time ranges without gap or overlap, newest first; one when the filter reads no bodies. */
const slices = (filter: LogFilter, after: LogPosition | null): readonly LogFilter[] => {
  const { fromNs } = filter
  const toNs = after !== null && BigInt(after.timestampNs) < filter.toNs ? BigInt(after.timestampNs) : filter.toNs
  if (filter.words.length === 0) return [{ ...filter, toNs }]
  const span = toNs - fromNs
  const made: LogFilter[] = []
  for (let end = toNs, index = 0; end >= fromNs && index < SHARES.length; index += 1) {
    const wanted = span / SHARES[index]
    const width = wanted > MIN_SLICE_NS ? wanted : MIN_SLICE_NS
    const start = toNs - width > fromNs ? toNs - width : fromNs
    if (start > end) continue
    made.push({ ...filter, fromNs: start, toNs: end })
    end = start - 1n
  }
  return made
}

/** At most `limit` rows, newest first, behind `after`. Ask for one more than is shown to know whether there is more. */
export const findLogs = async (clickhouse: Reader, filter: LogFilter, limit: number, after: LogPosition | null): Promise<LogRow[]> => {
  const rows: LogRow[] = []
  for (const slice of slices(filter, after)) {
    const { query, params } = searchLogs(slice, limit - rows.length, after)
    rows.push(...await clickhouse.query(query, params))
    if (rows.length >= limit) break
  }
  return rows
}

/** Services and severities of the newest matches, the more frequent first. */
export const findFacets = async (clickhouse: Reader, filter: LogFilter): Promise<FacetRow[]> => {
  const sums = new Map<string, { service: string; severity: number; records: number }>()
  let left = facetRowsOf(filter)
  for (const slice of slices(filter, null)) {
    const { query, params } = logFacets(slice, left)
    for (const { service, severity, records } of await clickhouse.query(query, params)) {
      const key = JSON.stringify([service, severity])
      sums.set(key, { service, severity, records: (sums.get(key)?.records ?? 0) + Number(records) })
      left -= Number(records)
    }
    if (left <= 0) break
  }
  return [...sums.values()].sort((a, b) => b.records - a.records).map((row) => ({ ...row, records: String(row.records) }))
}
