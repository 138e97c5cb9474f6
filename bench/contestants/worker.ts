// Ours from the log into ClickHouse: the log is filled over HTTP first, by ingest alone; then the worker's part alone drains it.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createCorpus } from '../load/body.ts'
import { generate } from '../load/generate.ts'
import { startNodeChild } from '../load/node-child.ts'
import { createToken, selectAsReader } from '../load/product.ts'
import { faultsOf, selectAttempts } from '../measure/counts.ts'
import { bytesOnDisk } from '../measure/disk.ts'
import { startMeter, untilIdle } from '../measure/meter.ts'
import { cpuOfTree, readProcesses } from '../measure/processes.ts'
import type { Scope } from '../measure/scope.ts'
import type { Result } from '../report/result.ts'
import type { EdgeReady } from './edge-process.ts'
import { describe, orderOf, type Load } from './run-load.ts'
import type { FromWorker, WorkerOrder } from './worker-process.ts'

export interface DrainOptions {
  readonly name: string
  readonly table: 'real' | 'Null'
  readonly profile?: string
}

const RUN = 'run'
const STORE_IDLE_MS = 180_000
/** Bodies stay with a partition for a while: with several, nobody knows where the warm-up ends in each. */
const PARTITIONS = 1

/** Warm-up and load are one run: what is measured begins where the worker is warm. */
const fill = async (env: Record<string, string>, load: Load, records: number): Promise<readonly number[]> => {
  const [token, ...moreTokens] = Array.from({ length: load.tenants ?? 1 }, createToken)
  const ingest = startNodeChild<EdgeReady>(new URL('edge-process.ts', import.meta.url), {
    env: { ...env, BENCH_TOKEN: [token, ...moreTokens].join(','), LAPWING_LOG_SYNC: 'os' },
  })
  try {
    const { url } = await ingest.next('ready')
    const sent = await generate({ ...orderOf({ url, token, moreTokens }, load, RUN, records), requestsPerSecond: null })
    return sent.acknowledged
  } finally {
    await ingest.stop()
  }
}

export const runDrain = async ({ name, table, profile }: DrainOptions, load: Load, scope: Scope): Promise<Result> => {
  const directory = mkdtempSync(join(tmpdir(), 'lapwing-worker-'))
  scope.onClose(() => rmSync(directory, { recursive: true, force: true }))
  const env = {
    LAPWING_DATA_DIR: directory,
    LAPWING_OTLP_LISTEN: '127.0.0.1:0',
    LAPWING_ALERTS_LISTEN: '127.0.0.1:0',
    LAPWING_CLICKHOUSE_LISTEN: '127.0.0.1:0',
    LAPWING_BOOTSTRAP_TOKEN: createToken(),
    LAPWING_LOG_PARTITIONS: String(PARTITIONS),
    BENCH_NULL_TABLE: table === 'Null' ? '1' : '0',
  }
  const acknowledged = await fill(env, load, load.warmUpRecords + load.records)
  const child = startNodeChild<FromWorker>(new URL('worker-process.ts', import.meta.url), {
    env,
    execArgv: profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`],
  })
  scope.onClose(child.stop)
  const { clickhouse } = await child.next('ready')
  await untilIdle({ pid: clickhouse.pid }, STORE_IDLE_MS)
  const rows = join(directory, 'clickhouse')
  const disk = bytesOnDisk(rows)
  const meter = startMeter({ pipeline: { pid: child.pid, without: [clickhouse.pid] }, clickhouse: { pid: clickhouse.pid } })
  child.send({
    kind: 'go',
    warmUpMessages: Math.max(1, Math.round(load.warmUpRecords / load.recordsPerRequest / PARTITIONS)),
  } satisfies WorkerOrder)
  const { warm, end, insertedRows, partialRows, templateRows } = await child.next('drained')
  await untilIdle({ pid: clickhouse.pid }, STORE_IDLE_MS)
  const settledCpu = cpuOfTree(readProcesses(), clickhouse.pid)
  const used = meter.stop()
  const records = acknowledged.length * load.recordsPerRequest
  const measured = end.rows - warm.rows
  const corpus = createCorpus(orderOf({ url: '', token: '' }, load, RUN, records).shape)
  const select = <Row>(sql: string): Promise<Row[]> => selectAsReader(clickhouse.url, clickhouse.readerPassword, sql)
  const faults =
    table === 'real'
      ? faultsOf(await selectAttempts(select, corpus, RUN), acknowledged, load.recordsPerRequest)
      : // Nothing can be read from a Null table: what the pipeline has committed, and ClickHouse's own count of what INSERTs brought, have to do.
        end.rows === records && insertedRows >= end.rows + partialRows + templateRows
        ? []
        : [`${end.rows} rows were committed and ${insertedRows - partialRows - templateRows} came for ${records} records`]
  const perMillion = (cpu: number): number => (cpu * 1e6) / measured
  return {
    stage: 'G',
    load: `${describe({ ...load, recordsPerSecond: null }).replace(/, as fast as acknowledged$/, '')}, ${table} table`,
    contestant: name,
    durability: table === 'Null' ? 'memory' : 'fsync',
    records: measured,
    seconds: (end.atMs - warm.atMs) / 1000,
    recordsPerSecond: (measured / (end.atMs - warm.atMs)) * 1000,
    cpuPerMillion: {
      pipeline: perMillion(end.ownCpuSeconds - warm.ownCpuSeconds),
      clickhouse: perMillion(settledCpu - warm.clickhouseCpuSeconds),
    },
    peakMiB: { pipeline: used.pipeline.peakMiB, clickhouse: used.clickhouse.peakMiB },
    ackMs: null,
    queryableP99Ms: null,
    bytesPerRecord: table === 'Null' ? null : (bytesOnDisk(rows) - disk) / records,
    isCounted: true,
    faults,
    notes: [],
  }
}
