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
/** The first slice is this share of the whole range. */
const FIRST_SHARE = 64n
/** What is still to be read after this goes to the next page. Well below the time-out of one query. */
const BUDGET_MS = 1500
/** A search that has taken as long is worth a second thread of the store. */
const DEAR_MS = 60
/** In quarters of what has been read: the next slice is as wide as what was found so far promises to suffice, at least one and at most 28. */
const wanted = (found: number, left: number): number => (found === 0 ? 28 : Math.min(28, Math.max(1, Math.ceil((left / found) * 1.3 * 4))))

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
  let widthNs = filter.traceId !== null ? toNs - filter.fromNs : share > MIN_SLICE_NS ? share : MIN_SLICE_NS
  for (let end = toNs; end >= filter.fromNs && rows.length < limit;) {
    // What would be left of less than a fifth of the slice goes with it.
    const start = end - widthNs - widthNs / 5n > filter.fromNs ? end - widthNs : filter.fromNs
    const ask = async (fromNs: bigint, untilNs: bigint): Promise<LogRow[]> => {
      const { query, params } = searchLogs({ ...filter, fromNs, toNs: untilNs }, limit - rows.length, after)
      return await clickhouse.query(query, params)
    }
    // Reading in order uses one thread. What is dear is read by two: the newer half's rows come first, and what the older one found too much is dropped.
    const middle = start + (end - start) / 2n
    const isDear = now() - begun > DEAR_MS && end > start
    const found = isDear ? await Promise.all([ask(middle + 1n, end), ask(start, middle)]) : [await ask(start, end)]
    rows.push(...found.flat().slice(0, limit - rows.length))
    const spentMs = now() - begun
    if (spentMs > BUDGET_MS && start > filter.fromNs && rows.length < limit) return { rows, resumeAfter: borderOf(start) }
    // No wider than time is left for, at the pace so far.
    const affordable = Math.floor(((BUDGET_MS - spentMs) * 4) / Math.max(spentMs, 1))
    widthNs = ((toNs - start + 1n) * BigInt(Math.max(1, Math.min(wanted(rows.length, limit - rows.length), affordable)))) / 4n
    end = start - 1n
  }
  return { rows, resumeAfter: null }
}
