// One snapshot of how the parts are, for /api/v1/status, /health/ready and the metrics.
import { within } from '../api/within.ts'
import type { Consumer } from '../analytics/consumer.ts'
import type { Watchdog } from '../analytics/watchdog/watchdog.ts'
import type { ClickHouse } from '../clickhouse/client.ts'
import type { IngestStats } from '../ingest/metrics.ts'
import type { EventLog } from '../streams/contracts/event-log.ts'
import type { StoreRetention } from './store-retention.ts'

export interface StatusParts {
  readonly version: string
  readonly log: EventLog
  readonly clickhouse: ClickHouse
  readonly consumer: Consumer
  readonly watchdog: Watchdog
  readonly retention: Pick<StoreRetention, 'stats'>
  readonly store: { query(sql: string): Promise<unknown> }
  /** Null when its thread has ended. */
  readonly ingest: () => Promise<Pick<IngestStats, 'logTakesMarks'> | null>
  readonly clock: () => number
}

export interface Status {
  readonly status: 'ok' | 'degraded'
  readonly version: string
  readonly components: { readonly ingest: string; readonly watchdog: string; readonly rca: string; readonly clickhouse: string; readonly vectorizer: string; readonly llm: string; readonly control_plane: string; readonly event_log: string }
  readonly watchdog: { readonly last_run: string | null; readonly metrics_monitored: number; readonly anomalies_last_hour: number }
  readonly pipeline: {
    readonly uncommitted_messages: number
    readonly oldest_uncommitted_received_at: string | null
    /** Null where the log cannot tell. */
    readonly log_bytes: number | null
    /** What a partition tries again and again; it goes no further meanwhile. */
    readonly failing: readonly { readonly partition: number; readonly what: string; readonly code: string; readonly attempts: number; readonly since: string }[]
    /** Messages set aside since the start, by reason. */
    readonly dead_letters: Readonly<Record<string, number>>
  }
  readonly store: {
    /** As of the last pass of retention, a minute old at most; null before the first. */
    readonly bytes: number | null
    readonly free_bytes: number | null
    readonly max_bytes: number | null
    readonly min_free_bytes: number
    /** Still beyond a bound although nothing older than today is left. */
    readonly over_bound: boolean
    /** Receive days dropped since the start to stay within the bounds, oldest first. */
    readonly dropped_days: readonly { readonly day: string; readonly rows: number; readonly bytes: number }[]
  }
}

/** A partition that fails for as long is not in passing. */
const FAILING_MS = 10_000
const PROBE_MS = 2000
/** Rounds are a second apart; one over a large backfill may take a while. */
const WATCHDOG_LATE_MS = 60_000

/** What it resolved to; `otherwise` when it failed or was late. */
const orElse = <T, U>(probe: Promise<T>, otherwise: U): Promise<T | U> => within(PROBE_MS, probe).catch(() => otherwise)

export const createStatus = (parts: StatusParts): { status(): Promise<Status>; ready(): Promise<Record<string, string>> } => {
  const startedAtMs = parts.clock()
  const ready = async (): Promise<Record<string, string>> => {
    const [clickhouse, store, ingest] = await Promise.all([
      orElse(parts.clickhouse.ping(), false), orElse(parts.store.query('SELECT 1').then(() => true), false), orElse(parts.ingest(), undefined),
    ])
    return {
      ingest: ingest === null ? 'not running' : ingest === undefined ? 'not answering' : 'ok',
      event_log: ingest?.logTakesMarks === false ? 'not writable' : 'ok',
      clickhouse: clickhouse ? 'ok' : 'unreachable',
      control_plane: store ? 'ok' : 'unreachable',
    }
  }
  return {
    ready,
    status: async () => {
      const [components, lag] = await Promise.all([ready(), parts.log.lag('analytics')])
      const oldest = lag.flatMap((one) => one.oldestReceivedAtMs ?? [])
      const watchdog = parts.watchdog.stats()
      const isWatching = parts.clock() - (watchdog.lastRunAtMs ?? startedAtMs) < WATCHDOG_LATE_MS
      const kept = parts.retention.stats()
      const { failing, poison } = parts.consumer.stats()
      const isStuck = failing.some(({ sinceMs }) => parts.clock() - sinceMs >= FAILING_MS)
      const { ingest, clickhouse, control_plane: controlPlane, event_log: eventLog } = components
      return {
        status: isWatching && !isStuck && Object.values(components).every((state) => state === 'ok') ? 'ok' : 'degraded',
        version: parts.version,
        components: {
          ingest, watchdog: isWatching ? 'running' : 'late', rca: clickhouse === 'ok' ? 'ready' : 'waiting for clickhouse',
          clickhouse, vectorizer: 'not used', llm: 'not used', control_plane: controlPlane, event_log: eventLog,
        },
        watchdog: {
          last_run: watchdog.lastRunAtMs === null ? null : new Date(watchdog.lastRunAtMs).toISOString(),
          metrics_monitored: watchdog.seriesMonitored, anomalies_last_hour: watchdog.anomaliesLastHour,
        },
        pipeline: {
          uncommitted_messages: lag.reduce((sum, one) => sum + one.end - one.committed, 0),
          oldest_uncommitted_received_at: oldest.length === 0 ? null : new Date(Math.min(...oldest)).toISOString(),
          log_bytes: lag.some(({ bytes }) => bytes === null) ? null : lag.reduce((sum, one) => sum + (one.bytes ?? 0), 0),
          failing: failing.map(({ sinceMs, ...one }) => ({ ...one, since: new Date(sinceMs).toISOString() })),
          dead_letters: poison,
        },
        store: {
          bytes: kept.last?.bytes ?? null, free_bytes: kept.last?.freeBytes ?? null, max_bytes: kept.maxBytes, min_free_bytes: kept.minFreeBytes,
          over_bound: kept.last?.over ?? false, dropped_days: kept.dropped,
        },
      }
    },
  }
}
