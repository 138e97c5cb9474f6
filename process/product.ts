// One process: what its role needs, opened in the order of the flow's needs and closed in exact reverse. What opens first is what others
// stand on; ingest opens late, so that nothing is accepted before it can be worked off.
import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { startApi } from '../api/app.ts'
import { bootstrap, ensureTenant } from '../api/services/bootstrap.ts'
import { createControlPlane } from '../api/services/control-plane.ts'
import { waitingEvents } from '../api/services/outbox.ts'
import { livingProcesses, startPresence } from '../api/services/presence.ts'
import type { Store } from '../api/store/store.ts'
import type { Config, Listen, Role } from '../config.ts'
import { startIngestThread, type IngestThread } from '../ingest/ingest-thread.ts'
import type { IngestStats } from '../ingest/metrics.ts'
import { startAdmin } from './admin.ts'
import { openAnalysis, type Analysis } from './analysis.ts'
import type { Addresses } from './banner.ts'
import { createClosers, type OnClose } from './closers.ts'
import { createServerCommands } from './server-commands.ts'
import { openControlSocket } from './control-socket.ts'
import { lockDataDirectory } from './data-lock.ts'
import { figuresOf, type Figures } from './figures.ts'
import { openIdentity, type Identity } from './identity.ts'
import type { Logger } from './logger.ts'
import { createMetrics } from './metrics.ts'
import { openRca } from './rca.ts'
import { keepRuntimeFile } from './runtime-file.ts'
import { loadSecretKey } from './secret-key.ts'
import { openServers, openStoreAlone, type Servers } from './servers.ts'
import { createStatus } from './status.ts'

export interface Product {
  readonly addresses: Addresses
  readonly token: string | null
  close(): Promise<void>
}
export interface ProductDeps {
  readonly version: string
  readonly logger: Logger
  readonly onFatal: (error: Error) => void
}
interface Context extends ProductDeps {
  readonly config: Config
  readonly id: string
  readonly onClose: OnClose
}

const clock = Date.now
const url = ({ host, port }: { host: string; port: number }, { tls }: Listen): string =>
  `${tls === undefined ? 'http' : 'https'}://${host.includes(':') ? `[${host}]` : host}:${port}`
const isLoopback = (host: string): boolean => host === 'localhost' || host === '::1' || host.startsWith('127.')

/** Ingest in its thread, fed with credentials as they change. */
const openIntake = async (
  { config, logger, onClose, onFatal }: Context,
  store: Store,
): Promise<{ readonly identity: Identity; readonly thread: IngestThread; stats(): Promise<IngestStats | null> }> => {
  let alive: IngestThread | null = null
  const identity = await openIdentity(config, {
    store,
    clock,
    logger,
    onClose,
    onChange: async (snapshot) => {
      await alive?.updateCredentials(snapshot)
    },
  })
  const { credentials, tokenUses, logBytes, jwt } = identity
  const thread = await startIngestThread(
    { ...config, log: config },
    {
      credentials: credentials.current(),
      logger,
      ...jwt,
      logBytes: await logBytes.load(),
      onLogBytes: logBytes.add,
      onTokenUses: (uses) => uses.forEach(tokenUses.note),
      onDeath: (error) => {
        alive = null
        onFatal(error)
      },
    },
  )
  alive = thread
  onClose(() => thread.close())
  return { identity, thread, stats: () => alive?.stats() ?? Promise.resolve(null) }
}

interface Watched {
  readonly store: Store
  readonly servers: Servers | null
  readonly analysis: Analysis | null
  readonly ingest: (() => Promise<IngestStats | null>) | null
  readonly identity: Identity | null
}

/** What is said of this process and of the whole; the admin listener where there is one. */
const openWatch = async ({ config, id, version, logger, onClose }: Context, { store, servers, analysis, ingest, identity }: Watched) => {
  const local = (): Promise<Figures> => figuresOf({ ingest, analysis })
  const isAlone = config.databaseUrl === null
  if (!isAlone) {
    const presence = await startPresence(
      { id, role: config.role, version },
      {
        store,
        figures: async () => ({ ...(await local()) }),
        onError: (error) => logger.warn({ error: String(error) }, 'presence not written'),
      },
    )
    onClose(() => presence.close())
  }
  const figures = async (): Promise<readonly Figures[]> =>
    isAlone ? [await local()] : (await livingProcesses(store)).map((one) => one.figures as Figures)
  const { status, ready } = createStatus({
    version,
    role: config.role,
    log: servers?.log ?? null,
    clickhouse: servers?.clickhouse ?? null,
    store,
    credentials: identity?.credentials ?? null,
    ingest,
    figures,
    clock,
  })
  const metrics = createMetrics({
    ingest,
    log: servers?.log ?? null,
    analysis,
    outbox: analysis === null || config.notify === null ? null : () => waitingEvents(store),
    clickhouseRestarts: () => servers?.local?.restarts() ?? 0,
  })
  if (config.adminListen !== null) {
    const admin = await startAdmin(config.adminListen, { version, ready, metrics })
    onClose(() => admin.close())
  }
  return { status, ready, metrics }
}

