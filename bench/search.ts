// Question: is the 95th percentile of a search below 300 ms (600 ms for words that stand in every granule) at N rows, first
// page with facets and second page by cursor? Fills a ClickHouse of its own with records over five days, asks as the search
// route does, prints one table and exits with 1 when a target is missed. `--rows N` (10,000,000), `--rounds N` (30 of each
// kind), `--only TEXT` (kinds that contain it), `--directory D` (fills and keeps D, or asks the store that is there).
// Bodies are random words with Zipf frequencies, the worst case for an index over words.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { createClickHouse, type ClickHouse } from '../clickhouse/client.ts'
import { startLocalClickHouse } from '../clickhouse/local/local.ts'
import { migrate } from '../clickhouse/migrate.ts'
import { findFacets } from '../clickhouse/queries/find-facets.ts'
import { findLogs } from '../clickhouse/queries/find-logs.ts'
import type { LogFilter, LogPosition, LogRow } from '../clickhouse/queries/logs-search.ts'
import { storeStats } from '../clickhouse/queries/store.ts'
import { readProcesses } from './measure/processes.ts'
import { quantile } from './measure/statistics.ts'

const { values } = parseArgs({ options: { rows: { type: 'string', default: '10000000' }, rounds: { type: 'string', default: '30' }, only: { type: 'string', default: '' }, directory: { type: 'string' } } })
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
}
/** Merges, and indexes that a migration makes of parts that were there. */
const settle = async (clickhouse: ClickHouse): Promise<void> => {
  for (const deadline = Date.now() + 300_000; Date.now() < deadline;) {
    const [{ merges }] = await clickhouse.query<{ merges: string }>({ name: 'merges', sql: 'SELECT toString((SELECT count() FROM system.merges) + (SELECT count() FROM system.mutations WHERE is_done = 0)) AS merges' }, {})
    if (merges === '0') break
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
  process.stderr.write('\n')
}

const SPANS = { '15 min': 900_000, '24 h': DAY_MS, '5 days': DAYS * DAY_MS } as const
const TARGET_MS = 300
const TARGET_EVERY_GRANULE_MS = 600
const pick = (round: number, bound: number): number => (round * 2_654_435_761 % 4_294_967_296) % bound
const service = (round: number): string => `service-${pick(round, SERVICES)}`
interface Stored { readonly TraceId: string; readonly words: readonly string[]; readonly user: string }
type Question = (round: number, stored: Stored) => Partial<LogFilter>
/** Words by rank: word1 stands in half of the records, word100 in 1 % (about ten in each granule), word2000 in 0.05 %, word40000 in 25 of a million. */
const QUESTIONS: Record<string, Question> = {
  'no filter': () => ({}),
  'service': (n) => ({ service: service(n) }),
  'errors': () => ({ severityMin: 17 }),
  'errors of a service': (n) => ({ severityMin: 17, service: service(n) }),
  'common word': (n) => ({ words: [`word${1 + pick(n, 10)}`] }),
  'word in every granule': (n) => ({ words: [`word${90 + pick(n, 40)}`] }),
  'word in most granules': (n) => ({ words: [`word${500 + pick(n, 500)}`] }),
  'rare word': (n) => ({ words: [`word${30_000 + pick(n, 20_000)}`] }),
  'absent word': (n) => ({ words: [`absent${n}`] }),
  'two common words': (n) => ({ words: [`word${1 + pick(n, 10)}`, `word${20 + pick(n, 40)}`] }),
  'two words in every granule': (n) => ({ words: [`word${90 + pick(n, 40)}`, `word${130 + pick(n, 40)}`] }),
  'three words of a record': (_, { words }) => ({ words: words.slice(2, 5) }),
  'attribute, rare value': (_, { user }) => ({ attributes: [['user.id', user]] }),
  'attribute, common value': (n) => ({ attributes: [['http.route', `/api/v1/route${pick(n, 40)}`]] }),
  'attribute, absent key': (n) => ({ attributes: [['cart.id', String(1_000_000 + n)]] }),
  'resource attribute': (n) => ({ attributes: [['host.name', `host-${pick(n, 200)}`]] }),
  'trace': (_, { TraceId }) => ({ traceId: TraceId }),
  'service, warnings, word': (n) => ({ service: service(n), severityMin: 13, words: [`word${1 + pick(n, 10)}`] }),
}
interface Kind { readonly name: string; readonly spanMs: number; readonly question: Question; readonly targetMs: number }
const kinds: readonly Kind[] = Object.entries(QUESTIONS).flatMap(([name, question]) => Object.entries(SPANS).map(([span, spanMs]) =>
  ({ name: `${name}, ${span}`, spanMs, question, targetMs: name.includes('every granule') ? TARGET_EVERY_GRANULE_MS : TARGET_MS }))).filter((kind) => kind.name.includes(values.only))

const filterOf = (kind: Kind, round: number, stored: Stored): LogFilter => ({
  tenant: 'default', fromNs: BigInt(endMs - kind.spanMs) * 1_000_000n, toNs: BigInt(endMs) * 1_000_000n, service: null, severityMin: 0, words: [], attributes: [], traceId: null, ...kind.question(round, stored),
})
const positionOf = (row: LogRow): LogPosition => ({ timestampNs: row.timestamp_ns, logId: row.log_id, partition: row.log_partition, offset: row.log_offset, index: row.record_index })

/** A record for each round to take words and ids from, somewhere in the newest quarter of an hour. */
const readStored = async (clickhouse: ClickHouse): Promise<Stored[]> => {
  const newest = Math.floor(rows / DAYS / 96)
  const wanted = Array.from({ length: rounds }, (_, round) => rows - 1 - pick(round, newest))
  const sql = `SELECT log_offset * 1000 + record_index AS n, TraceId, splitByChar(' ', Body) AS words, LogAttributes['user.id'] AS user FROM otel_logs
WHERE tenant = 'default' AND Timestamp >= fromUnixTimestamp64Nano({fromNs:Int64}) AND n IN {wanted:Array(UInt64)} ORDER BY n`
  return await clickhouse.query<Stored>({ name: 'stored', sql }, { fromNs: String(BigInt(endMs - 2 * SPANS['15 min']) * 1_000_000n), wanted })
}

const quantileOf = (values: readonly number[], share: number): number => values.length === 0 ? 0 : quantile(values.toSorted((a, b) => a - b), share)
/** Processor time of ClickHouse so far. */
const cpuMs = (pid: number): number => (readProcesses().get(pid)?.cpuSeconds ?? Number.NaN) * 1000

interface Measured { readonly first: number[]; readonly page: number[]; readonly second: number[]; readonly found: number; readonly counted: number; readonly failed: number; readonly cpu: number }
const measure = async (clickhouse: ClickHouse, pid: number, kind: Kind, stored: readonly Stored[], times: number): Promise<Measured> => {
  const [first, page, second]: number[][] = [[], [], []]
  let [found, counted, failed] = [0, 0, 0]
  const cpu = cpuMs(pid)
  const askFirst = async (filter: LogFilter): Promise<LogRow[]> => {
    const begun = performance.now()
    const { rows } = await findLogs(clickhouse, filter, LIMIT + 1, null)
    const tookMs = performance.now() - begun
    const facets = await findFacets(clickhouse, filter, { rows, limit: LIMIT + 1, tookMs })
    first.push(performance.now() - begun)
    page.push(tookMs)
    found += rows.length
    counted += facets.rows.reduce((sum, row) => sum + Number(row.records), 0)
    return rows
  }
  for (let round = 0; round < times; round += 1) {
    const filter = filterOf(kind, round, stored[round % stored.length])
    try {
      const rows = await askFirst(filter)
      if (rows.length <= LIMIT) continue
      const begun = performance.now()
      await findLogs(clickhouse, filter, LIMIT + 1, positionOf(rows[LIMIT - 1]))
      second.push(performance.now() - begun)
    } catch (error) {
      // A search that was given up has no time that could be compared: it counts as missed.
      failed += 1
      console.error(`${kind.name}: ${String(error)}`)
    }
  }
  return { first, page, second, found: found / times, counted: counted / times, failed, cpu: (cpuMs(pid) - cpu) / (times + second.length) }
}

const cells = (kind: string, cell: readonly (string | number)[], note = ''): string =>
  [kind.padEnd(38), ...cell.map((one) => (typeof one === 'number' ? Number.isNaN(one) ? '-' : one.toFixed(0) : one).padStart(10)), note].join('')

const directory = values.directory ?? mkdtempSync(join(tmpdir(), 'lapwing-bench-search-'))
const log = { info: () => {}, warn: (fields: object, message: string) => console.error(message, fields) }
const local = await startLocalClickHouse({ directory, listen: { host: '127.0.0.1', port: 0 }, maxMemoryBytes: 2048 * 1024 ** 2, readerPassword: null, database: 'lapwing', log })
const clickhouse = createClickHouse({ url: local.url, user: local.user, password: local.password, database: 'lapwing' })
try {
  await migrate(clickhouse)
  await fill(clickhouse)
  await settle(clickhouse)
  const [stats] = await clickhouse.query(storeStats, {})
  if (Number(stats.rows) !== rows) throw new Error(`${stats.rows} rows are stored instead of ${rows}`)
  const stored = await readStored(clickhouse)
  if (stored.length === 0) throw new Error('the directory was filled on another day: fill a new one')
  const pid = local.pid()!
  console.log(`${rows} rows over ${DAYS} days, ${(Number(stats.bytes) / rows).toFixed(0)} B per row, ${rounds} rounds of each kind after ${Math.ceil(rounds / 3)} that are not counted; milliseconds\n`)
  console.log(cells('kind', ['p50', 'p95', 'page p95', '2nd p95', 'CPU', 'rows', 'counted', 'target']))
  const all: number[] = []
  let missed = 0
  for (const kind of kinds) {
    await measure(clickhouse, pid, kind, stored, Math.ceil(rounds / 3))
    const { first, page, second, found, counted, failed, cpu } = await measure(clickhouse, pid, kind, stored, rounds)
    const isMissed = failed > 0 || Math.max(quantileOf(first, 0.95), quantileOf(second, 0.95)) > kind.targetMs
    if (isMissed) missed += 1
    all.push(...first, ...second)
    console.log(cells(kind.name, [quantileOf(first, 0.5), quantileOf(first, 0.95), quantileOf(page, 0.95), second.length === 0 ? '-' : quantileOf(second, 0.95), cpu, found, counted, kind.targetMs], failed > 0 ? `  missed, ${failed} given up` : isMissed ? '  missed' : ''))
  }
  console.log(`\nall kinds: p50 ${quantileOf(all, 0.5).toFixed(0)}, p95 ${quantileOf(all, 0.95).toFixed(0)}; ${missed} of ${kinds.length} targets missed`)
  if (missed > 0) process.exitCode = 1
} finally {
  await clickhouse.close()
  await local.close()
  if (values.directory === undefined) rmSync(directory, { recursive: true, force: true })
}
