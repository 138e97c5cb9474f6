// Runs a search in slices of time, newest first, until the page is full. Indexes are read for the whole of the time range
// asked for, and every part in it is opened, before the first row; what is frequent fills its page from the newest slice alone.
import type { ClickHouse } from '../client.ts'
import { searchLogs, type LogFilter, type LogPosition, type LogRow } from './logs-search.ts'

const MIN_SLICE_NS = 600_000_000_000n
/** The newest 1/64, up to 1/8, the rest. */
const SHARES = [64n, 8n, 1n]

/** Time ranges without gap or overlap, newest first; one for a trace, which seldom fills a page. */
const slices = (filter: LogFilter, after: LogPosition | null): readonly LogFilter[] => {
  const { fromNs } = filter
  const toNs = after !== null && BigInt(after.timestampNs) < filter.toNs ? BigInt(after.timestampNs) : filter.toNs
  if (filter.traceId !== null) return [{ ...filter, toNs }]
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
export const findLogs = async (clickhouse: Pick<ClickHouse, 'query'>, filter: LogFilter, limit: number, after: LogPosition | null): Promise<LogRow[]> => {
  const rows: LogRow[] = []
  for (const slice of slices(filter, after)) {
    const { query, params } = searchLogs(slice, limit - rows.length, after)
    rows.push(...await clickhouse.query(query, params))
    if (rows.length >= limit) break
  }
  return rows
}
