// `npm run bench`: what does one log record cost, and how many are stored and queryable? An open-loop load of counted records
// at 1,000 and at 10 records per request; afterwards SQL counts that nothing was lost or doubled, or the run fails.
//   npm run bench -- [--seconds 60] [--rate-1000 120] [--rate-10 1500]
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { createCorpus } from './load/body.ts'
import { quantile, runOpenLoop } from './load/open-loop.ts'
import { createProduct, until, type Product } from './load/product.ts'

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '60' }, 'rate-1000': { type: 'string', default: '120' }, 'rate-10': { type: 'string', default: '1500' } } })
const sync = process.env.LAPWING_LOG_SYNC === 'os' ? 'page cache' : 'fsync'
const TICKS_PER_SECOND = 100

const cpuSeconds = (pid: number | null): number => {
  if (pid === null) return 0
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
}

interface Memory { readonly ownMiB: number; readonly mappedMiB: number }
/** The highest of what a process holds itself, and of the file pages that it has mapped (the event log's; the kernel takes them back when it wants). */
const watchMemory = (pid: number | null): (() => Memory) => {
  const peak = { ownMiB: 0, mappedMiB: 0 }
  const look = (): void => {
    if (pid === null) return
    const text = readFileSync(`/proc/${pid}/status`, 'utf8')
    const mib = (field: string): number => Number(new RegExp(`${field}:\\s+(\\d+)`).exec(text)?.[1] ?? 0) / 1024
    peak.ownMiB = Math.max(peak.ownMiB, mib('RssAnon'))
    peak.mappedMiB = Math.max(peak.mappedMiB, mib('RssFile'))
  }
  const timer = setInterval(look, 200)
  return () => {
    clearInterval(timer)
    look()
    return peak
  }
}

const stored = async (product: Product, run: string): Promise<{ rows: number; attempts: number; distinct: number }> => {
  const [row] = await product.select<{ rows: number; attempts: number; records: number }>(
    `SELECT count() AS rows, uniqExact(LogAttributes['attempt.id']) AS attempts, uniqExact(LogAttributes['attempt.id'], LogAttributes['attempt.index']) AS records FROM otel_logs WHERE LogAttributes['attempt.id'] LIKE '${run}%'`)
  return { rows: Number(row.rows), attempts: Number(row.attempts), distinct: Number(row.records) }
}
const count = async (product: Product): Promise<number> => Number((await product.select<{ rows: number }>('SELECT count() AS rows FROM otel_logs'))[0].rows)

const measure = async (recordsPerRequest: number, requestsPerSecond: number, seconds: number): Promise<boolean> => {
  const product = createProduct({ env: { LAPWING_LOG_LEVEL: 'warn' } })
  const run = `b${recordsPerRequest}`
  try {
    await product.start()
    const { otlp, pid, clickhousePid } = product.addresses()
    const corpus = createCorpus({ records: recordsPerRequest, resources: Math.min(8, recordsPerRequest), run })
    await runOpenLoop({ url: otlp, token: product.token, corpus: createCorpus({ records: recordsPerRequest, resources: Math.min(8, recordsPerRequest), run: 'warm' }), requestsPerSecond, seconds: 3, connections: 16 })
    await until('warm-up stored', 30_000, async () => await count(product) >= recordsPerRequest * requestsPerSecond * 3)
    const before = { own: cpuSeconds(pid), clickhouse: cpuSeconds(clickhousePid), rows: await count(product) }
    const memory = { own: watchMemory(pid), clickhouse: watchMemory(clickhousePid) }
    const begun = performance.now()
    const load = await runOpenLoop({ url: otlp, token: product.token, corpus, requestsPerSecond, seconds, connections: 16 })
    const expected = load.acknowledged * recordsPerRequest
    await until('everything stored', 120_000, async () => await count(product) >= before.rows + expected)
    const storedSeconds = (performance.now() - begun) / 1000
    const cpu = { own: cpuSeconds(pid) - before.own, clickhouse: cpuSeconds(clickhousePid) - before.clickhouse }
    const [own, clickhouse] = [memory.own(), memory.clickhouse()]
    const found = await stored(product, run)
    const millions = expected / 1e6
    const rate = (amount: number, time: number): string => Math.round(amount / time).toLocaleString('en')
    console.log(`
${recordsPerRequest} records per request, protobuf, ${corpus.bytes} B bodies, ${requestsPerSecond} requests/s for ${seconds} s, durability ${sync}
  acknowledged            ${rate(expected, load.seconds)} records/s (${load.acknowledged} of ${load.sent} requests; ${load.refused} refused, ${load.broken} broken)
  ack latency             p50 ${quantile(load.latenciesMs, 0.5).toFixed(1)} ms, p99 ${quantile(load.latenciesMs, 0.99).toFixed(1)} ms, from the intended send time
  stored and queryable    ${rate(expected, storedSeconds)} records/s, all ${(storedSeconds - load.seconds).toFixed(1)} s after the last acknowledgement
  CPU                     lapwing ${(cpu.own / millions).toFixed(2)} CPU-s per million records, ClickHouse ${(cpu.clickhouse / millions).toFixed(2)}
  peak memory             lapwing ${own.ownMiB.toFixed(0)} MiB and ${own.mappedMiB.toFixed(0)} MiB of mapped log pages, ClickHouse ${clickhouse.ownMiB.toFixed(0)} MiB`)
    const exact = found.rows === expected && found.distinct === expected && found.attempts === load.acknowledged
    console.log(`  counted in SQL          ${found.rows} rows, ${found.distinct} distinct records, ${found.attempts} attempts: ${exact ? 'nothing lost, nothing doubled' : `EXPECTED ${expected} rows of ${load.acknowledged} attempts`}`)
    return exact
  } catch (error) {
    console.log(`failed: ${String(error)}\n${product.output().slice(-3000)}`)
    return false
  } finally {
    await product.dispose()
  }
}

const seconds = Number(values.seconds)
const results = [await measure(1000, Number(values['rate-1000']), seconds), await measure(10, Number(values['rate-10']), seconds)]
process.exitCode = results.every(Boolean) ? 0 : 1