const openApi = async (
  { config, version, logger, onClose }: Context,
  servers: Servers,
  identity: Identity,
  watch: Awaited<ReturnType<typeof openWatch>>,
  analysis: Pick<Analysis, 'rca' | 'controlPlane'>,
  otlpBase: string,
) => {
  const api = await startApi(
    {
      listen: config.apiListen,
      version,
      secretKey: loadSecretKey(config.dataDir, config.secretKey),
      metricsOpen: isLoopback(config.apiListen.host),
      otlpBase,
      requestsPerMinute: config.requestsPerMinute,
      sharedStore: config.databaseUrl !== null,
      trustProxy: config.trustProxy,
      mcpHosts: config.mcpHosts,
    },
    {
      ...identity.jwt,
      ...watch,
      store: servers.store,
      clickhouse: servers.clickhouse,
      rca: analysis.rca,
      signals: analysis.controlPlane,
      clock,
      logger,
      credentials: identity.credentials.current,
      onTokenUse: identity.tokenUses.note,
      onCredentialsChanged: identity.refresh,
    },
  )
  onClose(() => api.close())
  return api
}

/** Commands beside the running process, and where it is, for those who may read its data directory. */
const openCommands = async ({ config, onClose }: Context, servers: Servers, identity: Identity, addresses: Addresses): Promise<void> => {
  const { local } = servers
  const control = await openControlSocket(config.dataDir, createServerCommands(servers, { onCredentialsChanged: identity.refresh, clock }))
  onClose(() => control.close())
  const runtime = keepRuntimeFile(config.dataDir, () => ({ ...addresses, clickhousePid: local?.pid() ?? null }))
  onClose(() => runtime.close())
}

type Opened = Omit<Product, 'close'>
const NOWHERE = ''

const openAll = async (context: Context): Promise<Opened> => {
  const { config, id, logger, onClose } = context
  const lock = lockDataDirectory(config.dataDir)
  onClose(() => lock.release())
  loadSecretKey(config.dataDir, config.secretKey)
  const servers = await openServers(config, id, logger, onClose)
  const { token } = await bootstrap(servers.store, { bootstrapToken: config.bootstrapToken })
  const analysis = openAnalysis(config, { servers, clock, logger, onClose })
  const { identity, thread, stats } = await openIntake(context, servers.store)
  const watch = await openWatch(context, { store: servers.store, servers, analysis, ingest: stats, identity })
  const otlp = url(thread.addresses.otlp, config.otlpListen)
  const api = await openApi(context, servers, identity, watch, analysis, config.publicOtlpUrl ?? otlp)
  const addresses: Addresses = {
    otlp,
    alerts: url(thread.addresses.alerts, config.alertsListen),
    api: url(api.address, config.apiListen),
    clickhouse: servers.local?.url ?? config.clickhouseUrl!,
  }
  await openCommands(context, servers, identity, addresses)
  return { addresses, token }
}

const openIngest = async (context: Context): Promise<Opened> => {
  const store = await openStoreAlone(context.config, context.onClose)
  await ensureTenant(store)
  const { identity, thread, stats } = await openIntake(context, store)
  await openWatch(context, { store, servers: null, analysis: null, ingest: stats, identity })
  return {
    addresses: {
      otlp: url(thread.addresses.otlp, context.config.otlpListen),
      alerts: url(thread.addresses.alerts, context.config.alertsListen),
      api: NOWHERE,
      clickhouse: NOWHERE,
    },
    token: null,
  }
}

const openWorker = async (context: Context): Promise<Opened> => {
  const { config, id, logger, onClose } = context
  const servers = await openServers(config, id, logger, onClose)
  await ensureTenant(servers.store)
  const analysis = openAnalysis(config, { servers, clock, logger, onClose })
  await openWatch(context, { store: servers.store, servers, analysis, ingest: null, identity: null })
  return { addresses: { otlp: NOWHERE, alerts: NOWHERE, api: NOWHERE, clickhouse: config.clickhouseUrl! }, token: null }
}

const openApiRole = async (context: Context): Promise<Opened> => {
  const { config, id, logger, onClose } = context
  const servers = await openServers(config, id, logger, onClose)
  const { token } = await bootstrap(servers.store, { bootstrapToken: config.bootstrapToken })
  const identity = await openIdentity(config, { store: servers.store, clock, logger, onClose, onChange: async () => undefined })
  const watch = await openWatch(context, { store: servers.store, servers, analysis: null, ingest: null, identity })
  const analysis = {
    rca: openRca(servers, clock),
    controlPlane: createControlPlane(servers.store, { cooldownMs: config.watchdogCooldownMs, clock }),
  }
  const api = await openApi(context, servers, identity, watch, analysis, config.publicOtlpUrl ?? url(config.otlpListen, config.otlpListen))
  return {
    addresses: { otlp: NOWHERE, alerts: NOWHERE, api: url(api.address, config.apiListen), clickhouse: config.clickhouseUrl! },
    token,
  }
}

const LISTENERS: Readonly<Record<Role, readonly (readonly [setting: string, of: (config: Config) => Listen])[]>> = (() => {
  const otlp = ['LAPWING_OTLP', (config: Config) => config.otlpListen] as const
  const alerts = ['LAPWING_ALERTS', (config: Config) => config.alertsListen] as const
  const api = ['LAPWING_API', (config: Config) => config.apiListen] as const
  return { all: [otlp, alerts, api], ingest: [otlp, alerts], worker: [], api: [api] }
})()
const warnOfPlain = (config: Config, logger: Logger): void => {
  for (const [setting, of] of LISTENERS[config.role]) {
    const { host, tls } = of(config)
    if (tls === undefined && !isLoopback(host))
      logger.warn(
        { setting: `${setting}_LISTEN`, host },
        `plain HTTP off loopback: tokens can be read on the way; set ${setting}_TLS_CERT and ${setting}_TLS_KEY, or put a proxy with TLS in front`,
      )
  }
}

const OPEN = { all: openAll, ingest: openIngest, worker: openWorker, api: openApiRole } as const

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
