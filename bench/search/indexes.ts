// Question: what does each index of otel_logs cost while rows are inserted and merged, what does it hold on the disk, and what does a
// question cost with and without it? The same rows, once with random words and an id in every body and once with bodies that a program
// writes, go into copies of the table with all indexes, with none and with all but one, in turns; a copy's INSERTs come first, then one
// merge of all of its parts. Processor time of ClickHouse.
//   node bench/search/indexes.ts [--rows N] [--rounds N]     (500,000 rows, 3 rounds: about ten minutes)
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { ClickHouse } from '../../clickhouse/client.ts'
import { migrate } from '../../clickhouse/migrate.ts'
import { searchLogs, type LogFilter } from '../../clickhouse/queries/logs-search.ts'
import { median, rotated } from '../measure/statistics.ts'
import { NOTHING_ASKED } from './questions.ts'
import { DAY_MS, DAYS, fill, readStored, settle } from './rows.ts'
import { openStore, type Store } from './store.ts'

const { values } = parseArgs({ options: { rows: { type: 'string', default: '500000' }, rounds: { type: 'string', default: '3' } } })
const rows = Number(values.rows)
const rounds = Number(values.rounds)
/** As many INSERTs: a range of a second at 30,000 records a second is not much smaller. */
const INSERTS = 10
const QUESTIONS = 20
const endMs = Math.floor(Date.now() / DAY_MS) * DAY_MS

const BODIES = {
  'random words': 'Body',
  'a program’s words':
    "concat('request ', toString(cityHash64(SpanId) % 100000), ' accepted by upstream ', toString(cityHash64(SpanId, 1) % 40), ' in ', toString(record_index % 97), ' ms by worker ', toString(log_offset % 13))",
} as const
type Bodies = keyof typeof BODIES

const ask = async <Row>(clickhouse: ClickHouse, sql: string): Promise<Row[]> => await clickhouse.query<Row>({ name: 'bench', sql }, {})
const indexesOf = async (clickhouse: ClickHouse): Promise<string[]> =>
  (
    await ask<{ name: string }>(
      clickhouse,
      "SELECT name FROM system.data_skipping_indices WHERE database = currentDatabase() AND table = 'otel_logs'",
    )
  ).map(({ name }) => name)

interface Cost {
  /** CPU-s per million rows. */ readonly insert: number
  /** Of one pass over all rows. */ readonly merge: number
  /** Of all indexes, per row. */ readonly bytes: number
}

const measure = async ({ clickhouse, cpuMs }: Store, bodies: Bodies, dropped: readonly string[]): Promise<Cost> => {
  await clickhouse.command('DROP TABLE IF EXISTS copy SYNC')
  await clickhouse.command('CREATE TABLE copy AS otel_logs')
  for (const index of dropped) await clickhouse.command(`ALTER TABLE copy DROP INDEX ${index}`)
  const begun = cpuMs()
  for (let part = 0; part < INSERTS; part++)
    await clickhouse.command(
      `INSERT INTO copy SELECT * REPLACE (${BODIES[bodies]} AS Body, today() AS receive_day) FROM otel_logs WHERE intDiv(log_offset * 1000 + record_index, ${Math.ceil(rows / INSERTS)}) = ${part}
SETTINGS max_insert_threads = 1, max_threads = 1, max_block_size = 2000000, min_insert_block_size_rows = 2000000, min_insert_block_size_bytes = 0`,
    )
  const inserted = cpuMs()
  await clickhouse.command('OPTIMIZE TABLE copy FINAL')
  const merged = cpuMs()
  const [{ bytes }] = await ask<{ bytes: string }>(
    clickhouse,
    "SELECT toString(sum(secondary_indices_compressed_bytes)) AS bytes FROM system.parts WHERE active AND database = currentDatabase() AND table = 'copy'",
  )
  return { insert: ((inserted - begun) * 1000) / rows, merge: ((merged - inserted) * 1000) / rows, bytes: Number(bytes) / rows }
}

