// One range of the log as the consumer stores it: the same token, question by position and further tokens.
import { insertRange, presenceOf } from '../../../analytics/insert-range.ts'
import { rangeToken } from '../../../analytics/ranges.ts'
import type { ClickHouse } from '../../../clickhouse/client.ts'

export interface OneRange {
  readonly partition: number
  readonly first: number
  readonly last: number
  readonly receiveDay: number
  readonly records: number
  readonly cost: number
}
const LOG_ID = 'one-range'

/** Rows of the range in Native, as one block. */
export const selectRows = ({
  partition,
  first,
  last,
  receiveDay,
  records,
}: OneRange): string => `SELECT 'a' AS tenant, now64(9) AS Timestamp, 's' AS ServiceName, randomPrintableASCII(100) AS Body, toDate(${receiveDay}) AS receive_day,
'${LOG_ID}' AS log_id, toUInt16(${partition}) AS log_partition, toUInt64(${first} + number % ${last - first + 1}) AS log_offset, toUInt32(number) AS record_index FROM numbers(${records}) SETTINGS max_block_size = ${records}, max_threads = 1 FORMAT Native`

/** @param clients one for each send in turn; the last of them for the rest. */
export const storeOneRange = (
  clients: ClickHouse | readonly ClickHouse[],
  range: OneRange,
  block: Uint8Array,
  isReplay: boolean,
): Promise<boolean> => {
  const all = Array.isArray(clients) ? (clients as readonly ClickHouse[]) : [clients as ClickHouse]
  let sends = 0
  const asks = all[all.length - 1]
  return insertRange(
    {
      token: rangeToken(LOG_ID, range),
      shard: null,
      send: (token) => all[Math.min(sends++, all.length - 1)].insert({ table: 'otel_logs', block, token }),
      isPresent: presenceOf(asks, 'otel_logs', LOG_ID, range, null),
    },
    isReplay,
    { minMs: 5, maxMs: 50, signal: new AbortController().signal, onFailure: () => undefined },
  )
}
