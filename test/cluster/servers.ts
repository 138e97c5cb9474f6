// The three servers of a cluster as processes of their own, each behind a proxy that can hold its line: Kafka, PostgreSQL, and
// ClickHouse reached by its URL. All are on loopback, with data in one temporary directory.
import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { until } from '../../bench/load/product.ts'
import { startLocalClickHouse, type LocalClickHouse } from '../../clickhouse/local/local.ts'
import { freePorts } from '../support/free-port.ts'
import { startKafka } from '../support/kafka-broker.ts'
import { createPostgresServer } from '../support/postgres-server.ts'
import { openTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts'
import { mountSmallDisk, type SmallDisk } from './small-disk.ts'

export type ServerName = 'kafka' | 'clickhouse' | 'postgres'
export const SERVERS: readonly ServerName[] = ['kafka', 'clickhouse', 'postgres']

export interface Server {
  readonly name: ServerName
  readonly proxy: TcpProxy
  signal(name: 'SIGSTOP' | 'SIGCONT'): Promise<void>
  /** Where its data lies on a disk of its own; null elsewhere. */
  readonly disk: SmallDisk | null
  /** kill -9, and started again. */
  crash(): Promise<void>
  close(): Promise<void>
}
export interface Servers {
  readonly all: Readonly<Record<ServerName, Server>>
  /** Settings of our processes that reach them through the proxies. */
  readonly env: Readonly<Record<string, string>>
  readonly clickhouseUrl: string
  readonly readerPassword: string
  /** Those whose processor time is asked for. */
  pids(): Readonly<Record<'kafka' | 'clickhouse', number | null>>
  close(): Promise<void>
}

const READY_MS = 30_000
const GiB = 1024 ** 3
const silent = { info: () => undefined, warn: () => undefined }

const openKafka = async (directory: string): Promise<Server & { readonly brokers: string; pid(): number }> => {
  const [port, advertised] = await freePorts(2)
  // Clients go where the broker says that it is, so it says the proxy's address.
  const broker = await startKafka({ directory, port, advertisedPort: advertised })
  const proxy = await openTcpProxy({ port }, advertised)
  return {
    name: 'kafka',
    disk: null,
    proxy,
    brokers: `127.0.0.1:${advertised}`,
    pid: () => broker.pid(),
    signal: async (name) => {
      broker.signal(name)
    },
    crash: async () => {
      await broker.kill9()
      await broker.restart()
    },
    close: async () => {
      await proxy.close()
      await broker.stop()
    },
  }
}

const openPostgres = async (bin: string): Promise<Server & { readonly url: string }> => {
  const server = await createPostgresServer(bin)
  await server.start()
  const proxy = await openTcpProxy({ port: server.port })
  return {
    name: 'postgres',
    disk: null,
    proxy,
    url: `postgres://lapwing:${server.password}@127.0.0.1:${proxy.port}/postgres`,
    signal: (name) => server.signal(name),
    crash: async () => {
      await server.signal('SIGKILL')
      await server.start()
    },
    close: async () => {
      await proxy.close()
      await server.dispose()
    },
  }
}

/** A disk of its own only where it is asked for: that of a test run is larger and faster. */
const openClickHouse = async (
  directory: string,
  disk: SmallDisk | null,
): Promise<Server & { readonly url: string; readonly local: LocalClickHouse }> => {
  const local = await startLocalClickHouse({
    directory,
    listen: { host: '127.0.0.1', port: 0 },
    maxMemoryBytes: 2 * GiB,
    readerPassword: randomBytes(12).toString('hex'),
    database: 'lapwing',
    log: silent,
  })
  const proxy = await openTcpProxy({ port: Number(new URL(local.url).port) })
  const signal = (name: NodeJS.Signals): void => {
    if (local.pid() !== null) process.kill(local.pid()!, name)
  }
  return {
    name: 'clickhouse',
    disk,
    proxy,
    local,
    url: `http://127.0.0.1:${proxy.port}`,
    signal: async (name) => signal(name),
    crash: async () => {
      const { restarts } = local
      const before = restarts()
      signal('SIGKILL')
      await until('ClickHouse is back', READY_MS, () => restarts() > before && local.pid() !== null)
    },
    close: async () => {
      await proxy.close()
      await local.close()
      disk?.unmount()
    },
  }
}

/** @param postgresBin the folder of `initdb` and `postgres`. @param diskMegabytes of a disk of ClickHouse's own, where one can be mounted. */
export const openServers = async (directory: string, postgresBin: string, diskMegabytes?: number): Promise<Servers> => {
  for (const name of ['kafka', 'clickhouse']) mkdirSync(join(directory, name), { recursive: true })
  const [kafka, postgres, clickhouse] = await Promise.all([
    openKafka(join(directory, 'kafka')),
    openPostgres(postgresBin),
    openClickHouse(
      join(directory, 'clickhouse'),
      diskMegabytes === undefined ? null : mountSmallDisk(join(directory, 'clickhouse'), diskMegabytes),
    ),
  ])
  return {
    all: { kafka, postgres, clickhouse },
    env: {
      KAFKA_BROKERS: kafka.brokers,
      DATABASE_URL: postgres.url,
      CLICKHOUSE_URL: clickhouse.url,
      CLICKHOUSE_USER: clickhouse.local.user,
      CLICKHOUSE_PASSWORD: clickhouse.local.password,
    },
    clickhouseUrl: clickhouse.local.url,
    readerPassword: clickhouse.local.readerPassword,
    pids: () => ({ kafka: kafka.pid(), clickhouse: clickhouse.local.pid() }),
    close: async () => {
      await Promise.all([kafka, postgres, clickhouse].map((server) => server.close()))
    },
  }
}
