// Ours at the edge: from HTTP into the event log, embedded or on Kafka, which is then read back byte by byte.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadConfig } from '../../config.ts'
import type { EventLog } from '../../streams/contracts/event-log.ts'
import { openEventLog } from '../../streams/open-event-log.ts'
import type { KafkaBroker } from '../../test/support/kafka-broker.ts'
import { ATTEMPT_DIGITS, attemptId, type Corpus } from '../load/body.ts'
import { startNodeChild } from '../load/node-child.ts'
import { createToken } from '../load/product.ts'
import type { StoredAttempt } from '../measure/counts.ts'
import { plainBody, readWholeLog } from './whole-log.ts'
import type { Contestant } from './contestant.ts'
import type { EdgeReady } from './edge-process.ts'

const READ_WITHIN_MS = 60_000

/** Every message is compared with the body that its attempt had; those of other runs are passed over. */
const countMessages = async (log: EventLog, corpus: Corpus, run: string): Promise<StoredAttempt[]> => {
  const counts = new Map<number, number>()
  const altered: StoredAttempt[] = []
  const marker = attemptId(run, 0).slice(0, -ATTEMPT_DIGITS)
  await readWholeLog(log, READ_WITHIN_MS, (message) => {
    const body = plainBody(message)
    if (!body.includes(marker)) return
    const attempt = corpus.attemptOf(body)
    if (attempt === null) altered.push({ attempt: -1 - altered.length, records: corpus.records, distinct: corpus.records, isAltered: true })
    else counts.set(attempt, (counts.get(attempt) ?? 0) + 1)
  })
  return [
    ...[...counts].map(([attempt, times]) => ({ attempt, records: times * corpus.records, distinct: corpus.records, isAltered: false })),
    ...altered,
  ]
}

export interface EdgeOptions {
  readonly name: string
  readonly sync: 'fsync' | 'os'
  readonly broker?: KafkaBroker
  readonly profile?: string
}

export const createEdge = ({ name, sync, broker, profile }: EdgeOptions): Contestant => ({
  name,
  durability: broker === undefined && sync === 'fsync' ? 'fsync' : 'page cache',
  open: async (scope) => {
    const directory = mkdtempSync(join(tmpdir(), 'lapwing-edge-'))
    scope.onClose(() => rmSync(directory, { recursive: true, force: true }))
    const token = createToken()
    const env = {
      LAPWING_DATA_DIR: directory,
      LAPWING_OTLP_LISTEN: '127.0.0.1:0',
      LAPWING_ALERTS_LISTEN: '127.0.0.1:0',
      LAPWING_LOG_SYNC: sync,
      BENCH_TOKEN: token,
      ...(broker === undefined ? {} : { KAFKA_BROKERS: broker.brokers, KAFKA_TOPIC: `lapwing.bench-${process.hrtime.bigint()}` }),
    }
    const child = startNodeChild<EdgeReady>(new URL('edge-process.ts', import.meta.url), {
      env,
      execArgv: profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`],
    })
    scope.onClose(child.stop)
    const { url } = await child.next('ready')
    return {
      url,
      token,
      directory: broker === undefined ? directory : null,
      parts: { pipeline: { pid: child.pid }, ...(broker === undefined ? {} : { broker: { pid: broker.pid() } }) },
      // The answer comes behind the log: what is acknowledged is there.
      arrived: async () => {},
      attempts: async (corpus, run) => {
        await child.stop()
        const log = await openEventLog(loadConfig(env), { warn: (fields, message) => console.error(message, fields) })
        try {
          return await countMessages(log, corpus, run)
        } finally {
          await log.close()
        }
      },
    }
  },
})
