// What each role does, on servers that are open: the parts in the order of the flow's needs. Loaded while the servers open.
import { createApp, listen, warmUp, type Api } from '../api/app.ts'
import { bootstrap, ensureTenant } from '../api/services/bootstrap.ts'
import { createControlPlane } from '../api/services/control-plane.ts'
import { waitingEvents } from '../api/services/outbox.ts'
import { livingProcesses, startPresence } from '../api/services/presence.ts'
import { createSharedRates } from '../api/services/rate-use.ts'
import type { Store } from '../api/store/store.ts'
import { PermanentError } from '../streams/contracts/errors.ts'
import { loadIngestThread, startIngestThread, type IngestThread, type LoadedThread } from '../ingest/ingest-thread.ts'
import type { IngestStats } from '../ingest/metrics.ts'
import { startAdmin } from './admin.ts'
import { openAnalysis, type Analysis } from './analysis.ts'
import type { Addresses } from './banner.ts'
import { openControlSocket } from './control-socket.ts'
import { figuresOf, type Figures } from './figures.ts'
import { openIdentity, type Identity } from './identity.ts'
import { isLoopback, urlOf } from './listeners.ts'
import { createMetrics } from './metrics.ts'
import { named } from './named.ts'
import type { Context, Opened } from './product.ts'
import { openRca } from './rca.ts'
import { keepRuntimeFile } from './runtime-file.ts'
import { loadSecretKey } from './secret-key.ts'
import { createServerCommands } from './server-commands.ts'
import type { Servers } from './servers.ts'
import { createStatus } from './status.ts'
import { together } from './together.ts'

const clock = Date.now

/** For ingest, which has a thread of its own. It loads its code while the stores open. */
export const prepareIngest = ({ onClose }: Context): LoadedThread => {
  const loaded = loadIngestThread()
  onClose(loaded.dismiss)
  return loaded
}
/** For who serves the API. */
export const prepareApi = warmUp

