// A ClickHouse of the bench's own. One that is started anew, with the kernel's page cache dropped, has nothing in memory.
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { createClickHouse, type ClickHouse } from '../../clickhouse/client.ts'
import { startLocalClickHouse } from '../../clickhouse/local/local.ts'
import { readProcesses } from '../measure/processes.ts'

export interface Store {
  readonly clickhouse: ClickHouse
  /** Processor time so far. */
  cpuMs(): number
  close(): Promise<void>
}

export const openStore = async (directory: string): Promise<Store> => {
  const log = { info: () => {}, warn: (fields: object, message: string) => console.error(message, fields) }
  const local = await startLocalClickHouse({
    directory,
    listen: { host: '127.0.0.1', port: 0 },
    maxMemoryBytes: 2048 * 1024 ** 2,
    readerPassword: null,
    database: 'lapwing',
    log,
  })
  const clickhouse = createClickHouse({
    url: local.url,
    user: local.user,
    password: local.password,
    database: 'lapwing',
    askedSettings: local.askedSettings,
  })
  return {
    clickhouse: { ...clickhouse, query: (query, params) => clickhouse.query(query, params, { isAsked: true }) },
    cpuMs: () => (readProcesses().get(local.pid() ?? -1)?.cpuSeconds ?? Number.NaN) * 1000,
    close: async () => {
      await clickhouse.close()
      await local.close()
    },
  }
}

/** The kernel gives up its page cache to root only. @returns false where it kept it. */
export const dropPageCache = (): boolean => {
  try {
    execFileSync('sync')
    writeFileSync('/proc/sys/vm/drop_caches', '1')
    return true
  } catch {
    return false
  }
}
