// Ingest put together over an event log: opens both listeners, marks the log while they listen, closes in reverse.
import { createAdmission } from './admission.ts'
import { createCredentials, type Credentials } from './credentials.ts'
import { createFiringMemory } from './firing-memory.ts'
import type { HandlerDeps } from './handlers/deps.ts'
import { createLogBudget } from './log-budget.ts'
import { createIntake } from './intake.ts'
import type { AppendLog, Log } from './intake.ts'
import { MARK_INTERVAL_MS, startMarks } from './marks.ts'
import { LATENCY_BOUNDS_MS, createMetrics } from './metrics.ts'
import type { IngestStats } from './metrics.ts'
import { createAlertsRouter, createOtlpRouter } from './routes.ts'
import { createScanner } from './scanner.ts'
import { startServer } from './server.ts'
import { createStickyPartition } from './sticky-partition.ts'
import type { LogBytesTotal, LogBytesUse } from '../streams/contracts/log-bytes.ts'
import type { CredentialSnapshot, Principal, TokenUse } from '../streams/contracts/principal.ts'

export interface ListenAddress {
  readonly host: string
  readonly port: number
}
export interface Listener extends ListenAddress {
  /** Paths of PEM files; plain without. */ readonly tls?: { readonly cert: string; readonly key: string }
}
export interface IngestAddresses {
  readonly otlp: ListenAddress
  readonly alerts: ListenAddress
}

export interface IngestConfig {
  readonly otlpListen: Listener
  readonly alertsListen: Listener
  /** Alerts need no token wherever the listener is. */
  readonly alertsOpen: boolean
  readonly maxBodyBytes: number
  readonly maxInflatedBytes: number
  readonly maxInflightBytes: number
  readonly maxSockets: number
  readonly answerWithinMs?: number
  readonly stallMs?: number
  readonly markIntervalMs?: number
}

export interface Ingest {
  readonly addresses: IngestAddresses
  updateCredentials(snapshot: CredentialSnapshot): void
  /** Until the next snapshot nobody can be told apart: everyone is told to come again. */
  suspendCredentials(): void
  learnJwt(hash: string, found: Principal | null | 'unknown'): void
  stats(): IngestStats
  /** Tokens used since this was last called. */
  takeTokenUses(): TokenUse[]
  takeLogBytes(): readonly LogBytesUse[] | null
  learnLogBytes(totals: readonly LogBytesTotal[]): void
  readonly rates: Credentials['rates']
  /** Stops listening, finishes what is in flight for at most 5 s. The log stays open: its opener closes it. */
  close(): Promise<void>
}

/** Bytes are not durable after this: the client is told to come again, before its own time-out. */
const ANSWER_WITHIN_MS = 4_500
const CLOSE_WITHIN_MS = 5_000
/** What is on its way over open connections when the listener closes is told to come again, not reset. */
const LAST_REQUESTS_MS = 200
const INLINE_JSON_BYTES = 128 * 1024
const SCAN_HEAP_MB = 1024

const isLoopback = (host: string): boolean => host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)

export const startIngest = async (
  config: IngestConfig,
  deps: { readonly log: AppendLog; readonly logger: Log; readonly askJwt?: (token: string, hash: string) => void },
): Promise<Ingest> => {
  const { log, logger } = deps
  const now = Date.now
  const metrics = createMetrics()
  const admission = createAdmission({ ...config, maxEntryBytes: Math.max(config.maxBodyBytes, config.maxInflightBytes / 2) })
  const credentials = createCredentials(deps.askJwt)
  const logBudget = createLogBudget(now)
  const scanner = createScanner({ inlineBytes: INLINE_JSON_BYTES, maxHeapMb: SCAN_HEAP_MB })
  const intake = createIntake(
    { ...config, answerWithinMs: config.answerWithinMs ?? ANSWER_WITHIN_MS },
    { log, admission, metrics, now, logger },
  )
  // Several processes on one log do not march in step.
  const nextPartition = createStickyPartition(
    { partitions: log.partitions, first: Math.floor(Math.random() * log.partitions) },
    performance.now.bind(performance),
  )
  const handlers: HandlerDeps = { intake, credentials, scanner, logBudget, metrics, now, nextPartition }
  const handlerConfig = {
    maxBodyBytes: config.maxBodyBytes,
    partitions: log.partitions,
    anonymousAlerts: config.alertsOpen || isLoopback(config.alertsListen.host),
  }
  const server = await startServer(
    {
      stallMs: config.stallMs,
      listeners: [
        { ...config.otlpListen, setting: 'LAPWING_OTLP_LISTEN', router: createOtlpRouter(handlerConfig, handlers) },
        {
          ...config.alertsListen,
          setting: 'LAPWING_ALERTS_LISTEN',
          router: createAlertsRouter(handlerConfig, handlers, createFiringMemory()),
        },
      ],
    },
    {
      admission,
      metrics,
      onFault: (error) => {
        logger.error({ error: String(error) }, 'a request failed')
      },
    },
  )
  const marks = startMarks({ intervalMs: config.markIntervalMs ?? MARK_INTERVAL_MS }, { log, metrics, now })

  const drained = async (): Promise<void> => {
    if (admission.sockets() > 0)
      await new Promise((resolve) => {
        setTimeout(resolve, LAST_REQUESTS_MS)
      })
    while (server.openRequests() > 0)
      await new Promise((resolve) => {
        setTimeout(resolve, 10)
      })
    await intake.idle()
    await marks.close()
  }
  const close = async (): Promise<void> => {
    server.stopListening()
    let timer: NodeJS.Timeout | undefined
    await Promise.race([
      drained(),
      new Promise((resolve) => {
        timer = setTimeout(resolve, CLOSE_WITHIN_MS)
      }),
    ])
    clearTimeout(timer)
    server.close()
    await scanner.close()
  }
  let closed: Promise<void> | null = null
  return {
    addresses: { otlp: server.addresses[0], alerts: server.addresses[1] },
    updateCredentials: credentials.replace,
    suspendCredentials: credentials.suspend,
    learnJwt: (hash, found) => {
      credentials.learnJwt(hash, found, now())
    },
    takeTokenUses: credentials.takeUses,
    takeLogBytes: logBudget.takeReport,
    learnLogBytes: logBudget.learn,
    rates: credentials.rates,
    stats: () => ({
      ...metrics.snapshot(),
      latencyBoundsMs: LATENCY_BOUNDS_MS,
      inflightBytes: admission.inflightBytes(),
      sockets: admission.sockets(),
      openRequests: server.openRequests(),
    }),
    close: () => (closed ??= close()),
  }
}
