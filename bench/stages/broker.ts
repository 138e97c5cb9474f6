// A Kafka broker of a run's own.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { missingForKafka, startKafka, type KafkaBroker } from '../../test/support/kafka-broker.ts'
import type { Scope } from '../measure/scope.ts'

export type FoundBroker = { readonly ok: true; readonly broker: KafkaBroker } | { readonly ok: false; readonly reason: string }

export const openBroker = async (scope: Scope): Promise<FoundBroker> => {
  const missing = missingForKafka()
  if (missing !== null) return { ok: false, reason: missing }
  const directory = mkdtempSync(join(tmpdir(), 'lapwing-bench-kafka-'))
  scope.onClose(() => rmSync(directory, { recursive: true, force: true }))
  const broker = await startKafka({ directory })
  scope.onClose(() => broker.stop())
  return { ok: true, broker }
}
