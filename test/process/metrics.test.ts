import { expect, it } from 'vitest'
import { createMetrics as createIngestMetrics } from '../../ingest/metrics.ts'
import { createMetrics, type MetricParts } from '../../process/metrics.ts'

const parts = (ingest: ReturnType<typeof createIngestMetrics>): MetricParts =>
  ({
    ingest: async () => ({
      ...ingest.snapshot(),
      latencyBoundsMs: [1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000],
      inflightBytes: 0,
      sockets: 1,
      openRequests: 0,
    }),
    log: { lag: async () => [], retentionMs: 86_400_000 },
    outbox: async () => ({ count: 3, oldestAtMs: Date.now() - 60_000 }),
    clickhouseRestarts: () => 0,
    analysis: {
      consumer: {
        stats: () => ({
          ranges: 0,
          messages: 0,
          records: 0,
          logRows: 5,
          partialRows: 0,
          templateRows: 0,
          poison: { bad_framing: 2 },
          retries: {},
          failing: [
            { partition: 0, what: 'store', code: 'STORE_REJECTED', attempts: 3, sinceMs: 0 },
            { partition: 1, what: 'store', code: 'STORE_REJECTED', attempts: 1, sinceMs: 0 },
          ],
          assignedPartitions: 2,
          openRanges: 0,
          inFlightBytes: 0,
          lastCommitAtMs: null,
        }),
      },
      watchdog: { stats: () => ({ shards: 1, lastRunAtMs: null, seriesMonitored: 0, anomaliesLastHour: 0, seriesRefused: 0 }) },
      retention: { stats: () => ({ maxBytes: null, minFreeBytes: 0, last: null, droppedDays: 0, droppedRows: 0, dropped: [] }) },
    },
  }) as unknown as MetricParts

it('latency is a cumulative histogram in seconds, one for each signal', async () => {
  const ingest = createIngestMetrics()
  for (const ms of [0.5, 2, 7000]) ingest.answered('otlp_logs', ms)
  const text = await createMetrics(parts(ingest))()
  const value = (line: string): number => Number(new RegExp(`^${line.replace(/[{}+.|]/g, '\\$&')} (\\S+)$`, 'm').exec(text)?.[1])
  const name = 'lapwing_ingest_request_duration_seconds'
  expect(text).toContain(`# TYPE ${name} histogram`)
  expect(value(`${name}_bucket{signal="otlp_logs",le="0.001"}`)).toBe(1)
  expect(value(`${name}_bucket{signal="otlp_logs",le="0.0025"}`)).toBe(2)
  expect(value(`${name}_bucket{signal="otlp_logs",le="5"}`)).toBe(2)
  expect(value(`${name}_bucket{signal="otlp_logs",le="+Inf"}`)).toBe(3)
  expect(value(`${name}_count{signal="otlp_logs"}`)).toBe(3)
  expect(value(`${name}_sum{signal="otlp_logs"}`)).toBeCloseTo(7.0025)
  expect(value(`${name}_count{signal="heartbeat"}`)).toBe(0)
})

it('totals are the same at a second scrape', async () => {
  const ingest = createIngestMetrics()
  ingest.mark(true)
  ingest.mark(false)
  const scrape = createMetrics(parts(ingest))
  await scrape()
  const text = await scrape()
  expect(text).toContain('lapwing_store_log_rows_total 5\n')
  expect(text).toContain('lapwing_consumer_failing_partitions{what="store",code="STORE_REJECTED"} 2\n')
  expect(text).toContain('lapwing_dead_letters_total{reason="bad_framing"} 2\n')
  expect(text).toContain('lapwing_ingest_marks_total{outcome="failed"} 1\n')
})

it('tells what the log keeps and what waits to be taken, and does not take silence of the store for nothing', async () => {
  const { log, ...of } = parts(createIngestMetrics())
  const valueOf = (text: string, name: string): string | undefined => new RegExp(`^lapwing_${name} (\\S+)$`, 'm').exec(text)?.[1]
  const text = await createMetrics({ ...of, log })()
  expect([valueOf(text, 'log_retention_seconds'), valueOf(text, 'outbox_waiting')]).toEqual(['86400', '3'])
  expect(Number(valueOf(text, 'outbox_oldest_waiting_age_seconds'))).toBeGreaterThanOrEqual(60)
  const away = await createMetrics({
    ...of,
    log: { lag: () => Promise.reject(new Error('away')), retentionMs: Infinity },
    outbox: () => Promise.reject(new Error('away')),
  })()
  const unknown = expect.stringMatching(/^nan$/i)
  expect(['log_retention_seconds', 'log_oldest_uncommitted_age_seconds', 'outbox_waiting'].map((name) => valueOf(away, name))).toEqual([
    '+Inf',
    unknown,
    unknown,
  ])
  const alone = await createMetrics({ ...of, log: null, outbox: null })()
  expect([
    valueOf(alone, 'log_retention_seconds'),
    valueOf(alone, 'outbox_waiting'),
    valueOf(alone, 'outbox_oldest_waiting_age_seconds'),
  ]).toEqual(['0', '0', '0'])
})
