// Question: what does a record cost each role, with one process of each and with two? A cluster on real servers takes load at a fixed rate,
// 1,000 records a request; when everything is stored, processor time of every process, less what it takes while nothing comes, is divided
// by the records that SQL counts. Prints one table, and the load of the machine, under which caches are shared and everything costs more.
// `--rate N` records a second (40,000), `--seconds S` (20).
import { availableParallelism, loadavg } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { openCluster, type Cluster } from '../test/cluster/cluster.ts'
import { missingForCluster } from '../test/cluster/missing.ts'
import { ROLES } from '../test/cluster/members.ts'
import { drainedStatus } from '../test/kill/attempts.ts'
import { findPostgresBinaries } from '../test/support/postgres-server.ts'
import { createCorpus } from './load/body.ts'
import { prepareBodies } from './load/encoded.ts'
import { runOpenLoop } from './load/open-loop.ts'
import { readProcesses } from './measure/processes.ts'
import { quantile } from './measure/statistics.ts'
import { until } from './load/product.ts'

const { values } = parseArgs({ options: { rate: { type: 'string', default: '40000' }, seconds: { type: 'string', default: '20' } } })
const RECORDS = 1000
const IDLE_SECONDS = 10
/** An acknowledgement that takes longer waited for a processor. */
const FULL_MS = 1000

const cpuByRole = (cluster: Cluster): Record<string, number> => {
  const table = readProcesses()
  const cpuOf = (pid: number): number => table.get(pid)?.cpuSeconds ?? 0
  return Object.fromEntries([
    ...ROLES.map((role) => [role, cluster.of(role).reduce((sum, member) => sum + cpuOf(member.pid()!), 0)] as const),
    ...Object.entries(cluster.servers.pids()).map(([name, pid]) => [name, pid === null ? 0 : cpuOf(pid)] as const),
  ])
}

type Costs = Readonly<Record<string, number>>
/** By role, over the time that `run` takes. */
const spent = async (cluster: Cluster, run: () => Promise<unknown>): Promise<{ readonly cpu: Costs; readonly seconds: number }> => {
  const [before, begun] = [cpuByRole(cluster), performance.now()]
  await run()
  const after = cpuByRole(cluster)
  return {
    cpu: Object.fromEntries(Object.keys(after).map((name) => [name, after[name] - before[name]])),
    seconds: (performance.now() - begun) / 1000,
  }
}

const measure = async (each: number): Promise<string> => {
  const cluster = await openCluster({ postgresBin: findPostgresBinaries()!, each })
  try {
    const requestsPerSecond = Number(values.rate) / RECORDS / each
    const load = (seconds: number, firstAttempt: number) =>
      Promise.all(
        cluster.of('ingest').map(({ otlp }, n) => {
          const requests = Math.round(requestsPerSecond * seconds)
          const bodies = prepareBodies(createCorpus({ records: RECORDS, resources: 8, run: `scale${n}` }), 'none', {
            first: firstAttempt,
            count: requests,
          })
          return runOpenLoop({ url: otlp, token: cluster.token, bodies, requestsPerSecond, requests, connections: 8, firstAttempt })
        }),
      )
    const settled = () => until('everything is stored', 120_000, () => drainedStatus(cluster.api))
    const rows = async (): Promise<number> => (await cluster.select<{ rows: number }>('SELECT count() AS rows FROM otel_logs'))[0].rows
    // What starts costs more: Kafka's first gigabyte, every process's first requests.
    await load(10, 0)
    await settled()
    const idle = await spent(cluster, () => sleep(IDLE_SECONDS * 1000))
    const already = await rows()
    let results: Awaited<ReturnType<typeof load>> = []
    const busy = await spent(cluster, async () => {
      results = await load(Number(values.seconds), 1_000_000)
      await settled()
    })
    const stored = (await rows()) - already
    const acknowledged = results.reduce((sum, one) => sum + one.acknowledged.length, 0) * RECORDS
    if (stored < acknowledged) throw new Error(`${acknowledged - stored} acknowledged records are not stored`)
    const millions = stored / 1e6
    const latencies = results.flatMap((one) => [...one.latenciesMs]).sort((a, b) => a - b)
    const idleShare = (name: string): number => idle.cpu[name] / idle.seconds
    const isFull = quantile(latencies, 0.99) > FULL_MS
    const cost = Object.keys(busy.cpu).map(
      (name) => `${((busy.cpu[name] - idleShare(name) * busy.seconds) / millions).toFixed(2)} (${(100 * idleShare(name)).toFixed(0)} %)`,
    )
    return `| ${each} | ${((millions * 1e6) / Number(values.seconds)).toFixed(0)} | ${quantile(latencies, 0.5).toFixed(0)} / ${quantile(latencies, 0.99).toFixed(0)} | ${cost.join(' | ')} |${isFull ? ' the machine was full: what waits for a processor is no cost of a record, this row says nothing' : ''}`
  } finally {
    await cluster.close()
  }
}

const missing = missingForCluster()
if (missing !== null) console.log(`a cluster cannot be started here: ${missing}`)
else {
  console.log(
    `| processes of each role | records/s stored | ack p50 / p99 ms | ${[...ROLES, 'Kafka', 'ClickHouse'].map((name) => `${name} CPU-s/M (idle, of a core)`).join(' | ')} |\n|${'---|'.repeat(8)}`,
  )
  for (const each of [1, 2]) console.log(await measure(each))
  console.log(
    `load of the machine over the last minutes: ${loadavg()
      .map((one) => one.toFixed(1))
      .join(', ')} on ${availableParallelism()} cores`,
  )
}
// Left to end by itself, Node was seen to wait for a handle with a core of its own and without end (`Environment::CleanupHandles`).
process.exit(missing === null ? 0 : 1)
