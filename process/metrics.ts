// Prometheus metrics, made from the stages' own plain figures at each scrape. The only importer of the metrics library.
// No label carries a tenant, a token or a path parameter.
import { collectDefaultMetrics, Counter, Gauge, Registry } from '@prometheus-io/client'
import type { Consumer } from '../analytics/consumer.ts'
import type { WatchdogShards } from '../analytics/watchdog/shards.ts'
import type { IngestStats } from '../ingest/metrics.ts'
import type { EventLog } from '../streams/contracts/event-log.ts'
import type { StoreRetention } from './store-retention.ts'

export interface MetricParts {
  /** Null where this role has none. */
  readonly ingest: (() => Promise<IngestStats | null>) | null
  readonly log: Pick<EventLog, 'lag' | 'retentionMs'> | null
  /** Null where nobody is to be told. */
  readonly outbox: (() => Promise<{ readonly count: number; readonly oldestAtMs: number | null }>) | null
  readonly analysis: {
    readonly consumer: Pick<Consumer, 'stats'>
    readonly watchdog: Pick<WatchdogShards, 'stats'>
    readonly retention: Pick<StoreRetention, 'stats'>
  } | null
  readonly clickhouseRestarts: () => number
}

/** A histogram of counts that were made elsewhere; the library only knows those it observed itself. */
const histogramText = (
  name: string,
  help: string,
  series: readonly {
    readonly labels: string
    readonly boundsMs: readonly number[]
    readonly counts: readonly number[]
    readonly sumMs: number
  }[],
): string => {
  const lines = [`# HELP ${name} ${help}`, `# TYPE ${name} histogram`]
  for (const { labels, boundsMs, counts, sumMs } of series) {
    let below = 0
    for (const [index, count] of counts.entries()) {
      below += count
      lines.push(`${name}_bucket{${labels},le="${index < boundsMs.length ? boundsMs[index] / 1000 : '+Inf'}"} ${below}`)
    }
    lines.push(`${name}_sum{${labels}} ${sumMs / 1000}`, `${name}_count{${labels}} ${below}`)
  }
  return `${lines.join('\n')}\n`
}

/** Of the event loop's lag. Each sample wakes the main thread: a hundred a second, the default, were more than half of an idle product's wakes. */
const LAG_SAMPLE_MS = 100

