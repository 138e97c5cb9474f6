// A real child on a free port in a temporary directory, migrated; and rows of the log table for what the tests ask.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClickHouse, type ClickHouse } from '../../../clickhouse/client.ts'
import { startLocalClickHouse, type LocalClickHouse, type LocalClickHouseConfig } from '../../../clickhouse/local/local.ts'
import { migrate } from '../../../clickhouse/migrate.ts'

export const silent = { info: () => {}, warn: () => {} }
export const createDirectory = (): string => mkdtempSync(join(tmpdir(), 'lapwing-clickhouse-'))
export const settingsOf = (directory: string, port = 0): LocalClickHouseConfig => ({
  directory,
  listen: { host: '127.0.0.1', port },
  maxMemoryBytes: 1024 ** 3,
  readerPassword: 'reader-password',
  database: 'lapwing',
  log: silent,
})

export interface TestStore {
  readonly directory: string
  readonly local: LocalClickHouse
  readonly clickhouse: ClickHouse
  dispose(): Promise<void>
}
export const clientOf = (local: LocalClickHouse): ClickHouse =>
  createClickHouse({ url: local.url, user: local.user, password: local.password, database: 'lapwing', askedSettings: local.askedSettings })

export const openTestStore = async (directory = createDirectory()): Promise<TestStore> => {
  const local = await startLocalClickHouse(settingsOf(directory))
  const clickhouse = clientOf(local)
  await migrate(clickhouse)
  return {
    directory,
    local,
    clickhouse,
    dispose: async () => {
      await clickhouse.close()
      await local.close()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

/** Polls until it holds. */
export const until = async (what: string, holds: () => boolean | Promise<boolean>, timeoutMs = 15_000): Promise<void> => {
  for (const deadline = Date.now() + timeoutMs; !(await holds());) {
    if (Date.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
/** Whether a process runs; one that has ended and waits to be collected does not. */
export const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
  } catch {
    return false
  }
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return process.platform !== 'linux'
  }
}

/** One statement as a user that the client does not know: the answer's status and text. */
export const ask = async (url: string, user: string, password: string, sql: string): Promise<{ ok: boolean; text: string }> => {
  const response = await fetch(url, {
    method: 'POST',
    body: sql,
    headers: { 'X-ClickHouse-User': user, ...(password === '' ? {} : { 'X-ClickHouse-Key': password }), connection: 'close' },
  })
  return { ok: response.ok, text: await response.text() }
}

export interface LogRecord {
  readonly tenant: string
  readonly ms: number
  readonly body: string
  readonly service?: string
  readonly severity?: number
  readonly attributes?: Record<string, string>
  readonly resource?: Record<string, string>
  readonly traceId?: string
  readonly day?: string
  readonly offset: number
  readonly index?: number
  readonly partition?: number
}
export const toRow = (record: LogRecord): object => ({
  Timestamp: (record.ms / 1000).toFixed(3),
  ObservedTimestamp: (record.ms / 1000).toFixed(3),
  tenant: record.tenant,
  Body: record.body,
  ServiceName: record.service ?? 'shop',
  SeverityNumber: record.severity ?? 9,
  LogAttributes: record.attributes ?? {},
  ResourceAttributes: record.resource ?? {},
  TraceId: record.traceId ?? '',
  receive_day: record.day ?? new Date(record.ms).toISOString().slice(0, 10),
  log_id: 'test-log',
  log_partition: record.partition ?? 0,
  log_offset: record.offset,
  record_index: record.index ?? 0,
})