/** Milliseconds of one question, with the index and without. */
const gainOf = async ({ clickhouse, cpuMs }: Store, index: string, questions: readonly LogFilter[]): Promise<[number, number]> => {
  const spent = async (settings: string): Promise<number> => {
    const begun = cpuMs()
    for (const filter of questions) {
      const { query, params } = searchLogs(filter, 101, null)
      await clickhouse.query({ ...query, sql: query.sql.concat(settings) }, params)
    }
    return (cpuMs() - begun) / questions.length
  }
  await spent('')
  return [await spent(''), await spent(`, ignore_data_skipping_indices = '${index}'`)]
}

const directory = mkdtempSync(join(tmpdir(), 'lapwing-bench-indexes-'))
const store = await openStore(directory)
try {
  await migrate(store.clickhouse)
  const indexes = await indexesOf(store.clickhouse)
  await fill(store.clickhouse, rows, endMs - DAYS * DAY_MS)
  await settle(store.clickhouse)
  const variants: readonly (readonly string[])[] = [[], indexes, ...indexes.map((index) => [index])]
  const costs = new Map<string, Cost[]>()
  for (let round = 0; round < rounds; round++)
    for (const bodies of Object.keys(BODIES) as Bodies[])
      for (const dropped of rotated(variants, round)) {
        const key = `${bodies}|${dropped.join()}`
        costs.set(key, [...(costs.get(key) ?? []), await measure(store, bodies, dropped)])
        process.stderr.write(`\rround ${round + 1}, ${bodies}                `)
      }
  /** Round by round against the copy with all of them; medians. */
  const differences = (bodies: Bodies, dropped: readonly string[]): string => {
    const [all, without] = [costs.get(`${bodies}|`)!, costs.get(`${bodies}|${dropped.join()}`)!]
    const of = (what: keyof Cost): number => median(all.map((cost, round) => cost[what] - without[round][what]))
    return `${of('insert').toFixed(2)} | ${of('merge').toFixed(2)} | ${of('bytes').toFixed(1)}`
  }
  const whole = (bodies: Bodies): string =>
    (['insert', 'merge', 'bytes'] as const).map((what) => median(costs.get(`${bodies}|`)!.map((cost) => cost[what])).toFixed(2)).join(' | ')

  const stored = await readStored(store.clickhouse, rows, QUESTIONS, endMs)
  const base = { ...NOTHING_ASKED, fromNs: BigInt(endMs - 7 * DAY_MS) * 1_000_000n, toNs: BigInt(endMs) * 1_000_000n }
  const questions: Readonly<Record<string, readonly LogFilter[]>> = {
    idx_trace_id: stored.map(({ TraceId }) => ({ ...base, traceId: TraceId })),
    idx_attribute_hash: stored.map(({ user }) => ({ ...base, attributes: [['user.id', user] as const] })),
    idx_body_text: stored.map(({ words }) => ({ ...base, words: words.slice(2, 5) })),
  }
  const gains = new Map<string, [number, number]>()
  for (const [index, filters] of Object.entries(questions)) gains.set(index, await gainOf(store, index, filters))

  process.stderr.write('\n')
  console.log(
    `${rows} rows, ${INSERTS} INSERTs, ${rounds} rounds; CPU-s of ClickHouse per million rows, bytes per row; a question over all rows, ms per million rows\n`,
  )
  for (const bodies of Object.keys(BODIES) as Bodies[]) {
    console.log(`bodies of ${bodies}\n\n| index | INSERT | one merge | bytes |\n|---|---|---|---|`)
    for (const index of indexes) console.log(`| ${index} | ${differences(bodies, [index])} |`)
    console.log(`| all of them | ${differences(bodies, indexes)} |\n| the whole table, and all of its indexes | ${whole(bodies)} |\n`)
  }
  console.log('bodies of random words\n\n| index | a question with it | without |\n|---|---|---|')
  for (const [index, gain] of gains) console.log(`| ${index} | ${gain.map((ms) => ((ms * 1e6) / rows).toFixed(0)).join(' | ')} |`)
} finally {
  await store.close()
  rmSync(directory, { recursive: true, force: true })
}
