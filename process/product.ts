// Role `all`: every part in one process, opened in the order of the flow's needs and closed in exact reverse. What opens
// first is what others stand on; ingest opens last, so that nothing is accepted before it can be worked off.
import { join } from 'node:path'
import { startConsumer } from '../analytics/consumer.ts'
import { createDecodeChild } from '../analytics/pool/decode-child.ts'
import { createDecodePool } from '../analytics/pool/pool.ts'
import { createRca } from '../analytics/rca/rca.ts'
import { startWatchdog } from '../analytics/watchdog/watchdog.ts'
import { startApi } from '../api/app.ts'
import { bootstrap } from '../api/services/bootstrap.ts'
import { createControlPlane } from '../api/services/control-plane.ts'
import { createDeadLetters } from '../api/services/dead-letters.ts'
import { createLogBytes } from '../api/services/log-bytes.ts'
import { createTokenUses } from '../api/services/token-use.ts'
import { createGuardedFetch } from '../api/egress/guarded-fetch.ts'
import { createJwtVerifier } from '../api/services/jwt.ts'
import { createJwtSessions } from '../api/services/jwt-sessions.ts'
import { openStore } from '../api/store/open-store.ts'
import { createClickHouse } from '../clickhouse/client.ts'
import { startLocalClickHouse } from '../clickhouse/local/local.ts'
import { migrate } from '../clickhouse/migrate.ts'
import { keepDays } from '../clickhouse/ttl.ts'
import type { Config } from '../config.ts'
import { startIngestThread, type IngestThread } from '../ingest/ingest-thread.ts'
import { openEventLog } from '../streams/open-event-log.ts'
import type { Addresses } from './banner.ts'
import { createCommandHandler } from './control-plane-commands.ts'
import { openControlSocket } from './control-socket.ts'
import { lockDataDirectory } from './data-lock.ts'
import { openLiveCredentials } from './live-credentials.ts'
import type { Logger } from './logger.ts'
import { createMetrics } from './metrics.ts'
import { keepRuntimeFile } from './runtime-file.ts'
import { loadSecretKey } from './secret-key.ts'
import { createStatus } from './status.ts'
import { startStoreRetention } from './store-retention.ts'

export interface Product { readonly addresses: Addresses; readonly token: string | null; close(): Promise<void> }
export interface ProductDeps { readonly version: string; readonly logger: Logger; readonly onFatal: (error: Error) => void }

const DECODE_TIMEOUT_MS = 60_000
const WATCHDOG_POLL_MS = 1000
const TRIM_EVERY_MS = 30_000
const url = (address: string | { host: string; port: number }): string => {
  if (typeof address === 'string') return address.startsWith('http') ? address : `http://${address}`
  return `http://${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}`
}
const isLoopback = (host: string): boolean => host === 'localhost' || host === '::1' || host.startsWith('127.')

export const startProduct = async (config: Config, deps: ProductDeps): Promise<Product> => {
  const closers: (() => Promise<void> | void)[] = []
  const onClose = (close: () => Promise<void> | void): void => { closers.unshift(close) }
  const close = async (): Promise<void> => {
    for (const one of closers.splice(0)) {
      try { await one() } catch (error) { deps.logger.warn({ error: String(error) }, 'a part did not close cleanly') }
    }
  }
  try {
    return await open(config, deps, onClose, close)
  } catch (error) {
    await close()
    throw error
  }
}

const openClickHouse = async (config: Config, deps: ProductDeps, onClose: (close: () => Promise<void>) => void) => {
  const local = config.clickhouseUrl !== null ? null : await startLocalClickHouse({
    directory: join(config.dataDir, 'clickhouse'), listen: config.clickhouseListen, maxMemoryBytes: config.clickhouseMaxMemoryBytes,
    readerPassword: config.readerPassword, database: config.clickhouseDatabase, binary: config.clickhouseBinary, log: deps.logger,
  })
  if (local !== null) onClose(() => local.close())
  const client = createClickHouse({
    url: local?.url ?? config.clickhouseUrl!, user: local?.user ?? config.clickhouseUser, password: local?.password ?? config.clickhousePassword, database: config.clickhouseDatabase,
  })
  // Idle connections would hold the child's end up by seconds.
  onClose(() => client.close())
  await migrate(client)
  await keepDays(client, Math.round(config.retentionMs / 86_400_000))
  return { client, local }
}

