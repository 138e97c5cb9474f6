// Question: is the 95th percentile of a search below its target at N rows, first page with facets and second page by cursor?
// At 10 million rows the target is 300 ms (600 ms for words that stand in every granule), beyond that 1 s. Fills a ClickHouse of its own with records
// over five days, asks as the API's routes do, warm and once with nothing in memory, prints one table and exits with 1 when a target is missed.
// `--rows N` (10,000,000), `--rounds N` (30 of each kind), `--only TEXT` (kinds that contain it), `--directory D` (fills and
// keeps D, or asks the store that is there).
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { migrate } from '../../clickhouse/migrate.ts'
import { storeStats } from '../../clickhouse/queries/store.ts'
import { quantile } from '../measure/statistics.ts'
import { KINDS, type Answer, type Kind } from './questions.ts'
import { DAY_MS, DAYS, fill, readStored, settle, type Stored } from './rows.ts'
import { dropPageCache, openStore, type Store } from './store.ts'

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '10000000' },
    rounds: { type: 'string', default: '30' },
    only: { type: 'string', default: '' },
    directory: { type: 'string' },
  },
})
const rows = Number(values.rows)
const rounds = Number(values.rounds)
const kinds = KINDS.filter((kind) => kind.name.includes(values.only))
const endMs = Math.floor(Date.now() / DAY_MS) * DAY_MS
const directory = values.directory ?? mkdtempSync(join(tmpdir(), 'lapwing-bench-search-'))
const LARGE_ROWS = 10_000_000
const targetMs = (kind: Kind): number => (rows > LARGE_ROWS ? 1000 : kind.isInEveryGranule ? 600 : 300)

const quantileOf = (times: readonly number[], share: number): number =>
  quantile(
    times.toSorted((a, b) => a - b),
    share,
  )

interface Measured {
  readonly answers: readonly Answer[]
  /** A search that was given up has no time that could be compared: it counts as missed. */ readonly failed: number
  /** Of one question. */ readonly cpuMs: number
}
const measure = async (store: Store, kind: Kind, stored: readonly Stored[], times: number): Promise<Measured> => {
  const range = { fromNs: BigInt(endMs - kind.spanMs) * 1_000_000n, toNs: BigInt(endMs) * 1_000_000n }
  const answers: Answer[] = []
  const cpuMs = store.cpuMs()
  for (let round = 0; round < times; round += 1) {
    try {
      answers.push(await kind.ask(store.clickhouse, range, round, stored[round % stored.length]))
    } catch (error) {
      console.error(`${kind.name}: ${String(error)}`)
    }
  }
  const asked = times + answers.filter(({ secondMs }) => secondMs !== null).length
  return { answers, failed: times - answers.length, cpuMs: (store.cpuMs() - cpuMs) / asked }
}
/** The first question is asked of a store that has nothing in memory; a third of the rounds that follow are not counted. */
const measureFromCold = async (kind: Kind, stored: readonly Stored[]): Promise<Measured & { readonly coldMs: number }> => {
  dropPageCache()
  const store = await openStore(directory)
  try {
    const cold = await measure(store, kind, stored, 1)
    await measure(store, kind, stored, Math.ceil(rounds / 3))
    return { ...(await measure(store, kind, stored, rounds)), coldMs: cold.answers.at(0)?.firstMs ?? Number.NaN }
  } finally {
    await store.close()
  }
}

const cells = (kind: string, cell: readonly (string | number)[], note = ''): string =>
  [
    kind.padEnd(38),
    ...cell.map((one) => (typeof one === 'number' ? (Number.isNaN(one) ? '-' : one.toFixed(0)) : one).padStart(10)),
    note,
  ].join('')
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length

/** @returns bytes per row, and what to ask for. */
const prepare = async (): Promise<{ readonly bytes: number; readonly stored: readonly Stored[] }> => {
  const { clickhouse, close } = await openStore(directory)
  try {
    await migrate(clickhouse)
    await fill(clickhouse, rows, endMs - DAYS * DAY_MS)
    await settle(clickhouse)
    const [stats] = await clickhouse.query(storeStats, {})
    if (Number(stats.rows) !== rows) throw new Error(`${stats.rows} rows are stored instead of ${rows}`)
    const stored = await readStored(clickhouse, rows, rounds, endMs)
    if (stored.length === 0) throw new Error('the directory was filled on another day: fill a new one')
    return { bytes: Number(stats.bytes) / rows, stored }
  } finally {
    await close()
  }
}

try {
  const { bytes, stored } = await prepare()
  console.log(
    `${rows} rows over ${DAYS} days, ${bytes.toFixed(0)} B per row, ${rounds} rounds of each kind; milliseconds; cold: the first question, ${dropPageCache() ? 'with nothing in memory' : "of a store that has just started; the kernel's page cache could not be dropped"}\n`,
  )
  console.log(cells('kind', ['cold', 'p50', 'p95', 'page p95', '2nd p95', 'CPU', 'rows', 'counted', 'target']))
  const all: number[] = []
  let missed = 0
  for (const kind of kinds) {
    const { answers, failed, cpuMs, coldMs } = await measureFromCold(kind, stored)
    const first = answers.map(({ firstMs }) => firstMs)
    const second = answers.flatMap(({ secondMs }) => secondMs ?? [])
    const isMissed = failed > 0 || [first, second].some((times) => quantileOf(times, 0.95) > targetMs(kind))
    if (isMissed) missed += 1
    all.push(...first, ...second)
    console.log(
      cells(
        kind.name,
        [
          coldMs,
          quantileOf(first, 0.5),
          quantileOf(first, 0.95),
          quantileOf(
            answers.map(({ pageMs }) => pageMs),
            0.95,
          ),
          quantileOf(second, 0.95),
          cpuMs,
          mean(answers.map((answer) => answer.rows)),
          mean(answers.map(({ counted }) => counted)),
          targetMs(kind),
        ],
        failed > 0 ? `  missed, ${failed} given up` : isMissed ? '  missed' : '',
      ),
    )
  }
  console.log(
    `\nall kinds: p50 ${quantileOf(all, 0.5).toFixed(0)}, p95 ${quantileOf(all, 0.95).toFixed(0)}; ${missed} of ${kinds.length} targets missed`,
  )
  if (missed > 0) process.exitCode = 1
} finally {
  if (values.directory === undefined) rmSync(directory, { recursive: true, force: true })
}