interface Intake {
  readonly identity: Identity
  /** Resolves when it listens. */
  readonly thread: Promise<IngestThread>
  stats(): Promise<IngestStats | null>
}
/** Ingest in its thread, fed with credentials as they change. */
const openIntake = async ({ config, logger, onClose, onFatal }: Context, store: Store, loaded: LoadedThread): Promise<Intake> => {
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
  const loggedBytes = await logBytes.load()
  const start = async (): Promise<IngestThread> => {
    const known = credentials.current()
    const starting = startIngestThread(
      { ...config, log: config },
      {
        credentials: known,
        logger,
        ...jwt,
        logBytes: loggedBytes,
        onLogBytes: logBytes.add,
        onRates: createSharedRates({ store, clock }).exchange,
        onTokenUses: (uses) => uses.forEach(tokenUses.note),
        onDeath: (error) => {
          alive = null
          onFatal(error)
        },
      },
      loaded,
    )
    // A busy port has named its own setting.
    const thread = await starting.catch((error: unknown) => {
      const isOfLog = error instanceof PermanentError && error.code === 'LOG_IO'
      return named(isOfLog && config.kafka !== null ? 'KAFKA_BROKERS' : null, starting)
    })
    alive = thread
    onClose(() => thread.close())
    // What changed while it started it was not told.
    if (credentials.current() !== known) await thread.updateCredentials(credentials.current())
    return thread
  }
  return { identity, thread: start(), stats: () => alive?.stats() ?? Promise.resolve(null) }
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

/** Not listening yet. */
const createApi = (
  { config, version, logger }: Context,
  servers: Servers,
  identity: Identity,
  watch: Awaited<ReturnType<typeof openWatch>>,
  analysis: Pick<Analysis, 'rca' | 'controlPlane'>,
  otlpBase: () => string,
): Promise<Api> =>
  createApp(
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

/** Commands beside the running process, and where it is, for those who may read its data directory. */
const openCommands = async ({ config, onClose }: Context, servers: Servers, identity: Identity, addresses: Addresses): Promise<void> => {
  const { local } = servers
  const control = await openControlSocket(config.dataDir, createServerCommands(servers, { onCredentialsChanged: identity.refresh, clock }))
  onClose(() => control.close())
  const runtime = keepRuntimeFile(config.dataDir, () => ({ ...addresses, clickhousePid: local?.pid() ?? null }))
  onClose(() => runtime.close())
}

const NOWHERE = ''

export const openAll = async (context: Context, servers: Servers, loaded: LoadedThread): Promise<Opened> => {
  const { config, logger, onClose } = context
  const { token } = await bootstrap(servers.store, { bootstrapToken: config.bootstrapToken })
  const analysis = openAnalysis(config, { servers, clock, logger, onClose })
  const { identity, thread: starting, stats } = await openIntake(context, servers.store, loaded)
  let otlp = NOWHERE
  // Side by side; the API listens when both are there.
  const [thread, api] = await together<[IngestThread, Api]>([
    starting,
    openWatch(context, { store: servers.store, servers, analysis, ingest: stats, identity }).then((watch) =>
      createApi(context, servers, identity, watch, analysis, () => config.publicOtlpUrl ?? otlp),
    ),
  ])
  onClose(() => api.close())
  otlp = urlOf(thread.addresses.otlp, config.otlpListen)
  const addresses: Addresses = {
    otlp,
    alerts: urlOf(thread.addresses.alerts, config.alertsListen),
    api: urlOf(await listen(api, config.apiListen, logger), config.apiListen),
    clickhouse: servers.local?.url ?? config.clickhouseUrl!,
  }
  await openCommands(context, servers, identity, addresses)
  return { addresses, token }
}

export const openIngest = async (context: Context, store: Store, loaded: LoadedThread): Promise<Opened> => {
  const { config } = context
  await ensureTenant(store)
  const { identity, thread: starting, stats } = await openIntake(context, store, loaded)
  const { addresses } = await starting
  await openWatch(context, { store, servers: null, analysis: null, ingest: stats, identity })
  return {
    addresses: {
      otlp: urlOf(addresses.otlp, config.otlpListen),
      alerts: urlOf(addresses.alerts, config.alertsListen),
      api: NOWHERE,
      clickhouse: NOWHERE,
    },
    token: null,
  }
}

export const openWorker = async (context: Context, servers: Servers): Promise<Opened> => {
  const { config, logger, onClose } = context
  await ensureTenant(servers.store)
  const analysis = openAnalysis(config, { servers, clock, logger, onClose })
  await openWatch(context, { store: servers.store, servers, analysis, ingest: null, identity: null })
  return { addresses: { otlp: NOWHERE, alerts: NOWHERE, api: NOWHERE, clickhouse: config.clickhouseUrl! }, token: null }
}

export const openApi = async (context: Context, servers: Servers): Promise<Opened> => {
  const { config, logger, onClose } = context
  const { token } = await bootstrap(servers.store, { bootstrapToken: config.bootstrapToken })
  const identity = await openIdentity(config, { store: servers.store, clock, logger, onClose, onChange: async () => undefined })
  const watch = await openWatch(context, { store: servers.store, servers, analysis: null, ingest: null, identity })
  const analysis = {
    rca: openRca(servers, clock),
    controlPlane: createControlPlane(servers.store, { cooldownMs: config.watchdogCooldownMs, clock }),
  }
  const otlp = config.publicOtlpUrl ?? urlOf(config.otlpListen, config.otlpListen)
  const api = await createApi(context, servers, identity, watch, analysis, () => otlp)
  onClose(() => api.close())
  return {
    addresses: {
      otlp: NOWHERE,
      alerts: NOWHERE,
      api: urlOf(await listen(api, config.apiListen, logger), config.apiListen),
      clickhouse: config.clickhouseUrl!,
    },
    token,
  }
}
