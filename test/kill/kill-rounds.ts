// Under load whose records name their HTTP attempt, something is killed or stopped at a random moment; afterwards every
// acknowledged attempt is stored exactly once, no attempt twice or in part, and the series equal a recount of the rows.
import { createCorpus, attemptId, type Corpus } from '../../bench/load/body.ts'
import { openConnection, requestHead } from '../../bench/load/http-client.ts'
import { createProduct, until, type Product } from '../../bench/load/product.ts'

export interface KillOptions { readonly rounds: number; readonly seed: number; readonly onRound?: (line: string) => void }
export interface KillReport { readonly rounds: number; readonly attempts: number; readonly acknowledged: number; readonly rows: number; readonly kills: Record<string, number>; readonly faults: readonly string[] }

type Fault = 'kill process' | 'kill clickhouse' | 'stop process 5 s' | 'stop clickhouse 5 s'
const faults: readonly Fault[] = ['kill process', 'kill clickhouse', 'kill process', 'stop process 5 s', 'stop clickhouse 5 s']
const RECORDS = 40
const RUN = 'kill'

const createRandom = (seed: number): (() => number) => {
  let state = seed >>> 0 || 1
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

interface Load { readonly acknowledged: Set<number>; attempts(): number; stop(): Promise<void> }

/** Four connections that send one attempt after the other; every send is a new attempt. */
const startLoad = (product: Product, corpus: Corpus, firstAttempt: number): Load => {
  const address = new URL(product.addresses().otlp)
  const head = requestHead('/v1/logs', address.host, product.token)
  const acknowledged = new Set<number>()
  let next = firstAttempt
  let stopping = false
  const worker = async (): Promise<void> => {
    const connection = openConnection(address.hostname, Number(address.port))
    while (!stopping) {
      const attempt = next++
      const status = await connection.send(head, corpus.body(attempt, Date.now()))
      if (status === 200) acknowledged.add(attempt)
      else await pause(20)
    }
    connection.close()
  }
  const workers = Array.from({ length: 4 }, worker)
  return { acknowledged, attempts: () => next, stop: async () => { stopping = true; await Promise.all(workers) } }
}

const inflict = async (product: Product, fault: Fault): Promise<void> => {
  const { pid, clickhousePid } = product.addresses()
  if (fault === 'kill process') {
    product.kill('SIGKILL')
    await product.exited()
    await product.start()
  } else if (fault === 'kill clickhouse') {
    if (clickhousePid !== null) signal(clickhousePid, 'SIGKILL')
  } else {
    const target = fault === 'stop process 5 s' ? pid : clickhousePid
    if (target === null) return
    signal(target, 'SIGSTOP')
    await pause(5000)
    signal(target, 'SIGCONT')
  }
}
/** The child may have been replaced since its pid was read. */
const signal = (pid: number, name: NodeJS.Signals): void => {
  try { process.kill(pid, name) } catch (error) { if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error }
}

const drained = (product: Product): Promise<void> => until('the log is worked off', 60_000, async () => {
  const response = await product.api('/api/v1/status')
  if (!response.ok) return false
  const status = await response.json() as { pipeline?: { uncommitted_messages: number }; components: { clickhouse: string } }
  return status.components.clickhouse === 'ok' && status.pipeline?.uncommitted_messages === 0
})

export const compare = async (product: Product, acknowledged: ReadonlySet<number>): Promise<{ rows: number; faults: string[] }> => {
  const stored = await product.select<{ id: string; rows: number; distinct: number }>(
    `SELECT LogAttributes['attempt.id'] AS id, count() AS rows, uniqExact(LogAttributes['attempt.index']) AS distinct FROM otel_logs WHERE id LIKE '${RUN}%' GROUP BY id`)
  const found: string[] = []
  const ids = new Set(stored.map((row) => row.id))
  for (const row of stored) {
    if (row.rows > RECORDS) found.push(`${row.id} stored ${row.rows} times over ${RECORDS}`)
    else if (row.rows !== RECORDS || row.distinct !== RECORDS) found.push(`${row.id} torn: ${row.rows} of ${RECORDS}`)
  }
  for (const attempt of acknowledged) if (!ids.has(attemptId(RUN, attempt))) found.push(`${attemptId(RUN, attempt)} acknowledged and lost`)
  const total = stored.reduce((sum, row) => sum + row.rows, 0)
  const [series] = await product.select<{ records: number; errors: number }>(
    "SELECT sum(arraySum(arrayMap((m, c) -> if(m = 'log.rate', c, 0), metric, count))) AS records, sum(arraySum(arrayMap((m, c) -> if(m = 'log.error_rate', c, 0), metric, count))) AS errors FROM series_partials WHERE service LIKE 'service-%'")
  const [rows] = await product.select<{ errors: number }>("SELECT countIf(SeverityNumber >= 17) AS errors FROM otel_logs WHERE ServiceName LIKE 'service-%'")
  if (Number(series.records) !== total) found.push(`series count ${series.records}, rows ${total}`)
  if (Number(series.errors) !== Number(rows.errors)) found.push(`series errors ${series.errors}, rows ${rows.errors}`)
  return { rows: total, faults: found }
}

export const runKillRounds = async (options: KillOptions): Promise<KillReport> => {
  const random = createRandom(options.seed)
  const product = createProduct()
  const corpus = createCorpus({ records: RECORDS, resources: 4, run: RUN })
  const acknowledged = new Set<number>()
  const kills: Record<string, number> = {}
  const found: string[] = []
  let attempts = 0
  let rows = 0
  try {
    await product.start()
    for (let round = 1; round <= options.rounds; round++) {
      const load = startLoad(product, corpus, attempts)
      await pause(200 + random() * 1800)
      const fault = faults[Math.floor(random() * faults.length)]
      kills[fault] = (kills[fault] ?? 0) + 1
      // The addresses change with a restart on port 0, so the load stops with the process.
      if (fault === 'kill process') { product.kill('SIGKILL'); await load.stop() }
      await inflict(product, fault)
      if (fault !== 'kill process') { await pause(random() * 500); await load.stop() }
      attempts = load.attempts()
      for (const attempt of load.acknowledged) acknowledged.add(attempt)
      await drained(product)
      const outcome = await compare(product, acknowledged)
      rows = outcome.rows
      found.push(...outcome.faults.slice(0, 5).map((text) => `round ${round} (${fault}): ${text}`))
      options.onRound?.(`round ${round}/${options.rounds}  ${fault.padEnd(20)} ${acknowledged.size}/${attempts} acknowledged, ${rows} rows, ${found.length} faults`)
    }
  } catch (error) {
    found.push(`${String(error)}\n${product.output().slice(-3000)}`)
  } finally {
    await product.dispose()
  }
  return { rounds: options.rounds, attempts, acknowledged: acknowledged.size, rows, kills, faults: found }
}
