// A restart of every process in turn, as an upgrade does it, under load from exporters that retry as the OTLP specification says.
import { createCorpus } from '../../bench/load/body.ts'
import { openConnection, requestHead } from '../../bench/load/http-client.ts'
import { until } from '../../bench/load/product.ts'
import { compare, drainedStatus, pause, RECORDS } from '../kill/attempts.ts'
import type { Cluster } from './cluster.ts'

export interface RollingReport {
  readonly requests: number
  readonly retries: number
  readonly broken: readonly string[]
}

const RUN = 'rolling'
const EVERY_MS = 20
const GIVE_UP_MS = 30_000
/** No answer, too many requests, and what a proxy or a closing server says: these are to be sent again. */
const RETRYABLE = [0, 429, 502, 503, 504]

/** One exporter at one address. A resend is a new attempt, so it gets a body of its own. */
const startExporter = (cluster: Cluster, address: string, nextAttempt: () => number) => {
  const target = new URL(address)
  const head = requestHead('/v1/logs', target.host, cluster.token)
  const corpus = createCorpus({ records: RECORDS, resources: 4, run: RUN })
  const acknowledged: number[] = []
  const broken: string[] = []
  let retries = 0
  let stopping = false
  const exportOne = async (connection: ReturnType<typeof openConnection>): Promise<void> => {
    for (let waitMs = 200, begun = Date.now(); ; waitMs = Math.min(5000, waitMs * 1.5)) {
      const attempt = nextAttempt()
      const status = await connection.send(head, corpus.body(attempt, Date.now()))
      if (status === 200) {
        acknowledged.push(attempt)
        return
      }
      if (!RETRYABLE.includes(status) || Date.now() - begun > GIVE_UP_MS) {
        broken.push(`a request to ${address} failed with ${status} after ${Date.now() - begun} ms`)
        return
      }
      retries += 1
      await pause(waitMs * (0.5 + Math.random()))
    }
  }
  const running = (async () => {
    const connection = openConnection(target.hostname, Number(target.port))
    while (!stopping) {
      await exportOne(connection)
      await pause(EVERY_MS)
    }
    connection.close()
  })()
  return {
    stop: async () => {
      stopping = true
      await running
      return { acknowledged, broken, retries }
    },
  }
}

export const restartInTurn = async (cluster: Cluster): Promise<RollingReport> => {
  let attempts = 0
  const exporters = cluster
    .of('ingest')
    .flatMap(({ otlp }) => [otlp, otlp])
    .map((otlp) => startExporter(cluster, otlp, () => attempts++))
  const broken: string[] = []
  for (const member of cluster.members) {
    const code = await member.stop()
    if (code !== 0) broken.push(`${member.name} ended with ${code}`)
    await member.start()
  }
  await cluster.ready()
  const ended = await Promise.all(exporters.map((exporter) => exporter.stop()))
  const stoppedAtMs = Date.now()
  await until('everything is worked off', 40_000, () => drainedStatus(cluster.api, stoppedAtMs))
  const acknowledged = new Set(ended.flatMap((one) => one.acknowledged))
  const { faults } = await compare(cluster.select, RUN, acknowledged)
  return {
    requests: acknowledged.size,
    retries: ended.reduce((sum, one) => sum + one.retries, 0),
    broken: [...broken, ...ended.flatMap((one) => one.broken), ...faults],
  }
}
