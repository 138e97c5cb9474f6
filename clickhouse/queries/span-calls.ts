// Who calls whom, by spans: a span whose parent belongs to another service is a call, and so is a client's span without a child that
// names its peer. Traces are taken whole, all of a window's or those whose hash is low enough, so that a share of them is a share of
// every edge. Receive day prunes partitions: a span is received at most a day before its time, or later.
import type { Query } from '../client.ts'

const IN_WINDOW = `tenant = {tenant:String} AND Timestamp >= fromUnixTimestamp64Milli({fromMs:Int64}) AND Timestamp < fromUnixTimestamp64Milli({toMs:Int64})
    AND receive_day >= toDate(fromUnixTimestamp64Milli({fromMs:Int64}), 'UTC') - 1 AND cityHash64(TraceId) <= {maxHash:UInt64}`
/** A parent may have begun before the window that its child is in. */
const BEFORE_WINDOW = `tenant = {tenant:String} AND Timestamp >= fromUnixTimestamp64Milli({fromMs:Int64}) - toIntervalMinute(10) AND Timestamp < fromUnixTimestamp64Milli({toMs:Int64})
    AND receive_day >= toDate(fromUnixTimestamp64Milli({fromMs:Int64}), 'UTC') - 1 AND cityHash64(TraceId) <= {maxHash:UInt64}`

export interface SpanCountRow {
  readonly spans: string
}
export const spansOfTraces: Query<SpanCountRow> = {
  name: 'rca.spans_of_traces',
  sql: 'SELECT toString(count()) AS spans FROM otel_spans WHERE '.concat(IN_WINDOW),
}

export interface SpanCallRow {
  readonly caller: string
  readonly callee: string
  readonly calls: string
  readonly errors: string
  readonly first_ms: string
  readonly last_ms: string
  readonly examples: readonly string[]
}
/** Examples are failed calls first, then the slowest. */
export const spanCalls: Query<SpanCallRow> = {
  name: 'rca.span_calls',
  sql: `SELECT caller, callee, toString(count()) AS calls, toString(countIf(failed)) AS errors, toString(min(at)) AS first_ms, toString(max(at)) AS last_ms,
  arrayDistinct(arrayMap(one -> lower(hex(one.3)), groupArraySorted(3)((NOT failed, -toInt64(duration), trace)))) AS examples
FROM (
  SELECT p.service AS caller, c.service AS callee, c.failed OR (p.is_call AND p.failed) AS failed, c.duration AS duration, c.trace AS trace, c.at AS at
  FROM (
    SELECT TraceId AS trace, ParentSpanId AS parent, toString(ServiceName) AS service, StatusCode = 'Error' AS failed, Duration AS duration, toUnixTimestamp64Milli(toDateTime64(Timestamp, 3)) AS at FROM otel_spans
    WHERE `.concat(
    IN_WINDOW,
    ` AND ParentSpanId != toFixedString('', 8)
  ) AS c
  INNER JOIN (
    SELECT TraceId AS trace, SpanId AS span, toString(ServiceName) AS service, StatusCode = 'Error' AS failed, SpanKind IN ('Client', 'Producer') AS is_call FROM otel_spans
    WHERE `,
    BEFORE_WINDOW,
    `
  ) AS p ON c.trace = p.trace AND c.parent = p.span
  WHERE p.service != c.service
  UNION ALL
  SELECT l.service AS caller, l.peer AS callee, l.failed AS failed, l.duration AS duration, l.trace AS trace, l.at AS at
  FROM (
    SELECT TraceId AS trace, SpanId AS span, toString(ServiceName) AS service, toString(PeerService) AS peer, StatusCode = 'Error' AS failed, Duration AS duration, toUnixTimestamp64Milli(toDateTime64(Timestamp, 3)) AS at FROM otel_spans
    WHERE `,
    IN_WINDOW,
    ` AND PeerService != '' AND PeerService != ServiceName AND SpanKind IN ('Client', 'Producer')
  ) AS l
  LEFT ANTI JOIN (
    SELECT TraceId AS trace, ParentSpanId AS parent FROM otel_spans
    WHERE `,
    BEFORE_WINDOW,
    ` AND ParentSpanId != toFixedString('', 8)
  ) AS c ON l.trace = c.trace AND l.span = c.parent
)
GROUP BY caller, callee ORDER BY count() DESC, caller, callee LIMIT 5000
SETTINGS max_execution_time = 10`,
  ),
}
