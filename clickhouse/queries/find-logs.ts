// Runs a search in slices of time, newest first, until the page is full or its time is up. Indexes are read for the whole of
// the time range asked for, and every part in it is opened, before the first row; what is frequent fills its page from the
// newest slice alone, and what is dear ends its page early at the border of a slice, from which the next page goes on.
import type { ClickHouse } from '../client.ts'
import { searchLogs, type LogFilter, type LogPosition, type LogRow } from './logs-search.ts'

export interface FoundLogs {
  readonly rows: LogRow[]
  /** Where the next page goes on when time was up before the whole range was searched; else null. */
  readonly resumeAfter: LogPosition | null
}

const MIN_SLICE_NS = 600_000_000_000n
/** The first slice is this share of the whole range. What each question costs before it reads anything, 10 to 30 ms, is what smaller slices would save. */
const FIRST_SHARE = 16n
/** What is still to be read after this goes to the next page. Well below the time-out of one query. */
const BUDGET_MS = 1500
/** All the rest after the first slice. */
const MOST_QUARTERS = 4 * (Number(FIRST_SHARE) - 1)
/** In quarters of what has been read: the next slice is as wide as what was found so far promises to suffice. */
const wanted = (found: number, left: number): number =>
  found === 0 ? MOST_QUARTERS : Math.min(MOST_QUARTERS, Math.max(1, Math.ceil((left / found) * 1.3 * 4)))

/** A slice that promises fewer rows than this of what an index may find is read without regard to order. A trace is one slice. */
const FEW = 1000
const mayBeIndexed = (filter: LogFilter): boolean => filter.words.length > 0 || filter.attributes.length > 0 || Boolean(filter.tree)

/** Everything at or after `ns` is before it, everything older behind it. */
const borderOf = (ns: bigint): LogPosition => ({ timestampNs: String(ns), logId: '', partition: 0, offset: '0', index: 0 })

/** At most `limit` rows, newest first, behind `after`. Ask for one more than is shown to know whether there is more. */
export const findLogs = async (
  clickhouse: Pick<ClickHouse, 'query'>,
  filter: LogFilter,
  limit: number,
  after: LogPosition | null,
  now: () => number = () => performance.now(),
): Promise<FoundLogs> => {
  const rows: LogRow[] = []
  const begun = now()
  const toNs = after !== null && BigInt(after.timestampNs) < filter.toNs ? BigInt(after.timestampNs) : filter.toNs
  const share = (toNs - filter.fromNs) / FIRST_SHARE
  // A trace seldom fills a page.
  let isOfFew = filter.traceId !== null
  let widthNs = isOfFew ? toNs - filter.fromNs : share > MIN_SLICE_NS ? share : MIN_SLICE_NS
  for (let end = toNs; end >= filter.fromNs && rows.length < limit;) {
    // What would be left of less than a fifth of the slice goes with it.
    const start = end - widthNs - widthNs / 5n > filter.fromNs ? end - widthNs : filter.fromNs
    const { query, params } = searchLogs({ ...filter, fromNs: start, toNs: end }, limit - rows.length, after, isOfFew)
    rows.push(...(await clickhouse.query(query, params)))
    const spentMs = now() - begun
    if (spentMs > BUDGET_MS && start > filter.fromNs && rows.length < limit) return { rows, resumeAfter: borderOf(start) }
    // No wider than time is left for, at the pace so far.
    const affordable = Math.floor(((BUDGET_MS - spentMs) * 4) / Math.max(spentMs, 1))
    const quarters = Math.max(1, Math.min(wanted(rows.length, limit - rows.length), affordable))
    widthNs = ((toNs - start + 1n) * BigInt(quarters)) / 4n
    isOfFew = mayBeIndexed(filter) && (rows.length * quarters) / 4 < FEW
    end = start - 1n
  }
  return { rows, resumeAfter: null }
}
