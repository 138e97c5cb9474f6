import { expect, it } from 'vitest'
import { createStatus, type StatusParts } from '../../process/status.ts'

const parts = (change: Partial<Record<keyof StatusParts, unknown>> = {}): StatusParts => ({
  version: '1.2.3',
  log: { lag: async () => [{ partition: 0, end: 7, committed: 4, oldestReceivedAtMs: 1000, bytes: 10 }, { partition: 1, end: 2, committed: 2, oldestReceivedAtMs: null, bytes: 5 }] },
  clickhouse: { ping: async () => true },
  consumer: { stats: () => ({ poison: { malformed: 2 }, failing: [] }) },
  watchdog: { stats: () => ({ lastRunAtMs: 5_000_000, seriesMonitored: 12, anomaliesLastHour: 1, seriesRefused: 0 }) },
  retention: { stats: () => ({ maxBytes: 100, minFreeBytes: 1, last: { bytes: 70, freeBytes: 9, over: false }, droppedDays: 0, droppedRows: 0, dropped: [] }) },
  store: { query: async () => [] },
  ingest: async () => ({ logTakesMarks: true }),
  clock: () => 5_010_000,
  ...change,
}) as unknown as StatusParts
const never = (): Promise<never> => new Promise(() => {})

it('says ok, and sums what waits over the partitions', async () => {
  const status = await createStatus(parts()).status()
  expect(status).toMatchObject({
    status: 'ok', components: { ingest: 'ok', event_log: 'ok', clickhouse: 'ok', control_plane: 'ok', watchdog: 'running', rca: 'ready' },
    pipeline: { uncommitted_messages: 3, oldest_uncommitted_received_at: '1970-01-01T00:00:01.000Z', log_bytes: 15, failing: [], dead_letters: { malformed: 2 } }, store: { bytes: 70, max_bytes: 100, over_bound: false },
  })
})

it('names what is away, dead, deaf or full', async () => {
  const { ready } = createStatus(parts({ clickhouse: { ping: async () => false }, store: { query: async () => { throw new Error('gone') } }, ingest: async () => null }))
  expect(await ready()).toEqual({ ingest: 'not running', event_log: 'ok', clickhouse: 'unreachable', control_plane: 'unreachable' })
  expect(await createStatus(parts({ ingest: async () => ({ logTakesMarks: false }) })).ready()).toMatchObject({ event_log: 'not writable' })
  expect(await createStatus(parts({ ingest: never, clickhouse: { ping: never } })).ready()).toMatchObject({ ingest: 'not answering', clickhouse: 'unreachable' })
})

it('a watchdog that has not run for a minute is late, and the whole degraded', async () => {
  const status = await createStatus(parts({ clock: () => 5_070_000 })).status()
  expect(status).toMatchObject({ status: 'degraded', components: { watchdog: 'late' } })
})

it('a partition that fails is named at once, and degrades the whole when it lasts', async () => {
  const failing = [{ partition: 1, what: 'store', code: 'STORE_REJECTED', attempts: 4, sinceMs: 5_000_000 }]
  const at = (nowMs: number) => createStatus(parts({ consumer: { stats: () => ({ poison: {}, failing }) }, clock: () => nowMs })).status()
  expect(await at(5_009_999)).toMatchObject({ status: 'ok', pipeline: { failing: [{ partition: 1, what: 'store', code: 'STORE_REJECTED', attempts: 4, since: '1970-01-01T01:23:20.000Z' }] } })
  expect(await at(5_010_000)).toMatchObject({ status: 'degraded' })
})
