// How long does a search take at N rows? Fills a ClickHouse of its own, in a temporary directory, with records over five
// days, and asks as the search route does: one page and its facets at the same time. `--rows N` (10,000,000), `--rounds N`
// (40 of each kind), `--directory D` (fills and keeps D, or asks the store that is there). Bodies are random words with Zipf frequencies, the worst case for an index over words.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { createClickHouse, type ClickHouse } from '../clickhouse/client.ts'
import { startLocalClickHouse } from '../clickhouse/local/local.ts'
import { migrate } from '../clickhouse/migrate.ts'
import { findFacets, findLogs } from '../clickhouse/queries/find-logs.ts'
import type { LogFilter, LogPosition } from '../clickhouse/queries/logs-search.ts'
import { storeStats } from '../clickhouse/queries/store.ts'

const { values } = parseArgs({ options: { rows: { type: 'string', default: '10000000' }, rounds: { type: 'string', default: '40' }, directory: { type: 'string' } } })
const rows = Number(values.rows)
const rounds = Number(values.rounds)
const DAYS = 5
const DAY_MS = 86_400_000
const CHUNK = 500_000
const WORDS = 50_000
const SERVICES = 50
const LIMIT = 100
const endMs = Math.floor(Date.now() / DAY_MS) * DAY_MS
const startMs = endMs - DAYS * DAY_MS

/** Row n stands at its share of the five days; everything else is a hash of n, so that a run can be repeated. */
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

const fill = async (clickhouse: ClickHouse): Promise<void> => {
  if (Number((await clickhouse.query(storeStats, {}))[0].rows) === rows) return
  for (let first = 0; first < rows; first += CHUNK) {
    await clickhouse.command(FILL, { startNs: String(BigInt(startMs) * 1_000_000n), stepNs: DAYS * DAY_MS * 1e6 / rows, services: SERVICES, words: WORDS, first, count: Math.min(CHUNK, rows - first) })
    process.stderr.write(`\r${Math.min(first + CHUNK, rows)} rows`)
  }
  for (const deadline = Date.now() + 300_000; Date.now() < deadline;) {
    const [{ merges }] = await clickhouse.query<{ merges: string }>({ name: 'merges', sql: 'SELECT toString(count()) AS merges FROM system.merges' }, {})
    if (merges === '0') break
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
  process.stderr.write('\n')
}

const HOUR_MS = 3_600_000
const filter = (spanMs: number, part: Partial<LogFilter> = {}): LogFilter => ({
  tenant: 'default', fromNs: BigInt(endMs - spanMs) * 1_000_000n, toNs: BigInt(endMs) * 1_000_000n, service: null, severityMin: 0, words: [], attributes: [], traceId: null, ...part,
})
const pick = (round: number, bound: number): number => (round * 2_654_435_761 % 4_294_967_296) % bound
const ALL_MS = DAYS * DAY_MS
/** Words that the records hold, by rank: word1 in half of them, word100 in 1 %, word2000 in 0.05 %, word40000 in 25 of a million. */
const KINDS: Record<string, (round: number) => { filter: LogFilter; after?: LogPosition }> = {
  'latest of the tenant, 5 days': () => ({ filter: filter(ALL_MS) }),
  'a service, 15 minutes': (n) => ({ filter: filter(HOUR_MS / 4, { service: `service-${pick(n, SERVICES)}` }) }),
  'a service, 5 days': (n) => ({ filter: filter(ALL_MS, { service: `service-${pick(n, SERVICES)}` }) }),
  'errors of the tenant, 24 h': () => ({ filter: filter(DAY_MS, { severityMin: 17 }) }),
  'errors of a service, 24 h': (n) => ({ filter: filter(DAY_MS, { severityMin: 17, service: `service-${pick(n, SERVICES)}` }) }),
  'a common word, 5 days': (n) => ({ filter: filter(ALL_MS, { words: [`word${1 + pick(n, 10)}`] }) }),
  'a word in every granule, 24 h': (n) => ({ filter: filter(DAY_MS, { words: [`word${90 + pick(n, 40)}`] }) }),
  'a word in every granule, 5 days': (n) => ({ filter: filter(ALL_MS, { words: [`word${90 + pick(n, 40)}`] }) }),
  'a word in most granules, 24 h': (n) => ({ filter: filter(DAY_MS, { words: [`word${500 + pick(n, 500)}`] }) }),
  'a rare word, 24 h': (n) => ({ filter: filter(DAY_MS, { words: [`word${30_000 + pick(n, 20_000)}`] }) }),
  'a rare word, 5 days': (n) => ({ filter: filter(ALL_MS, { words: [`word${30_000 + pick(n, 20_000)}`] }) }),
  'an absent word, 5 days': (n) => ({ filter: filter(ALL_MS, { words: [`absent${n}`] }) }),
  'two common words, 24 h': (n) => ({ filter: filter(DAY_MS, { words: [`word${1 + pick(n, 10)}`, `word${20 + pick(n, 40)}`] }) }),
  'two words in every granule, 24 h': (n) => ({ filter: filter(DAY_MS, { words: [`word${90 + pick(n, 40)}`, `word${130 + pick(n, 40)}`] }) }),
  'an attribute, 5 days': (n) => ({ filter: filter(ALL_MS, { attributes: [['user.id', String(pick(n, 1_000_000))]] }) }),
  'a resource attribute, 24 h': (n) => ({ filter: filter(DAY_MS, { attributes: [['host.name', `host-${pick(n, 200)}`]] }) }),
  'a trace, 5 days': (n) => ({ filter: filter(ALL_MS, { traceId: traceOf(pick(n, rows)) }) }),
  'a deep page, 5 days': (n) => ({ filter: filter(ALL_MS), after: deep(n) }),
  'a deep page of a service, 5 days': (n) => ({ filter: filter(ALL_MS, { service: `service-${pick(n, SERVICES)}` }), after: deep(n) }),
}
const traces = new Map<number, string>()
const traceOf = (row: number): string => traces.get(Math.floor(row / 8))!
const deep = (round: number): LogPosition => ({ timestampNs: String(BigInt(startMs + pick(round, ALL_MS)) * 1_000_000n), logId: 'benchmark', partition: 0, offset: '0', index: 0 })

const quantile = (sorted: readonly number[], share: number): number => sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)]