const open = async (config: Config, deps: ProductDeps, onClose: (close: () => Promise<void> | void) => void, close: () => Promise<void>): Promise<Product> => {
  const { logger } = deps
  const clock = Date.now
  const lock = lockDataDirectory(config.dataDir)
  onClose(() => lock.release())
  const secretKey = loadSecretKey(config.dataDir, config.secretKey)
  const [store, { client, local }] = await Promise.all([
    openStore({ databaseUrl: config.databaseUrl, directory: join(config.dataDir, 'control-plane') }).then((opened) => { onClose(() => opened.close()); return opened }),
    openClickHouse(config, deps, onClose),
  ])
  const { token } = await bootstrap(store, { bootstrapToken: config.bootstrapToken })
  const tokenUses = createTokenUses({}, { store, onError: (error) => logger.warn({ error: String(error) }, 'token use not written') })
  onClose(() => tokenUses.close())
  const logBytes = createLogBytes({ store, clock, onError: (error) => logger.warn({ error: String(error) }, 'log bytes of tokens not written') })
  onClose(() => logBytes.close())
  const log = await openEventLog(config)
  onClose(() => log.close())
  const trimming = setInterval(() => { log.trim(clock()).catch((error: unknown) => logger.warn({ error: String(error) }, 'event log trim failed')) }, TRIM_EVERY_MS)
  onClose(() => clearInterval(trimming))

  // A floor of free space only for a disk of this machine: of another's we know nothing.
  const retention = startStoreRetention(
    { maxBytes: config.storeMaxBytes, minFreeBytes: local === null ? 0 : config.storeMinFreeBytes }, { clickhouse: client, clock, logger },
  )
  onClose(() => retention.close())
  const controlPlane = createControlPlane(store, { cooldownMs: config.watchdogCooldownMs, clock })
  const rca = createRca({ clickhouse: client, now: clock })
  const neighbours = (tenant: string, service: string, atMs: number): Promise<readonly string[]> => rca.neighbours(tenant, service, atMs)
  const pool = createDecodePool({ threads: config.decodeThreads, timeoutMs: DECODE_TIMEOUT_MS })
  onClose(() => pool.close())
  const child = createDecodeChild({ timeoutMs: DECODE_TIMEOUT_MS })
  onClose(() => child.close())
  const consumer = startConsumer({ retentionMs: config.retentionMs }, { log, pool, child, clickhouse: client, controlPlane, clock, logger, neighbours })
  onClose(() => consumer.close())
  const watchdog = await startWatchdog({ zThreshold: config.watchdogZScoreThreshold, cooldownMs: config.watchdogCooldownMs, pollMs: WATCHDOG_POLL_MS }, {
    clickhouse: client, signals: controlPlane, neighbours, oldestUncommittedReceivedAtMs: () => consumer.oldestUncommittedReceivedAtMs(), clock, logger,
  })
  onClose(() => watchdog.close())

  const jwts = config.jwt === null ? null : createJwtSessions({ store, verify: createJwtVerifier(config.jwt, createGuardedFetch({ allow: config.egressAllow })), clock })
  const jwtPort = jwts === null ? {} : { authenticateJwt: (token: string) => jwts.authenticate(token) }
  let ingest: IngestThread | null = null
  const credentials = await openLiveCredentials(store, async (snapshot) => { await ingest?.updateCredentials(snapshot) })
  onClose(() => credentials.close())
  const refreshCredentials = (): Promise<void> => {
    jwts?.forget()
    return credentials.refresh()
  }
  const ingestThread = await startIngestThread({ ...config, log: config }, {
    credentials: credentials.current(), logger, ...jwtPort, logBytes: await logBytes.load(), onLogBytes: logBytes.add, onTokenUses: (uses) => uses.forEach(tokenUses.note), onDeath: (error) => { ingest = null; deps.onFatal(error) },
  })
  ingest = ingestThread
  onClose(() => ingestThread.close())
  const otlp = url(ingestThread.addresses.otlp)
  const { status, ready } = createStatus({ version: deps.version, log, clickhouse: client, consumer, watchdog, retention, store, ingest: () => ingest?.stats() ?? Promise.resolve(null), clock })
  const api = await startApi(
    { listen: config.apiListen, version: deps.version, secretKey, metricsOpen: isLoopback(config.apiListen.host), otlpBase: otlp, requestsPerMinute: config.requestsPerMinute, sharedStore: config.databaseUrl !== null, trustProxy: config.trustProxy, mcpHosts: config.mcpHosts },
    {
      ...jwtPort, store, clickhouse: client, rca, signals: controlPlane, status, ready, clock, logger, credentials: credentials.current, onTokenUse: tokenUses.note, onCredentialsChanged: refreshCredentials,
      metrics: createMetrics({ ingest: () => ingest?.stats() ?? Promise.resolve(null), log, consumer, watchdog, retention, clickhouseRestarts: () => local?.restarts() ?? 0 }),
    },
  )
  onClose(() => api.close())
  const control = await openControlSocket(config.dataDir, createCommandHandler({ store, onCredentialsChanged: refreshCredentials, readerPassword: () => local?.readerPassword ?? null, deadLetters: createDeadLetters(client) }))
  onClose(() => control.close())
  const addresses = { otlp, alerts: url(ingestThread.addresses.alerts), api: url(api.address), clickhouse: local?.url ?? config.clickhouseUrl! }
  const runtime = keepRuntimeFile(config.dataDir, () => ({ ...addresses, clickhousePid: local?.pid() ?? null }))
  onClose(() => runtime.close())
  return { addresses, token, close }
}
