// Calls between services in a window, from spans. Of a window with more spans than are read at once, traces are sampled: counts are
// then estimates and say so.
import type { ClickHouse } from '../../clickhouse/client.ts'
import { spanCalls, spansOfTraces } from '../../clickhouse/queries/span-calls.ts'
import type { WindowMs } from './evidence.ts'
import type { SpanCalls } from './graph.ts'

/** Each is read three times, a few columns of it: 0.3 s on two busy cores. Estimates from so many were within 1 % of what was there. */
const MAX_SPANS = 200_000
/** One trace in so many says how many spans there are. */
const COUNTED_SHARE = 1 / 64
const HASHES = 2n ** 64n

const maxHashOf = (share: number): string => String(share >= 1 ? HASHES - 1n : BigInt(Math.floor(share * 2 ** 64)))

/** @param maxSpans read at most, as far as traces are alike. */
export const loadSpanCalls = async (
  clickhouse: Pick<ClickHouse, 'query'>,
  tenant: string,
  { fromMs, toMs }: WindowMs,
  maxSpans = MAX_SPANS,
): Promise<readonly SpanCalls[]> => {
  const window = { tenant, fromMs, toMs }
  const [counted] = await clickhouse.query(spansOfTraces, { ...window, maxHash: maxHashOf(COUNTED_SHARE) })
  const share = Math.min(1, maxSpans / Math.max(1, Number(counted?.spans ?? 0) / COUNTED_SHARE))
  const rows = await clickhouse.query(spanCalls, { ...window, maxHash: maxHashOf(share) })
  return rows.map(({ caller, callee, calls, errors, first_ms, last_ms, examples }) => ({
    from: caller,
    to: callee,
    calls: Math.round(Number(calls) / share),
    errors: Math.round(Number(errors) / share),
    firstMs: Number(first_ms),
    lastMs: Number(last_ms),
    examples,
    isEstimate: share < 1,
  }))
}
