import { expect, it } from 'vitest'
import type { Analysed, Figures } from '../../process/figures.ts'
import { createStatus, type StatusParts } from '../../process/status.ts'

const analysed = (change: Partial<Analysed> = {}): Figures => ({
  ingest: { logTakesMarks: true },
  analysis: {
    failing: [],
    poison: { malformed: 2 },
    partitions: 2,
    watchdog: { shards: 1, lastRunAtMs: 5_000_000, seriesMonitored: 12, anomaliesLastHour: 1, seriesRefused: 0 },
    retention: {
      maxBytes: 100,
      minFreeBytes: 1,
      last: { bytes: 70, freeBytes: 9, over: false },
      droppedDays: 0,
      droppedRows: 0,
      dropped: [],
    },
    ...change,
  },
})
const parts = (change: Partial<Record<keyof StatusParts, unknown>> = {}): StatusParts =>
  ({
    version: '1.2.3',
    role: 'all',
    log: {
      lag: async () => [
        { partition: 0, end: 7, committed: 4, oldestReceivedAtMs: 1000, bytes: 10 },
        { partition: 1, end: 2, committed: 2, oldestReceivedAtMs: null, bytes: 5 },
      ],
    },
    clickhouse: { ping: async () => true },
    figures: async () => [analysed()],
    store: { query: async () => [] },
    credentials: { isStale: () => false },
    ingest: async () => ({ logTakesMarks: true }),
    clock: () => 5_010_000,
    ...change,
  }) as unknown as StatusParts
const never = (): Promise<never> => new Promise(() => {})

it('says ok, and sums what waits over the partitions', async () => {
  const status = await createStatus(parts()).status()
  expect(status).toMatchObject({
    status: 'ok',
    components: { ingest: 'ok', event_log: 'ok', clickhouse: 'ok', control_plane: 'ok', watchdog: 'running', rca: 'ready' },
    pipeline: {
      uncommitted_messages: 3,
      oldest_uncommitted_received_at: '1970-01-01T00:00:01.000Z',
      log_bytes: 15,
      failing: [],
      dead_letters: { malformed: 2 },
    },
    store: { bytes: 70, max_bytes: 100, over_bound: false },
  })
})

it('names what is away, dead, deaf or full', async () => {
  const { ready } = createStatus(
    parts({
      clickhouse: { ping: async () => false },
      store: {
        query: async () => {
          throw new Error('gone')
        },
      },
      ingest: async () => null,
    }),
  )
  expect(await ready()).toEqual({ ingest: 'not running', event_log: 'ok', clickhouse: 'unreachable', control_plane: 'unreachable' })
  expect(await createStatus(parts({ ingest: async () => ({ logTakesMarks: false }) })).ready()).toMatchObject({ event_log: 'not writable' })
  expect(await createStatus(parts({ ingest: never, clickhouse: { ping: never } })).ready()).toMatchObject({
    ingest: 'not answering',
    clickhouse: 'unreachable',
  })
})

it('says of an event log that is away that it is, and all the rest', async () => {
  const log = { lag: () => Promise.reject(new Error('gone')) }
  const status = await createStatus(parts({ log, ingest: null })).status()
  expect(status).toMatchObject({ status: 'degraded', components: { event_log: 'unreachable', clickhouse: 'ok', control_plane: 'ok' } })
})

it('the API is ready without the event log, and says in its status that it is away', async () => {
  const api = createStatus(parts({ role: 'api', ingest: null, log: { lag: () => Promise.reject(new Error('gone')) } }))
  expect(await api.ready()).toEqual({ clickhouse: 'ok', control_plane: 'ok' })
  expect(await api.status()).toMatchObject({ status: 'degraded', components: { event_log: 'unreachable' } })
})

it('a watchdog that has not run for a minute is late, and the whole degraded', async () => {
  const status = await createStatus(parts({ clock: () => 5_070_000 })).status()
  expect(status).toMatchObject({ status: 'degraded', components: { watchdog: 'late' } })
})

it('a partition that fails is named at once, and degrades the whole when it lasts', async () => {
  const failing = [{ partition: 1, what: 'store', code: 'STORE_REJECTED', attempts: 4, sinceMs: 5_000_000 }]
  const at = (nowMs: number) =>
    createStatus(parts({ figures: async () => [analysed({ failing, poison: {} })], clock: () => nowMs })).status()
  expect(await at(5_009_999)).toMatchObject({
    status: 'ok',
    pipeline: { failing: [{ partition: 1, what: 'store', code: 'STORE_REJECTED', attempts: 4, since: '1970-01-01T01:23:20.000Z' }] },
  })
  expect(await at(5_010_000)).toMatchObject({ status: 'degraded' })
})

it('ingest is ready without the control plane, as long as what it knows of tokens is young', async () => {
  const away = {
    role: 'ingest',
    log: null,
    clickhouse: null,
    store: {
      query: async () => {
        throw new Error('gone')
      },
    },
  }
  expect(await createStatus(parts(away)).ready()).toEqual({ ingest: 'ok', event_log: 'ok' })
  expect(await createStatus(parts({ ...away, credentials: { isStale: () => true } })).ready()).toEqual({
    ingest: 'ok',
    event_log: 'ok',
    credentials: 'older than ten minutes',
  })
})

it('a worker is ready with log, store and control plane; an API is told of the others what they say of themselves', async () => {
  expect(await createStatus(parts({ role: 'worker', ingest: null, credentials: null })).ready()).toEqual({
    event_log: 'ok',
    clickhouse: 'ok',
    control_plane: 'ok',
  })
  const worker = (partitions: number, seriesMonitored: number, lastRunAtMs: number): Figures => ({
    analysis: {
      ...analysed().analysis!,
      partitions,
      watchdog: { shards: 4, lastRunAtMs, seriesMonitored, anomaliesLastHour: 1, seriesRefused: 0 },
    },
  })
  const figures = async (): Promise<Figures[]> => [
    { ingest: { logTakesMarks: true } },
    { ingest: { logTakesMarks: false } },
    worker(5, 10, 5_009_000),
    worker(3, 20, 5_008_000),
    {},
  ]
  expect(await createStatus(parts({ role: 'api', ingest: null, figures })).status()).toMatchObject({
    status: 'degraded',
    components: { ingest: 'ok', event_log: 'not writable', watchdog: 'running' },
    watchdog: { metrics_monitored: 30, last_run: '1970-01-01T01:23:28.000Z' },
    pipeline: { dead_letters: { malformed: 4 } },
  })
})
