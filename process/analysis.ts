// The worker's part: consumer, watchdog, and what they stand on.
import { startConsumer, type Consumer } from '../analytics/consumer.ts'
import { createDecodeChild } from '../analytics/pool/decode-child.ts'
import { createDecodePool } from '../analytics/pool/pool.ts'
import { startWatchdogShards, type WatchdogShards } from '../analytics/watchdog/shards.ts'
import { createGuardedFetch } from '../api/egress/guarded-fetch.ts'
import { createControlPlane } from '../api/services/control-plane.ts'
import { createDetectionRules } from '../api/services/detection-rules.ts'
import { createIncidents } from '../api/services/incidents.ts'
import { startNotifier } from '../api/services/notifier.ts'
import { livingProcesses } from '../api/services/presence.ts'
import type { Config } from '../config.ts'
import type { ControlPlane } from '../streams/contracts/control-plane.ts'
import type { Rca } from '../streams/contracts/rca.ts'
import { startRepeating } from '../streams/contracts/repeat.ts'
import type { OnClose } from './closers.ts'
import type { Logger } from './logger.ts'
import { openRca } from './rca.ts'
import type { Servers } from './servers.ts'
import { startStoreRetention, type StoreRetention } from './store-retention.ts'

export interface Analysis {
  readonly consumer: Consumer
  readonly watchdog: WatchdogShards
  readonly retention: StoreRetention
  readonly controlPlane: ControlPlane
  readonly rca: Rca
}
export interface AnalysisDeps {
  readonly servers: Servers
  readonly clock: () => number
  readonly logger: Logger
  readonly onClose: OnClose
}

const DECODE_TIMEOUT_MS = 60_000
const WATCHDOG_POLL_MS = 1000
const TRIM_EVERY_MS = 30_000
const INCIDENTS_EVERY_MS = 5000

export const openAnalysis = (config: Config, deps: AnalysisDeps): Analysis => {
  const {
    servers: { store, leases, clickhouse, local, log },
    clock,
    logger,
    onClose,
  } = deps
  const trimming = setInterval(() => {
    log.trim(clock()).catch((error: unknown) => logger.warn({ error: String(error) }, 'event log trim failed'))
  }, TRIM_EVERY_MS)
  onClose(() => clearInterval(trimming))
  // A floor of free space only for a disk of this machine: of another's we know nothing.
  const retention = startStoreRetention(
    { maxBytes: config.storeMaxBytes, minFreeBytes: local === null ? 0 : config.storeMinFreeBytes },
    { clickhouse, clock, logger, leases },
  )
  onClose(() => retention.close())
  const controlPlane = createControlPlane(store, { cooldownMs: config.watchdogCooldownMs, clock })
  const due: readonly (readonly [work: () => Promise<number>, failed: string])[] = [
    [controlPlane.openAfterMaintenance, 'what outlasted its maintenance not handed on'],
    [controlPlane.resolveAfterCooldown, 'incidents that are over not resolved'],
  ]
  for (const [work, failed] of due) {
    const repeating = startRepeating(
      async () => {
        await work()
      },
      { everyMs: INCIDENTS_EVERY_MS },
      (error) => logger.warn({ error: String(error) }, failed),
    )
    onClose(() => repeating.close())
  }
  const rca = openRca(deps.servers, clock)
  const neighbours = (tenant: string, service: string, atMs: number): Promise<readonly string[]> => rca.neighbours(tenant, service, atMs)
  const pool = createDecodePool({ threads: config.decodeThreads, timeoutMs: DECODE_TIMEOUT_MS })
  onClose(() => pool.close())
  const child = createDecodeChild({ timeoutMs: DECODE_TIMEOUT_MS })
  onClose(() => child.close())
  const consumer = startConsumer(
    { retentionMs: config.retentionMs, ...(config.storeLingerMs === null ? {} : { lingerMs: config.storeLingerMs }) },
    { log, pool, child, clickhouse, controlPlane, clock, logger, neighbours },
  )
  onClose(() => consumer.close())
  const watchdog = startWatchdogShards(
    {
      shards: config.watchdogShards,
      zThreshold: config.watchdogZScoreThreshold,
      cooldownMs: config.watchdogCooldownMs,
      pollMs: WATCHDOG_POLL_MS,
    },
    {
      clickhouse,
      signals: controlPlane,
      neighbours,
      rules: createDetectionRules(store),
      oldestUncommittedReceivedAtMs: () => consumer.oldestUncommittedReceivedAtMs(),
      clock,
      logger,
      leases,
      sharers: async () =>
        config.databaseUrl === null ? 1 : (await livingProcesses(store)).filter(({ role }) => role === 'worker' || role === 'all').length,
    },
  )
  onClose(() => watchdog.close())
  const incidents = createIncidents(store, clock)
  const notifier = startNotifier(config.notify, {
    store,
    leases,
    fetch: createGuardedFetch({ allow: config.egressAllow }),
    clock,
    incident: (tenant, id) =>
      incidents.get(tenant, id).catch((error: { code?: string }) => {
        if (error.code === 'NOT_FOUND') return null
        throw error
      }),
    onError: (error) => logger.warn({ error: String(error) }, 'notifications not sent'),
  })
  onClose(() => notifier.close())
  return { consumer, watchdog, retention, controlPlane, rca }
}
