// The worker's part alone, as a process: what the product's composition opens to bring an event log into ClickHouse, detection included,
// on a log that is filled already. It drains the first part to get warm, rests, and measures itself and its ClickHouse over the second.
import { loadConfig } from '../../config.ts'
import { createClosers } from '../../process/closers.ts'
import { createLogger } from '../../process/logger.ts'
import { openAnalysis } from '../../process/analysis.ts'
import { openServers } from '../../process/servers.ts'
import { bootstrap } from '../../api/services/bootstrap.ts'
import type { ClickHouse } from '../../clickhouse/client.ts'
import { GROUPS } from '../../streams/open-event-log.ts'
import { untilIdle } from '../measure/meter.ts'
import { cpuOfTree, readProcesses } from '../measure/processes.ts'
import { gateAt } from './gate.ts'

export interface WorkerMark {
  readonly rows: number
  readonly atMs: number
  readonly ownCpuSeconds: number
  readonly clickhouseCpuSeconds: number
}
export type FromWorker =
  | { readonly kind: 'ready'; readonly clickhouse: { readonly url: string; readonly readerPassword: string; readonly pid: number } }
  | {
      readonly kind: 'drained'
      readonly warm: WorkerMark
      readonly end: WorkerMark
      /** Rows that INSERTs brought since the start, by ClickHouse's own count. */ readonly insertedRows: number
      readonly partialRows: number
      readonly templateRows: number
    }
export interface WorkerOrder {
  readonly kind: 'go'
  /** In each partition. */ readonly warmUpMessages: number
}

const LOOK_EVERY_MS = 50
const STORE_IDLE_MS = 180_000
const config = loadConfig(process.env)
const logger = createLogger('warn')
const { onClose, close } = createClosers(logger)
const servers = await openServers(config, 'bench', logger, onClose)
await bootstrap(servers.store, { bootstrapToken: config.bootstrapToken })

/** The columns of the real one, and nothing behind them: what is left is our side and ClickHouse's reading of the block. */
const emptyBehind = async (clickhouse: ClickHouse): Promise<void> => {
  await clickhouse.command('RENAME TABLE otel_logs TO otel_logs_real')
  await clickhouse.command('CREATE TABLE otel_logs AS otel_logs_real ENGINE = Null')
}
if (process.env.BENCH_NULL_TABLE === '1') await emptyBehind(servers.clickhouse)

const insertedRows = async (): Promise<number> =>
  Number(
    (
      await servers.clickhouse.query<{ rows: string }>(
        { name: 'inserted', sql: "SELECT toString(value) AS rows FROM system.events WHERE event = 'InsertedRows'" },
        {},
      )
    )[0]?.rows ?? 0,
  )

const drain = async ({ warmUpMessages }: WorkerOrder): Promise<void> => {
  const before = await insertedRows()
  const gate = gateAt(servers.log, warmUpMessages)
  const { consumer } = openAnalysis(config, { servers: { ...servers, log: gate.log }, clock: Date.now, logger, onClose })
  const clickhouse = { pid: servers.local!.pid()! }
  const mark = (): WorkerMark => {
    const { user, system } = process.cpuUsage()
    return {
      rows: consumer.stats().logRows,
      atMs: performance.now(),
      ownCpuSeconds: (user + system) / 1e6,
      clickhouseCpuSeconds: cpuOfTree(readProcesses(), clickhouse.pid),
    }
  }
  const isWarm = async (): Promise<boolean> =>
    (await Promise.all(Array.from({ length: servers.log.partitions }, (_, partition) => servers.log.state(GROUPS[0], partition)))).every(
      ({ offset }) => offset >= warmUpMessages,
    )
  while (!(await isWarm())) await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))
  await untilIdle(clickhouse, STORE_IDLE_MS)
  const warm = mark()
  gate.open()
  await consumer.idle()
  const end = mark()
  tell({
    kind: 'drained',
    warm,
    end,
    insertedRows: (await insertedRows()) - before,
    partialRows: consumer.stats().partialRows,
    templateRows: consumer.stats().templateRows,
  })
}
const tell = (message: FromWorker): void => {
  process.send!(message)
}
process.on('message', (order: WorkerOrder) => {
  void drain(order)
})
const stop = (): void => {
  void close().then(() => process.exit())
}
process.once('SIGTERM', stop)
process.once('disconnect', stop)
tell({ kind: 'ready', clickhouse: { url: servers.local!.url, readerPassword: servers.local!.readerPassword, pid: servers.local!.pid()! } })
