// The records that searches are asked of: days of them, 50 services, bodies of random words with Zipf frequencies, which is the
// worst case for an index over words. Row n stands at its share of the days; everything else is a hash of n, so that a run can be repeated.
import type { ClickHouse } from '../../clickhouse/client.ts'
import { storeStats } from '../../clickhouse/queries/store.ts'

export const DAYS = 5
export const DAY_MS = 86_400_000
export const SERVICES = 50
const CHUNK = 500_000
const WORDS = 50_000

const FILL = `INSERT INTO otel_logs (Timestamp, TraceId, SpanId, SeverityText, SeverityNumber, ServiceName, Body, ResourceAttributes, LogAttributes, ObservedTimestamp, tenant, receive_day, log_id, log_partition, log_offset, record_index)
SELECT fromUnixTimestamp64Nano({startNs:Int64} + toInt64(number * {stepNs:Float64})) AS t,
  lower(hex(MD5(toString(intDiv(number, 8))))), lower(hex(cityHash64(number))), ['INFO', 'WARN', 'ERROR'][s], [9, 13, 17][s],
  concat('service-', toString(cityHash64(number, 1) % {services:UInt32})),
  concat(arrayStringConcat(arrayMap(i -> concat('word', toString(toUInt32(exp(cityHash64(number, i) / 18446744073709551615. * log({words:UInt32}))))), range(2, 12)), ' '), ' id=', lower(hex(cityHash64(number, 99)))),
  map('service.version', '1.4.2', 'host.name', concat('host-', toString(cityHash64(number, 1) % 200)), 'deployment.environment', 'production'),
  map('user.id', toString(cityHash64(number, 20) % 1000000), 'http.route', concat('/api/v1/route', toString(cityHash64(number, 21) % 40)), 'http.status_code', '200', 'duration_ms', toString(cityHash64(number, 22) % 3000)),
  t, 'default', toDate(t, 'UTC'), 'benchmark', number % 2, intDiv(number, 1000), number % 1000
FROM (SELECT number, multiIf(cityHash64(number, 30) % 100 < 3, 3, cityHash64(number, 30) % 100 < 10, 2, 1) AS s FROM numbers({first:UInt64}, {count:UInt64}))
SETTINGS max_insert_threads = 2`

/** Nothing is done to a store that holds as many already. */
export const fill = async (clickhouse: ClickHouse, rows: number, startMs: number): Promise<void> => {
  if (Number((await clickhouse.query(storeStats, {}))[0].rows) === rows) return
  for (let first = 0; first < rows; first += CHUNK) {
    await clickhouse.command(FILL, {
      startNs: String(BigInt(startMs) * 1_000_000n),
      stepNs: (DAYS * DAY_MS * 1e6) / rows,
      services: SERVICES,
      words: WORDS,
      first,
      count: Math.min(CHUNK, rows - first),
    })
    process.stderr.write(`\r${Math.min(first + CHUNK, rows)} rows`)
  }
}

/** Merges, and indexes that a migration makes of parts that were there. */
export const settle = async (clickhouse: ClickHouse): Promise<void> => {
  for (const deadline = Date.now() + 600_000; Date.now() < deadline;) {
    const [{ merges }] = await clickhouse.query<{ merges: string }>(
      {
        name: 'merges',
        sql: 'SELECT toString((SELECT count() FROM system.merges) + (SELECT count() FROM system.mutations WHERE is_done = 0)) AS merges',
      },
      {},
    )
    if (merges === '0') break
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
  process.stderr.write('\n')
}

/** What a record holds that can be asked for. */
export interface Stored {
  readonly TraceId: string
  readonly words: readonly string[]
  readonly user: string
}

/** Any number below `bound` for a round, the same in each run. */
export const pick = (round: number, bound: number): number => ((round * 2_654_435_761) % 4_294_967_296) % bound

/** A record for each round to take words and ids from, somewhere in the newest quarter of an hour. */
export const readStored = async (clickhouse: ClickHouse, rows: number, rounds: number, endMs: number): Promise<Stored[]> => {
  const newest = Math.floor(rows / DAYS / 96)
  const wanted = Array.from({ length: rounds }, (_, round) => rows - 1 - pick(round, newest))
  const sql = `SELECT log_offset * 1000 + record_index AS n, TraceId, splitByChar(' ', Body) AS words, LogAttributes['user.id'] AS user FROM otel_logs
WHERE tenant = 'default' AND Timestamp >= fromUnixTimestamp64Nano({fromNs:Int64}) AND n IN {wanted:Array(UInt64)} ORDER BY n`
  return await clickhouse.query<Stored>({ name: 'stored', sql }, { fromNs: String(BigInt(endMs - 1_800_000) * 1_000_000n), wanted })
}
