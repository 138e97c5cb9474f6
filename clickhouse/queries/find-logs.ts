// Runs a search in slices of time, newest first, until the page is full. Indexes are read for the whole of the time range
// asked for, and every part in it is opened, before the first row; what is frequent fills its page from the newest slice alone.
import type { ClickHouse } from '../client.ts'
import { searchLogs, type LogFilter, type LogPosition, type LogRow } from './logs-search.ts'

const MIN_SLICE_NS = 600_000_000_000n
/** The first slice is this share of the whole range. */
const FIRST_SHARE = 64n
/** The next one is as wide as what was found so far promises to suffice, at least a quarter and at most seven times what has been read. */
const nextWidth = (read: bigint, found: number, left: number): bigint => {
  const quarters = found === 0 ? 28 : Math.min(28, Math.max(1, Math.ceil(left / found * 1.3 * 4)))
  return read * BigInt(quarters) / 4n
}

/** At most `limit` rows, newest first, behind `after`. Ask for one more than is shown to know whether there is more. */
export const findLogs = async (clickhouse: Pick<ClickHouse, 'query'>, filter: LogFilter, limit: number, after: LogPosition | null): Promise<LogRow[]> => {
  const rows: LogRow[] = []
  const toNs = after !== null && BigInt(after.timestampNs) < filter.toNs ? BigInt(after.timestampNs) : filter.toNs
  const share = (toNs - filter.fromNs) / FIRST_SHARE
  // A trace seldom fills a page.
  let widthNs = filter.traceId !== null ? toNs - filter.fromNs : share > MIN_SLICE_NS ? share : MIN_SLICE_NS
  for (let end = toNs; end >= filter.fromNs && rows.length < limit;) {
    // What would be left of less than a fifth of the slice goes with it.
    const start = end - widthNs - widthNs / 5n > filter.fromNs ? end - widthNs : filter.fromNs
    const { query, params } = searchLogs({ ...filter, fromNs: start, toNs: end }, limit - rows.length, after)
    rows.push(...await clickhouse.query(query, params))
    widthNs = nextWidth(toNs - start + 1n, rows.length, limit - rows.length)
    end = start - 1n
  }
  return rows
}
