// What a role stands on: the control-plane store, ClickHouse and the event log, each embedded or by its address. Opened side by side;
// whatever cannot be reached is reported together, under the setting that says where it is.
import { join } from 'node:path'
import { createLeases, createSoleOwner } from '../api/services/leases.ts'
import { openStore } from '../api/store/open-store.ts'
import type { Store } from '../api/store/store.ts'
import type { ClickHouse } from '../clickhouse/client.ts'
import { startLocalClickHouse, type LocalClickHouse } from '../clickhouse/local/local.ts'
import type { Config } from '../config.ts'
import type { EventLog } from '../streams/contracts/event-log.ts'
import type { Leases } from '../streams/contracts/leases.ts'
import type { OnClose } from './closers.ts'
import type { Logger } from './logger.ts'
import { named } from './named.ts'
import { together } from './together.ts'

export interface Servers {
  readonly store: Store
  readonly leases: Leases
  readonly clickhouse: ClickHouse
  readonly local: LocalClickHouse | null
  readonly log: EventLog
}

/** Loaded when the child is on its way, which takes longer to be ready than the client to load. */
const loadClient = () => import('./clickhouse.ts')

const startLocal = async (config: Config, logger: Logger, onClose: OnClose, onSpawn: () => void): Promise<LocalClickHouse> => {
  const local = await startLocalClickHouse({
    directory: join(config.dataDir, 'clickhouse'),
    listen: config.clickhouseListen,
    maxMemoryBytes: config.clickhouseMaxMemoryBytes,
    readerPassword: config.readerPassword,
    database: config.clickhouseDatabase,
    binary: config.clickhouseBinary,
    log: logger,
    onSpawn,
  })
  onClose(() => local.close())
  return local
}

const openClickHouse = async (
  config: Config,
  logger: Logger,
  onClose: OnClose,
  onBegun: () => void,
): Promise<{ clickhouse: ClickHouse; local: LocalClickHouse | null }> => {
  const starting = config.clickhouseUrl === null ? startLocal(config, logger, onClose, onBegun) : Promise.resolve(null)
  // Also when it could not be begun: others wait for that.
  const local = await starting.finally(onBegun)
  const clickhouse = (await loadClient()).connectClickHouse(config, local)
  // Idle connections would hold the child's end up by seconds.
  onClose(() => clickhouse.close())
  await clickhouse.ensureDatabase()
  return { clickhouse, local }
}

const openControlPlane = async (config: Config, onClose: OnClose): Promise<Store> => {
  const store = await openStore({
    databaseUrl: config.databaseUrl,
    databaseTlsCa: config.databaseTlsCa,
    directory: join(config.dataDir, 'control-plane'),
  })
  onClose(() => store.close())
  return store
}
const openLog = async (config: Config, logger: Logger, onClose: OnClose): Promise<EventLog> => {
  const log = await (await import('../streams/open-event-log.ts')).openEventLog(config, logger)
  onClose(() => log.close())
  return log
}

/**
 * @param owner of leases: unique to this process's life.
 * @param onBegun called, perhaps more than once, when what takes long is on its way in a thread and a child of its own. From then on the
 * caller may keep this thread busy: whatever did so before would hold up the child.
 */
export const openServers = async (
  config: Config,
  owner: string,
  logger: Logger,
  onClose: OnClose,
  onBegun: () => void = () => undefined,
): Promise<Servers> => {
  const begun = Promise.withResolvers<void>()
  const begin = (): void => {
    begun.resolve()
    onBegun()
  }
  const [store, { clickhouse, local }, log] = await together<[Store, Awaited<ReturnType<typeof openClickHouse>>, EventLog]>([
    named(config.databaseUrl === null ? null : 'DATABASE_URL', openControlPlane(config, onClose)),
    named(config.clickhouseUrl === null ? null : 'CLICKHOUSE_URL', openClickHouse(config, logger, onClose, begin)),
    named(
      config.kafka === null ? null : 'KAFKA_BROKERS',
      begun.promise.then(() => openLog(config, logger, onClose)),
    ),
  ])
  const leases = config.databaseUrl === null ? createSoleOwner() : createLeases(store, owner)
  const { prepareTables } = await loadClient()
  await named(config.clickhouseUrl === null ? null : 'CLICKHOUSE_URL', prepareTables(clickhouse, config, leases))
  return { store, leases, clickhouse, local, log }
}

/** For ingest, whose thread opens the log by itself and needs no ClickHouse. */
export const openStoreAlone = (config: Config, onClose: OnClose): Promise<Store> => named('DATABASE_URL', openControlPlane(config, onClose))
