// The event log on a real Kafka broker: its contract, faults, who is let in, and the change from one client to the other. Without Java it is skipped by name.
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { hasOpenssl, makeCertificate } from '../support/certificate.ts'
import { missingForKafka, startKafka } from '../support/kafka-broker.ts'
import type { SecureBroker } from './kafka/log.ts'
import { runProject, type Counts } from './vitest-project.ts'

const test = async (files: readonly string[]): Promise<Counts> => {
  const directory = mkdtempSync(join(tmpdir(), 'lapwing-kafka-'))
  const user = { username: 'lapwing', password: randomBytes(12).toString('hex') }
  const secure = hasOpenssl ? { ...makeCertificate(), ...user } : undefined
  const broker = await startKafka({ directory, secure })
  try {
    return await runProject(
      'kafka',
      {
        LAPWING_TEST_KAFKA: broker.brokers,
        LAPWING_TEST_KAFKA_SECURE: JSON.stringify({ ...secure, ...broker.secure } satisfies Partial<SecureBroker>),
      },
      files,
    )
  } finally {
    await broker.stop()
    rmSync(directory, { recursive: true, force: true })
  }
}

const { values, positionals } = parseArgs({ options: { results: { type: 'string' } }, allowPositionals: true })
const missing = missingForKafka()
if (missing !== null) console.log(`skipped: Kafka (${missing}; the same contract runs on the embedded log in the unit suite)`)
const counts = missing === null ? await test(positionals) : { passed: 0, failed: 0, skipped: 1 }
if (values.results !== undefined) writeFileSync(values.results, JSON.stringify(counts))
process.exitCode = counts.failed === 0 ? 0 : 1
