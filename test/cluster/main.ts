// `npm run test:cluster`: a real Kafka, PostgreSQL and ClickHouse, two of our processes of each role, and the end-to-end suite against
// them. Everything is stopped at the end. A machine without Java or PostgreSQL is told so, and the suite counts as skipped.
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { runProject, type Counts } from '../large/vitest-project.ts'
import { findPostgresBinaries } from '../support/postgres-server.ts'
import type { ClusterDescription } from '../support/target.ts'
import { openCluster } from './cluster.ts'
import { handOverWork } from './hand-over.ts'
import { missingForCluster } from './missing.ts'
import { restartInTurn } from './rolling.ts'

/** In this order: the first wants an empty store. */
const FILES = [
  ['test/e2e/golden.test.ts'],
  ['flows', 'topology', 'traces', 'agents/incident'].map((name) => `test/e2e/${name}.test.ts`),
  ['test/cluster/together.test.ts'],
]

const test = async (): Promise<Counts> => {
  const cluster = await openCluster({ postgresBin: findPostgresBinaries()! })
  const total: Counts = { passed: 0, failed: 0, skipped: 0 }
  try {
    const described: ClusterDescription = {
      token: cluster.token,
      readerPassword: cluster.servers.readerPassword,
      addresses: cluster.addresses(),
      members: cluster.members.map(({ role, name, admin, otlp, alerts, api }) => ({ role, name, admin, otlp, alerts, api })),
    }
    for (const files of FILES) {
      const counts = await runProject('cluster', { LAPWING_TEST_CLUSTER: JSON.stringify(described) }, files)
      for (const key of Object.keys(total) as (keyof Counts)[]) total[key] += counts[key]
    }
    const rolled = await restartInTurn(cluster)
    for (const text of rolled.broken.slice(0, 20)) console.log(text)
    console.log(
      `every process restarted in turn: ${rolled.requests} requests, sent again ${rolled.retries}×, failed or not stored once: ${rolled.broken.length}`,
    )
    total[rolled.broken.length === 0 ? 'passed' : 'failed'] += 1
    for (const { how, seconds, broken } of await handOverWork(cluster)) {
      for (const text of broken.slice(0, 20)) console.log(text)
      console.log(`a worker's work is another's after ${how}: ${seconds.toFixed(1)} s; broken: ${broken.length}`)
      total[broken.length === 0 ? 'passed' : 'failed'] += 1
    }
    if (total.failed > 0) console.log(cluster.output())
  } finally {
    await cluster.close()
  }
  return total
}

const { values } = parseArgs({ options: { results: { type: 'string' } } })
const missing = missingForCluster()
if (missing !== null) console.log(`skipped: the cluster (${missing})`)
const counts = missing === null ? await test() : { passed: 0, failed: 0, skipped: 1 }
if (values.results !== undefined) writeFileSync(values.results, JSON.stringify(counts))
console.log(`cluster: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`)
// What programs of others left open does not hold the run.
process.exit(counts.failed === 0 ? 0 : 1)
