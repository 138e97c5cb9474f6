// The event log on a real Kafka broker: its contract, faults, and the change from one client to the other. Without Java it is skipped by name.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { missingForKafka, startKafka } from '../support/kafka-broker.ts'
import { runProject, type Counts } from './vitest-project.ts'

const test = async (): Promise<Counts> => {
  const directory = mkdtempSync(join(tmpdir(), 'lapwing-kafka-'))
  const broker = await startKafka({ directory })
  try {
    return await runProject('kafka', { LAPWING_TEST_KAFKA: broker.brokers })
  } finally {
    await broker.stop()
    rmSync(directory, { recursive: true, force: true })
  }
}

const { values } = parseArgs({ options: { results: { type: 'string' } } })
const missing = missingForKafka()
if (missing !== null) console.log(`skipped: Kafka (${missing}; the same contract runs on the embedded log in the unit suite)`)
const counts = missing === null ? await test() : { passed: 0, failed: 0, skipped: 1 }
if (values.results !== undefined) writeFileSync(values.results, JSON.stringify(counts))
process.exitCode = counts.failed === 0 ? 0 : 1
