// One process: what its role stands on is begun first, and the rest of the code is loaded while that opens. What opened is closed in exact
// reverse; ingest opens late, so that nothing is accepted before it can be worked off.
import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import type { Store } from '../api/store/store.ts'
import type { Config } from '../config.ts'
import type { Addresses } from './banner.ts'
import { createClosers, type OnClose } from './closers.ts'
import { lockDataDirectory } from './data-lock.ts'
import { warnOfPlain } from './listeners.ts'
import type { Logger } from './logger.ts'
import { loadSecretKey } from './secret-key.ts'
import { openServers, openStoreAlone, type Servers } from './servers.ts'
import { together } from './together.ts'

export interface Opened {
  readonly addresses: Addresses
  /** The first one, when this start made it. */
  readonly token: string | null
}
export interface Product extends Opened {
  close(): Promise<void>
}
export interface ProductDeps {
  readonly version: string
  readonly logger: Logger
  readonly onFatal: (error: Error) => void
}
export interface Context extends ProductDeps {
  readonly config: Config
  readonly id: string
  readonly onClose: OnClose
}

const whileServersOpen = <T>({ config, id, logger, onClose }: Context, work: () => Promise<T>): Promise<[Servers, T]> => {
  const begun = Promise.withResolvers<void>()
  return together<[Servers, T]>([openServers(config, id, logger, onClose, begun.resolve), begun.promise.then(work)])
}

/** A thousand files, as long to load as the stores take to open. */
const loadRoles = () => import('./roles.ts')
type Roles = Awaited<ReturnType<typeof loadRoles>>

const openAll = async (context: Context): Promise<Opened> => {
  const { config, onClose } = context
  const lock = lockDataDirectory(config.dataDir)
  onClose(() => lock.release())
  loadSecretKey(config.dataDir, config.secretKey)
  const [servers, [roles, thread]] = await whileServersOpen(context, async () => {
    const loaded = await loadRoles()
    const ingest = loaded.prepareIngest(context)
    await loaded.prepareApi()
    return [loaded, ingest] as const
  })
  return await roles.openAll(context, servers, thread)
}

const openIngest = async (context: Context): Promise<Opened> => {
  const [store, [roles, thread]] = await together<[Store, [Roles, ReturnType<Roles['prepareIngest']>]]>([
    openStoreAlone(context.config, context.onClose),
    loadRoles().then((loaded) => [loaded, loaded.prepareIngest(context)]),
  ])
  return await roles.openIngest(context, store, thread)
}

const openWorker = async (context: Context): Promise<Opened> => {
  const [servers, roles] = await whileServersOpen(context, loadRoles)
  return await roles.openWorker(context, servers)
}

const openApi = async (context: Context): Promise<Opened> => {
  const [servers, roles] = await whileServersOpen(context, async () => {
    const loaded = await loadRoles()
    await loaded.prepareApi()
    return loaded
  })
  return await roles.openApi(context, servers)
}

const OPEN = { all: openAll, ingest: openIngest, worker: openWorker, api: openApi } as const

export const startProduct = async (config: Config, deps: ProductDeps): Promise<Product> => {
  const { onClose, close } = createClosers(deps.logger)
  // A name of its own for each life: what an earlier one of the same process held is not this one's.
  const id = `${config.kafka?.instanceId ?? hostname()}-${process.pid}-${randomBytes(4).toString('hex')}`
  try {
    warnOfPlain(config, deps.logger)
    return { ...(await OPEN[config.role]({ ...deps, config, id, onClose })), close }
  } catch (error) {
    await close()
    throw error
  }
}