export const createMetrics = (parts: MetricParts): (() => Promise<string>) => {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: LAG_SAMPLE_MS })
  const counter = (name: string, help: string, labelNames: string[] = []): Counter<string> =>
    new Counter({ name: `lapwing_${name}`, help, labelNames, registers: [registry] })
  const gauge = (name: string, help: string, labelNames: string[] = []): Gauge<string> =>
    new Gauge({ name: `lapwing_${name}`, help, labelNames, registers: [registry] })
  const metric = {
    requests: counter('ingest_requests_total', 'Requests answered, refused ones included.', ['signal']),
    refused: counter('ingest_refused_total', 'Requests refused, by error code.', ['signal', 'code']),
    received: counter('ingest_records_received_total', 'Records of requests that were answered 200.', ['signal']),
    accepted: counter('ingest_records_accepted_total', 'Records accepted.', ['signal']),
    rejected: counter('ingest_records_rejected_total', 'Records rejected one by one.', ['signal', 'reason']),
    bytes: counter('ingest_body_bytes_total', 'Bytes of accepted bodies on the wire.', ['signal']),
    inflight: gauge('ingest_inflight_bytes', 'Bytes accepted and not yet durable.'),
    marks: counter('ingest_marks_total', 'Marks of progress, by whether the event log took them.', ['outcome']),
    sockets: gauge('ingest_sockets', 'Open sockets.'),
    lag: gauge('log_uncommitted_messages', 'Messages that analysis has not committed.', ['partition']),
    logBytes: gauge('log_bytes', 'Bytes of the event log.', ['partition']),
    rows: counter('store_log_rows_total', 'Rows inserted into otel_logs.'),
    spanRows: counter('store_span_rows_total', 'Rows inserted into otel_spans.'),
    ranges: counter('store_ranges_total', 'Ranges committed.'),
    poison: counter('dead_letters_total', 'Messages set aside.', ['reason']),
    retries: counter('store_retries_total', 'Retries, by what was retried.', ['what']),
    failing: gauge('consumer_failing_partitions', 'Partitions that cannot go on, by what is tried again and its last error code.', [
      'what',
      'code',
    ]),
    openRanges: gauge('store_open_ranges', 'Ranges whose INSERT may be in flight.'),
    assigned: gauge('consumer_assigned_partitions', 'Partitions of the event log that this process consumes.'),
    lagAge: gauge(
      'log_oldest_uncommitted_age_seconds',
      'Age of the oldest message that analysis has not committed; 0 when there is none, NaN when the log does not answer.',
    ),
    retention: gauge(
      'log_retention_seconds',
      'What the event log keeps of messages that nobody has read; +Inf when it drops none, 0 where this process has no log.',
    ),
    outbox: gauge('outbox_waiting', 'Notifications that their receiver has not taken; NaN when the control plane does not answer.'),
    outboxAge: gauge('outbox_oldest_waiting_age_seconds', 'Age of the oldest of them; 0 when there is none.'),
    shards: gauge('watchdog_shards', 'Shards of the watchdog that this process has.'),
    series: gauge('watchdog_series', 'Series monitored.'),
    refusedPoints: gauge('watchdog_refused_points', 'Points of series for which there was no room: they count for `other`, or not at all.'),
    storeBytes: gauge('store_bytes', 'Bytes of the store on disk, as of the last pass of retention.'),
    storeFree: gauge('store_free_bytes', "Free bytes of the store's disk, as of the last pass of retention."),
    storeOver: gauge('store_over_bound', '1 while the store is beyond a bound with nothing older than today left.'),
    droppedDays: counter('store_dropped_days_total', 'Receive days dropped to keep the store within its bounds.'),
    droppedRows: counter('store_dropped_rows_total', 'Log rows of those days.'),
    restarts: counter('clickhouse_restarts_total', 'Restarts of the local ClickHouse.'),
  }
  const set = (one: Counter<string>, labels: Record<string, string>, value: number): void => {
    one.inc(labels, value)
  }
  const collectIngest = async (): Promise<string> => {
    const ingest = (await parts.ingest?.()) ?? null
    if (ingest === null) return ''
    for (const [signal, stats] of Object.entries(ingest.signals)) {
      set(metric.requests, { signal }, stats.requests)
      set(metric.received, { signal }, stats.received)
      set(metric.accepted, { signal }, stats.accepted)
      set(metric.bytes, { signal }, stats.bytes)
      for (const [code, count] of Object.entries(stats.refused)) set(metric.refused, { signal, code }, count)
      for (const [reason, count] of Object.entries(stats.rejected)) set(metric.rejected, { signal, reason }, count)
    }
    metric.inflight.set(ingest.inflightBytes)
    metric.sockets.set(ingest.sockets)
    set(metric.marks, { outcome: 'appended' }, ingest.marks)
    set(metric.marks, { outcome: 'failed' }, ingest.marksFailed)
    return histogramText(
      'lapwing_ingest_request_duration_seconds',
      'From the first byte of a request to its answer.',
      Object.entries(ingest.signals).map(([signal, stats]) => ({
        labels: `signal="${signal}"`,
        boundsMs: ingest.latencyBoundsMs,
        counts: stats.latencyCounts,
        sumMs: stats.latencySumMs,
      })),
    )
  }
  const collectLog = async (): Promise<void> => {
    metric.retention.set((parts.log?.retentionMs ?? 0) / 1000)
    const lag = parts.log === null ? [] : await parts.log.lag('analytics').catch(() => null)
    if (lag === null) return metric.lagAge.set(NaN)
    const oldestMs = Math.min(...lag.flatMap((one) => one.oldestReceivedAtMs ?? []))
    metric.lagAge.set(Number.isFinite(oldestMs) ? Math.max(0, (Date.now() - oldestMs) / 1000) : 0)
    for (const one of lag) {
      metric.lag.set({ partition: String(one.partition) }, one.end - one.committed)
      if (one.bytes !== null) metric.logBytes.set({ partition: String(one.partition) }, one.bytes)
    }
  }
  const collectOutbox = async (): Promise<void> => {
    if (parts.outbox === null) return
    const waiting = await parts.outbox().catch(() => null)
    metric.outbox.set(waiting?.count ?? NaN)
    metric.outboxAge.set(waiting === null ? NaN : waiting.oldestAtMs === null ? 0 : Math.max(0, (Date.now() - waiting.oldestAtMs) / 1000))
  }
  const collectAnalysis = (): void => {
    set(metric.restarts, {}, parts.clickhouseRestarts())
    if (parts.analysis === null) return
    const consumer = parts.analysis.consumer.stats()
    metric.assigned.set(consumer.assignedPartitions)
    set(metric.rows, {}, consumer.logRows)
    set(metric.spanRows, {}, consumer.spanRows)
    set(metric.ranges, {}, consumer.ranges)
    for (const [reason, count] of Object.entries(consumer.poison)) set(metric.poison, { reason }, count)
    for (const [what, count] of Object.entries(consumer.retries)) set(metric.retries, { what }, count)
    for (const { what, code } of consumer.failing) metric.failing.inc({ what, code })
    metric.openRanges.set(consumer.openRanges)
    const watchdog = parts.analysis.watchdog.stats()
    metric.series.set(watchdog.seriesMonitored)
    metric.refusedPoints.set(watchdog.seriesRefused)
    metric.shards.set(watchdog.shards)
    const { last, droppedDays, droppedRows } = parts.analysis.retention.stats()
    if (last !== null) {
      metric.storeBytes.set(last.bytes)
      metric.storeFree.set(last.freeBytes)
      metric.storeOver.set(last.over ? 1 : 0)
    }
    set(metric.droppedDays, {}, droppedDays)
    set(metric.droppedRows, {}, droppedRows)
  }
  let running: Promise<string> | null = null
  const scrape = async (): Promise<string> => {
    // The figures are totals already: the counters are emptied and set anew.
    for (const one of Object.values(metric)) one.reset()
    const durations = await collectIngest()
    await Promise.all([collectLog(), collectOutbox()])
    collectAnalysis()
    return `${await registry.metrics()}${durations}`
  }
  return () => {
    running ??= scrape().finally(() => {
      running = null
    })
    return running
  }
}
