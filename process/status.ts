// How all of it is, for /api/v1/status, and whether this process can do its job, for /health/ready. One process knows of the others what
// they say of themselves.
import { within } from '../api/within.ts'
import type { ClickHouse } from '../clickhouse/client.ts'
import type { IngestStats } from '../ingest/metrics.ts'
import type { EventLog } from '../streams/contracts/event-log.ts'
import type { Role } from '../config.ts'
import type { Analysed, Figures } from './figures.ts'

export interface StatusParts {
  readonly version: string
  readonly role: Role
  /** Null where this role has none. */
  readonly log: Pick<EventLog, 'lag'> | null
  readonly clickhouse: Pick<ClickHouse, 'ping'> | null
  readonly store: { query(sql: string): Promise<unknown> }
  readonly credentials: { isStale(): boolean } | null
  /** Of this process; null where this role takes nothing in. */
  readonly ingest: (() => Promise<Pick<IngestStats, 'logTakesMarks'> | null>) | null
  /** Of every living process, this one included. */
  readonly figures: () => Promise<readonly Figures[]>
  readonly clock: () => number
}

export interface Status {
  readonly status: 'ok' | 'degraded'
  readonly version: string
  readonly components: {
    readonly ingest: string
    readonly watchdog: string
    readonly rca: string
    readonly clickhouse: string
    readonly vectorizer: string
    readonly llm: string
    readonly control_plane: string
    readonly event_log: string
  }
  readonly watchdog: { readonly last_run: string | null; readonly metrics_monitored: number; readonly anomalies_last_hour: number }
  readonly pipeline: {
    readonly uncommitted_messages: number
    readonly oldest_uncommitted_received_at: string | null
    /** Null where the log cannot tell. */
    readonly log_bytes: number | null
    /** What a partition tries again and again; it goes no further meanwhile. */
    readonly failing: readonly {
      readonly partition: number
      readonly what: string
      readonly code: string
      readonly attempts: number
      readonly since: string
    }[]
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

type State = Record<string, string>

const probeIngest = async (ingest: NonNullable<StatusParts['ingest']>): Promise<State> => {
  const stats = await orElse(ingest(), undefined)
  return {
    ingest: stats === null ? 'not running' : stats === undefined ? 'not answering' : 'ok',
    event_log: stats?.logTakesMarks === false ? 'not writable' : 'ok',
  }
}

export const createStatus = (parts: StatusParts): { status(): Promise<Status>; ready(): Promise<State> } => {
  const startedAtMs = parts.clock()
  const probeLog = async (): Promise<State> =>
    parts.log === null || parts.ingest !== null
      ? {}
      : {
          event_log: await orElse(
            parts.log.lag('analytics').then(() => 'ok'),
            'unreachable',
          ),
        }
  const probeClickHouse = async (): Promise<State> =>
    parts.clickhouse === null ? {} : { clickhouse: (await orElse(parts.clickhouse.ping(), false)) ? 'ok' : 'unreachable' }
  const probeStore = async (): Promise<State> => ({
    control_plane: await orElse(
      parts.store.query('SELECT 1').then(() => 'ok'),
      'unreachable',
    ),
  })
  /** Able to do this role's job: ingest goes on without the control plane for as long as what it knows of tokens is young. */
  const ready = async (): Promise<State> => {
    const credentials: State = parts.credentials?.isStale() === true ? { credentials: 'older than ten minutes' } : {}
    if (parts.role === 'ingest') return { ...(await probeIngest(parts.ingest!)), ...credentials }
    const states = await Promise.all([
      parts.ingest === null ? {} : probeIngest(parts.ingest),
      // The API answers without the log, which it only tells of.
      parts.role === 'api' ? {} : probeLog(),
      probeClickHouse(),
      probeStore(),
    ])
    return Object.assign({}, ...states, credentials) as State
  }

  const watchdogOf = (
    all: readonly Analysed[],
  ): { readonly isWatching: boolean; readonly lastRunAtMs: number | null; readonly series: number; readonly anomalies: number } => {
    const working = all.filter(({ watchdog }) => watchdog.shards > 0)
    const runs = working.map(({ watchdog }) => watchdog.lastRunAtMs)
    const isWatching =
      runs.length === 0
        ? parts.clock() - startedAtMs < WATCHDOG_LATE_MS
        : runs.every((at) => parts.clock() - (at ?? startedAtMs) < WATCHDOG_LATE_MS)
    const known = runs.filter((at) => at !== null)
    const sum = (of: (one: Analysed) => number): number => working.reduce((total, one) => total + of(one), 0)
    return {
      isWatching,
      lastRunAtMs: known.length === 0 ? null : Math.min(...known),
      series: sum(({ watchdog }) => watchdog.seriesMonitored),
      anomalies: sum(({ watchdog }) => watchdog.anomaliesLastHour),
    }
  }
  const sumOf = (all: readonly Readonly<Record<string, number>>[]): Record<string, number> => {
    const sums: Record<string, number> = {}
    for (const one of all) for (const [reason, count] of Object.entries(one)) sums[reason] = (sums[reason] ?? 0) + count
    return sums
  }

  return {
    ready,
    status: async () => {
      const [own, figures, known] = await Promise.all([
        ready(),
        parts.figures(),
        parts.log === null ? [] : orElse(parts.log.lag('analytics'), null),
      ])
      const lag = known ?? []
      const analysed = figures.flatMap((one) => one.analysis ?? [])
      const taking = figures.flatMap((one) => one.ingest ?? [])
      // What is asked of another process is what that one said last.
      const components = {
        ingest: taking.length > 0 ? 'ok' : 'not running',
        event_log: 'ok',
        clickhouse: 'ok',
        ...own,
        ...(known === null ? { event_log: 'unreachable' } : {}),
        ...(taking.some(({ logTakesMarks }) => !logTakesMarks) ? { event_log: 'not writable' } : {}),
      } as Record<'ingest' | 'event_log' | 'clickhouse' | 'control_plane', string>
      const oldest = lag.flatMap((one) => one.oldestReceivedAtMs ?? [])
      const watchdog = watchdogOf(analysed)
      const failing = analysed.flatMap((one) => one.failing)
      const isStuck = failing.some(({ sinceMs }) => parts.clock() - sinceMs >= FAILING_MS)
      // Whoever looked last at the store: one process at a time does.
      const kept = analysed.map(({ retention }) => retention).find(({ last }) => last !== null) ?? analysed[0]?.retention
      return {
        status: watchdog.isWatching && !isStuck && Object.values(components).every((state) => state === 'ok') ? 'ok' : 'degraded',
        version: parts.version,
        components: {
          ingest: components.ingest,
          watchdog: watchdog.isWatching ? 'running' : 'late',
          rca: components.clickhouse === 'ok' ? 'ready' : 'waiting for clickhouse',
          clickhouse: components.clickhouse,
          vectorizer: 'not used',
          llm: 'not used',
          control_plane: components.control_plane,
          event_log: components.event_log,
        },
        watchdog: {
          last_run: watchdog.lastRunAtMs === null ? null : new Date(watchdog.lastRunAtMs).toISOString(),
          metrics_monitored: watchdog.series,
          anomalies_last_hour: watchdog.anomalies,
        },
        pipeline: {
          uncommitted_messages: lag.reduce((sum, one) => sum + one.end - one.committed, 0),
          oldest_uncommitted_received_at: oldest.length === 0 ? null : new Date(Math.min(...oldest)).toISOString(),
          log_bytes: lag.some(({ bytes }) => bytes === null) ? null : lag.reduce((sum, one) => sum + (one.bytes ?? 0), 0),
          failing: failing.map(({ sinceMs, ...one }) => ({ ...one, since: new Date(sinceMs).toISOString() })),
          dead_letters: sumOf(analysed.map(({ poison }) => poison)),
        },
        store: {
          bytes: kept?.last?.bytes ?? null,
          free_bytes: kept?.last?.freeBytes ?? null,
          max_bytes: kept?.maxBytes ?? null,
          min_free_bytes: kept?.minFreeBytes ?? 0,
          over_bound: kept?.last?.over ?? false,
          dropped_days: kept?.dropped ?? [],
        },
      }
    },
  }
}
