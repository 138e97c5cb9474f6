// HTTP attempts whose records name them, so that what is stored can be counted afterwards: every acknowledged attempt exactly
// once, no attempt twice or in part, and the series equal a recount of the rows.
import { attemptId, createCorpus } from '../../bench/load/body.ts'
import { openConnection, requestHead } from '../../bench/load/http-client.ts'
import type { Product } from '../../bench/load/product.ts'

export const RECORDS = 40
const PAUSE_AFTER_REFUSAL_MS = 20
export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** A linear congruential generator: the same faults at the same moments for the same seed. */
export const createRandom = (seed: number): (() => number) => {
  let state = seed >>> 0 || 1
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

export interface Load {
  readonly acknowledged: Set<number>
  attempts(): number
  stop(): Promise<void>
}
export interface LoadOptions {
  readonly run: string
  readonly token: string
  /** Of ingest processes; a client that is refused or cut goes to the next one. */
  readonly addresses: readonly string[]
  readonly firstAttempt: number
  readonly connections?: number
  /** Between two attempts of one connection; as fast as can be unless set. */
  readonly everyMs?: number
}

/** Connections that send one attempt after the other; every send is a new attempt. */
export const startLoad = (options: LoadOptions): Load => {
  const corpus = createCorpus({ records: RECORDS, resources: 4, run: options.run })
  const targets = options.addresses.map((address) => new URL(address))
  const acknowledged = new Set<number>()
  let next = options.firstAttempt
  let stopping = false
  const worker = async (first: number): Promise<void> => {
    const connections = targets.map((target) => openConnection(target.hostname, Number(target.port)))
    for (let turn = first; !stopping;) {
      const at = turn % targets.length
      const attempt = next++
      const status = await connections[at].send(requestHead('/v1/logs', targets[at].host, options.token), corpus.body(attempt, Date.now()))
      if (status === 200) acknowledged.add(attempt)
      else turn += 1
      const restMs = status === 200 ? (options.everyMs ?? 0) : PAUSE_AFTER_REFUSAL_MS
      if (restMs > 0) await pause(restMs)
    }
    for (const connection of connections) connection.close()
  }
  const workers = Array.from({ length: options.connections ?? 4 }, (_, n) => worker(n))
  return {
    acknowledged,
    attempts: () => next,
    stop: async () => {
      stopping = true
      await Promise.all(workers)
    },
  }
}

interface PipelineStatus {
  readonly pipeline?: { readonly uncommitted_messages: number; readonly oldest_uncommitted_received_at: string | null }
  readonly components: { readonly clickhouse: string }
}
/** @param receivedBeforeMs what came in later need not be worked off: marks of progress never end. */
export const drainedStatus = async (api: Product['api'], receivedBeforeMs = Infinity): Promise<boolean> => {
  const response = await api('/api/v1/status')
  if (!response.ok) return false
  const { pipeline, components } = (await response.json()) as PipelineStatus
  if (pipeline === undefined || components.clickhouse !== 'ok') return false
  const oldest = pipeline.oldest_uncommitted_received_at
  return pipeline.uncommitted_messages === 0 || (oldest !== null && Date.parse(oldest) > receivedBeforeMs)
}

/** Buckets of ten seconds in which the series are not what the rows come to: records, errors. */
const RECOUNT = `SELECT service, at AS bucket, concat(toString(sum(a)), ', ', toString(sum(b))) AS counted, concat(toString(sum(c)), ', ', toString(sum(d))) AS rows FROM (
  SELECT service, toUnixTimestamp(p.bucket) AS at, arraySum(arrayMap((m, n) -> if(m = 'log.rate', n, 0), metric, count)) AS a,
    arraySum(arrayMap((m, n) -> if(m = 'log.error_rate', n, 0), metric, count)) AS b, 0 AS c, 0 AS d
  FROM series_partials AS p WHERE service LIKE 'service-%'
  UNION ALL
  SELECT ServiceName, toUnixTimestamp(toStartOfInterval(Timestamp, INTERVAL 10 SECOND)), 0, 0, 1, SeverityNumber >= 17 FROM otel_logs WHERE ServiceName LIKE 'service-%'
) GROUP BY service, at HAVING sum(a) != sum(c) OR sum(b) != sum(d) ORDER BY service, at LIMIT 5`

/** What is wrong in the store, in words; nothing when all holds. */
export const compare = async (
  select: Product['select'],
  run: string,
  acknowledged: ReadonlySet<number>,
): Promise<{ rows: number; faults: string[] }> => {
  const stored = await select<{ id: string; rows: number; distinct: number }>(
    `SELECT LogAttributes['attempt.id'] AS id, count() AS rows, uniqExact(LogAttributes['attempt.index']) AS distinct FROM otel_logs WHERE id LIKE '${run}%' GROUP BY id`,
  )
  const found: string[] = []
  const ids = new Set(stored.map((row) => row.id))
  for (const row of stored) {
    if (row.rows > RECORDS) found.push(`${row.id} stored ${row.rows} times over ${RECORDS}`)
    else if (row.rows !== RECORDS || row.distinct !== RECORDS) found.push(`${row.id} torn: ${row.rows} of ${RECORDS}`)
  }
  for (const attempt of acknowledged) if (!ids.has(attemptId(run, attempt))) found.push(`${attemptId(run, attempt)} acknowledged and lost`)
  const total = stored.reduce((sum, row) => sum + row.rows, 0)
  const wrong = await select<{ service: string; bucket: number; counted: string; rows: string }>(RECOUNT)
  // Of all runs, as the series are.
  const [templates] = await select<{ records: number; rows: number }>(
    "SELECT sum(records) AS records, (SELECT count() FROM otel_logs WHERE ServiceName LIKE 'service-%') AS rows FROM log_template_counts WHERE service LIKE 'service-%'",
  )
  const [nameless] = await select<{ records: number }>(
    'SELECT count() AS records FROM (SELECT DISTINCT tenant, service, template FROM log_template_counts WHERE template != 0) WHERE (tenant, service, template) NOT IN (SELECT tenant, service, template FROM log_templates)',
  )
  if (Number(templates.records) !== Number(templates.rows)) found.push(`templates count ${templates.records}, rows ${templates.rows}`)
  if (Number(nameless.records) !== 0) found.push(`${nameless.records} templates without a text`)
  for (const { service, bucket, counted, rows } of wrong) found.push(`${service} at ${bucket}: series say ${counted}, rows ${rows}`)
  return { rows: total, faults: found }
}
