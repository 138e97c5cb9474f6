// The OpenTelemetry Collector in one of its committed configurations, with what stands behind it.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../../test/support/free-port.ts'
import type { KafkaBroker } from '../../test/support/kafka-broker.ts'
import { startProgram } from '../../test/live/program.ts'
import { startLocalClickHouse } from '../../clickhouse/local/local.ts'
import { PROBE, probesSql, type Contestant, type Opened } from '../contestants/contestant.ts'
import { ATTEMPT_DIGITS } from '../load/body.ts'
import { startNodeChild } from '../load/node-child.ts'
import { selectAsReader, until } from '../load/product.ts'
import { selectAttempts, untilArrived } from '../measure/counts.ts'
import type { Scope } from '../measure/scope.ts'
import type { FromSink, ToSink } from './sink-process.ts'
import { openTopic } from './topic.ts'

type Behind = Pick<Opened, 'arrived' | 'attempts' | 'probes' | 'directory'> & {
  readonly env: Readonly<Record<string, string>>
  readonly parts: Opened['parts']
}

const READY_MS = 20_000
const PEER_MEMORY_BYTES = 2 * 1024 ** 3

const startCollector = async (binary: string, file: string, { env, parts, ...behind }: Behind, scope: Scope): Promise<Opened> => {
  const port = await freePort()
  const running = startProgram(binary, ['--config', join(import.meta.dirname, file)], { env: { ...env, BENCH_PORT: String(port) } })
  scope.onClose(() => running.stop())
  const url = `http://127.0.0.1:${port}`
  await until('the Collector answers', READY_MS, async () => {
    if (running.child.exitCode !== null) throw new Error(running.output().slice(-1000))
    return (await fetch(`${url}/v1/logs`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' })).ok
  })
  return { ...behind, url, token: 'none', parts: { pipeline: { pid: running.child.pid! }, ...parts } }
}

const temporary = (scope: Scope): string => {
  const directory = mkdtempSync(join(tmpdir(), 'lapwing-peer-'))
  scope.onClose(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

/** Nothing can be counted of what is thrown away: its answers are all that there is. */
const nothing = async (): Promise<Behind> => ({ env: {}, parts: {}, directory: null, arrived: async () => {}, attempts: async () => [] })

const sink = async (scope: Scope): Promise<Behind> => {
  const child = startNodeChild<FromSink>(new URL('sink-process.ts', import.meta.url), {})
  scope.onClose(child.stop)
  const { url } = await child.next('ready')
  const ask = (message: ToSink): void => {
    child.send(message)
  }
  const directory = temporary(scope)
  return {
    env: { BENCH_SINK: url, BENCH_DIRECTORY: directory },
    parts: { sink: { pid: child.pid } },
    directory,
    arrived: (records) =>
      untilArrived(async () => {
        ask({ ask: 'count' })
        return (await child.next('count')).records
      }, records),
    attempts: async (_corpus, run) => {
      ask({ ask: 'attempts', run })
      return (await child.next('attempts')).attempts
    },
  }
}

const kafka =
  (broker: KafkaBroker) =>
  async (scope: Scope): Promise<Behind> => {
    const topic = await openTopic(broker.brokers, scope)
    return {
      env: { BENCH_BROKERS: broker.brokers, BENCH_TOPIC: topic.name },
      parts: { broker: { pid: broker.pid() } },
      directory: null,
      arrived: async () => {},
      attempts: (_corpus, run) => topic.attempts(run),
    }
  }

/** What a ClickHouse has by itself: a user of the Collector has no setting of ours. */
const DEFAULT_MERGE_SELECTOR_BASE = 5

/** The same program as ours, on a port and a directory of its own, with the exporter's own schema. */
const clickhouse =
  (batch: number, timeout: string) =>
  async (scope: Scope): Promise<Behind> => {
    const directory = temporary(scope)
    const local = await startLocalClickHouse({
      directory,
      listen: { host: '127.0.0.1', port: 0 },
      maxMemoryBytes: PEER_MEMORY_BYTES,
      readerPassword: null,
      database: 'lapwing',
      mergeSelectorBase: DEFAULT_MERGE_SELECTOR_BASE,
      log: { info: () => {}, warn: (fields, message) => console.error(message, fields) },
    })
    scope.onClose(() => local.close())
    const select = <Row>(sql: string): Promise<Row[]> => selectAsReader(local.url, local.readerPassword, sql)
    return {
      env: {
        BENCH_CLICKHOUSE: local.url,
        BENCH_CLICKHOUSE_PASSWORD: local.password,
        BENCH_BATCH: String(batch),
        BENCH_BATCH_TIMEOUT: timeout,
      },
      parts: { clickhouse: { pid: local.pid()! } },
      directory,
      arrived: (records) =>
        untilArrived(async () => (await select<{ rows: number }>('SELECT count() AS rows FROM otel_logs'))[0].rows, records),
      attempts: (corpus, run) => selectAttempts(select, corpus, run),
      probes: async () =>
        (await select<{ id: string }>(probesSql(Date.now())))
          .filter(({ id }) => id.startsWith(PROBE.run))
          .map(({ id }) => Number(id.slice(-ATTEMPT_DIGITS))),
    }
  }

const contestant = (
  binary: string,
  fixed: Omit<Contestant, 'open'>,
  file: string,
  openBehind: (scope: Scope) => Promise<Behind>,
): Contestant => ({ ...fixed, open: async (scope) => startCollector(binary, file, await openBehind(scope), scope) })

export const edgeCollectors = (binary: string, broker: KafkaBroker | null): Contestant[] => [
  contestant(binary, { name: 'Collector → discard', durability: 'memory', isCounted: false }, 'collector-discard.yaml', nothing),
  contestant(binary, { name: 'Collector → OTLP', durability: 'memory' }, 'collector-otlp-memory.yaml', sink),
  contestant(binary, { name: 'Collector, queue in files → OTLP', durability: 'fsync' }, 'collector-otlp-durable.yaml', sink),
  ...(broker === null
    ? []
    : [contestant(binary, { name: 'Collector → Kafka', durability: 'page cache' }, 'collector-kafka.yaml', kafka(broker))]),
]
/** Batches as the processor makes them by itself, and as the exporter's documentation recommends them. */
export const storeCollectors = (binary: string): Contestant[] => [
  contestant(
    binary,
    { name: 'Collector → ClickHouse, batches of 8,192', durability: 'memory' },
    'collector-clickhouse.yaml',
    clickhouse(8192, '200ms'),
  ),
  contestant(
    binary,
    { name: 'Collector → ClickHouse, batches of 100,000', durability: 'memory' },
    'collector-clickhouse.yaml',
    clickhouse(100_000, '5s'),
  ),
]