/** Runs a kind and gives its line; the times of its requests go to `all`. */
const measure = async (clickhouse: ClickHouse, kind: string, all: number[]): Promise<string> => {
  const tookMs: number[] = []
  const pageMs: number[] = []
  let found = 0
  for (let round = 0; round < rounds; round += 1) {
    const { filter: asked, after } = KINDS[kind](round)
    const begun = performance.now()
    const [events] = await Promise.all([
      findLogs(clickhouse, asked, LIMIT + 1, after ?? null).then((answer) => { pageMs.push(performance.now() - begun); return answer }),
      after === undefined ? findFacets(clickhouse, asked) : null,
    ])
    tookMs.push(performance.now() - begun)
    found += events.length
  }
  all.push(...tookMs)
  const [took, page] = [tookMs, pageMs].map((list) => list.sort((a, b) => a - b))
  return [kind.padEnd(36), ...[quantile(took, 0.5), quantile(took, 0.95), quantile(page, 0.5), quantile(page, 0.95), found / rounds].map((n) => n.toFixed(0).padStart(9))].join('')
}

const directory = values.directory ?? mkdtempSync(join(tmpdir(), 'lapwing-bench-search-'))
const log = { info: () => {}, warn: (fields: object, message: string) => console.error(message, fields) }
const local = await startLocalClickHouse({ directory, listen: { host: '127.0.0.1', port: 0 }, maxMemoryBytes: 2048 * 1024 ** 2, readerPassword: null, database: 'lapwing', log })
const clickhouse = createClickHouse({ url: local.url, user: local.user, password: local.password, database: 'lapwing' })
try {
  await migrate(clickhouse)
  await fill(clickhouse)
  const wanted = [...new Set(Array.from({ length: rounds }, (_, round) => Math.floor(pick(round, rows) / 8)))]
  for (const { n, id } of await clickhouse.query<{ n: number; id: string }>({ name: 'traces', sql: 'SELECT n, lower(hex(MD5(toString(n)))) AS id FROM (SELECT arrayJoin({wanted:Array(UInt32)}) AS n)' }, { wanted })) traces.set(n, id)
  const [stats] = await clickhouse.query(storeStats, {})
  if (Number(stats.rows) !== rows) throw new Error(`${stats.rows} rows are stored instead of ${rows}`)
  console.log(`${rows} rows over ${DAYS} days, ${(Number(stats.bytes) / rows).toFixed(0)} B per row, ${rounds} rounds, milliseconds\n`)
  console.log(['kind'.padEnd(36), ...['p50', 'p95', 'page p50', 'page p95', 'rows'].map((name) => name.padStart(9))].join(''))
  const all: number[] = []
  for (const kind of Object.keys(KINDS)) {
    await measure(clickhouse, kind, []) // warms the page cache
    console.log(await measure(clickhouse, kind, all))
  }
  all.sort((a, b) => a - b)
  console.log(`\nall kinds: p50 ${quantile(all, 0.5).toFixed(0)}, p95 ${quantile(all, 0.95).toFixed(0)}`)
} finally {
  await clickhouse.close()
  await local.close()
  if (values.directory === undefined) rmSync(directory, { recursive: true, force: true })
}
