// 2,000 series whose detectors have a day behind them: a watchdog that is killed, one that closes, one whose shard goes to another, and one
// that never stopped come to the same anomalies, none twice, and to the same states.
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { createSurpriseBytes } from '../../analytics/anomaly/surprise/bytes.ts'
import { read } from '../../analytics/anomaly/surprise/surprise.ts'
import { loadCheckpoint, saveCheckpoint } from '../../analytics/watchdog/checkpoint.ts'
import { newSeriesPeriods } from '../../analytics/watchdog/series-periods.ts'
import { newServiceState, type ServiceState } from '../../analytics/watchdog/service-state.ts'
import { startWatchdog, type Watchdog } from '../../analytics/watchdog/watchdog.ts'
import type { Lease } from '../../streams/contracts/leases.ts'
import type { SignalOpened, SignalResolved } from '../../streams/contracts/signals.ts'
import { createRandom } from '../seasonal/random.ts'
import { openTestStore, silent, type TestStore } from './clickhouse/store.ts'

const BUCKET_MS = 10_000
const PERIOD_MS = 300_000
const SHARD = { index: 0, of: 2 }
const SERVICES = 500
const ALIVE = 6
const METRICS = ['log.rate', 'log.error_rate', 'log.new_template_rate', 'attr.duration_ms']
const LASTING = METRICS.filter((metric) => metric !== 'log.new_template_rate')
/** Above an hour: at the end the bytes are stored as they are in memory, and not told again by what was learned since. */
const BUCKETS = 400
const GROWS_AT = 10
const TABLES = ['series_partials', 'series_points', 'anomalies', 'watchdog_checkpoints', 'watchdog_calibrations', 'seen_templates']

let store: TestStore
let tenant = ''
let nowMs = 0
let baseMs = 0
let opened: SignalOpened[]
let resolved: SignalResolved[]
const bytes = createSurpriseBytes()

beforeAll(async () => {
  store = await openTestStore()
  const names = Array.from({ length: 20 }, (_, i) => `tenant-${i}`)
  const rows = await store.clickhouse.query<{ name: string }>(
    { name: 'all_tenants.test', sql: 'SELECT name FROM (SELECT arrayJoin({names:Array(String)}) AS name) WHERE cityHash64(name) % 2 = 0' },
    { names },
  )
  tenant = rows[0].name
})
afterAll(async () => {
  await store.dispose()
})
beforeEach(async () => {
  for (const table of TABLES) await store.clickhouse.command(`TRUNCATE TABLE ${table}`)
  nowMs = Math.floor(Date.now() / PERIOD_MS) * PERIOD_MS
  baseMs = nowMs - 7_200_000
  opened = []
  resolved = []
})

/** A day and a bit of quiet, up to the newest bucket that was closed. */
const trained = (): Uint8Array => {
  const random = createRandom(21)
  const one = bytes.fresh()
  for (let i = 0; i < 300; i++) bytes.change(one, (state) => read(state, baseMs - (301 - i) * PERIOD_MS, 10 + 0.3 * random.normal()))
  return one
}
const seed = async (): Promise<void> => {
  const model = trained()
  const services = Array.from({ length: SERVICES }, (_, i): ServiceState => {
    const service = `svc-${i}`
    const periods = Object.fromEntries(
      LASTING.map((metric) => [metric, { ...newSeriesPeriods(tenant, service, metric), calibrated: Uint8Array.from(model), since: null }]),
    )
    return {
      ...newServiceState(tenant, service),
      closedThroughMs: baseMs - BUCKET_MS,
      lastDataMs: baseMs - BUCKET_MS,
      lastPartialAtMs: nowMs,
      metrics: [...METRICS],
      periods,
    }
  })
  await saveCheckpoint(store.clickhouse, SHARD, { generation: 3, cursors: [], services })
}
/** One service grows by two thirds, too little for the rules of 10 s; one has a burst of errors. */
const put = async (from: number, to: number): Promise<void> => {
  const rows = Array.from({ length: to - from }, (_, k) => from + k).flatMap((i) =>
    Array.from({ length: ALIVE }, (_, s) => {
      const count = (s === 1 && i >= GROWS_AT ? 17 : 10) + ((i * 7 + s) % 3) - 1
      const errors = s === 2 && i >= 60 && i < 75 ? 9 : 0
      return {
        tenant,
        service: `svc-${s}`,
        bucket: baseMs / 1000 + i * 10,
        metric: ['log.rate', ...(errors > 0 ? ['log.error_rate'] : []), 'attr.duration_ms'],
        templates: [],
        count: [count, ...(errors > 0 ? [errors] : []), count],
        sum: [count, ...(errors > 0 ? [errors] : []), 10 * count],
        min: [1, ...(errors > 0 ? [1] : []), 10],
        max: [1, ...(errors > 0 ? [1] : []), 10],
        sum_sq: [1, ...(errors > 0 ? [1] : []), 100],
        receive_day: new Date(nowMs).toISOString().slice(0, 10),
        log_id: 'b'.repeat(32),
        log_partition: 0,
        log_offset: i * ALIVE + s,
        last_offset: i * ALIVE + s,
      }
    }),
  )
  await store.clickhouse.insertRows({ table: 'series_partials', rows })
}
const leaseOf = (epoch: number): Lease => ({ name: 'watchdog', epoch, isHeld: () => true, guard: (work) => work() })
const start = async (epoch = 1): Promise<Watchdog> =>
  startWatchdog(
    { zThreshold: 3, cooldownMs: 300_000, pollMs: 3_600_000, shard: SHARD },
    {
      clickhouse: store.clickhouse,
      clock: () => nowMs,
      logger: silent,
      oldestUncommittedReceivedAtMs: async () => null,
      rules: async () => () => undefined,
      neighbours: async () => [],
      lease: leaseOf(epoch),
      signals: {
        opened: async (signal) => {
          opened.push(signal)
        },
        resolved: async (signal) => {
          resolved.push(signal)
        },
      },
    },
  )
/** What has come is read, and two seconds later its buckets are closed. */
const work = async (watchdog: Watchdog): Promise<void> => {
  await watchdog.tick()
  nowMs += 2_500
  await watchdog.tick()
}
/** Without what says when and where it was stored. */
const outcome = async () => {
  const { services } = await loadCheckpoint(store.clickhouse, SHARD, bytes)
  const anomalies = await store.clickhouse.query<{ id: string; metric: string; service: string; resolved: number; started: string }>(
    {
      name: 'all_tenants.test',
      sql: 'SELECT anomaly_id AS id, metric_name AS metric, service_id AS service, resolved, toString(toUnixTimestamp64Milli(started_at)) AS started FROM anomalies FINAL ORDER BY id',
    },
    {},
  )
  return {
    anomalies,
    states: services.map(({ periods, ...rest }) => ({
      ...rest,
      lastPartialAtMs: undefined,
      periods: Object.fromEntries(
        Object.entries(periods).map(([metric, { state, calibrated }]) => [
          metric,
          { state, calibrated: Buffer.from(calibrated!).toString('base64') },
        ]),
      ),
    })),
  }
}

const neverStopped = async () => {
  await seed()
  const watchdog = await start()
  expect(watchdog.stats().seriesMonitored).toBe(SERVICES * METRICS.length)
  for (const [from, to] of [
    [0, 70],
    [70, 100],
    [100, BUCKETS],
  ]) {
    await put(from, to)
    await work(watchdog)
  }
  await watchdog.close()
  return await outcome()
}

it('a kill, an end and a move in the middle of anomalies change neither anomalies nor states', async () => {
  const expected = await neverStopped()
  const [growth, ...others] = expected.anomalies.filter((one) => one.metric === 'log.rate')
  expect([growth.service, others]).toEqual(['svc-1', []])
  expect(expected.anomalies.some((one) => one.service === 'svc-2' && one.metric === 'log.error_rate')).toBe(true)
  const ids = opened.map((one) => one.id).sort()

  for (const table of TABLES) await store.clickhouse.command(`TRUNCATE TABLE ${table}`)
  nowMs = baseMs + 7_200_000
  opened = []
  await seed()
  const killed = await start()
  await put(0, 70)
  await work(killed)
  // The burst is open; nothing of this run is in a checkpoint.
  expect(opened.map((one) => one.service)).toContain('svc-2')
  killed.abandon()
  const second = await start(1)
  await work(second)
  await put(70, 100)
  await work(second)
  await second.close()
  const moved = await start(2)
  await put(100, BUCKETS)
  await work(moved)
  // The former owner comes back from a pause, and what it still knows reaches nobody.
  await expect(work(killed)).rejects.toThrow('another has the watchdog')
  await moved.close()
  const again = await start(3)
  await again.tick()
  await again.close()

  const actual = await outcome()
  expect(actual.anomalies).toEqual(expected.anomalies)
  expect(actual.states).toEqual(expected.states)
  expect([...new Set(opened.map((one) => one.id))].sort()).toEqual(ids)
}, 120_000)

it('a checkpoint of before there was a second reader is read; it begins to learn', async () => {
  await seed()
  const { services, cursors } = await loadCheckpoint(store.clickhouse, SHARD, bytes)
  for (const table of TABLES) await store.clickhouse.command(`TRUNCATE TABLE ${table}`)
  const rows = services.map(({ service, ...rest }) => ({
    slot: 1,
    tenant,
    service,
    generation: 5,
    state: JSON.stringify({ ...rest, tenant: undefined, periods: undefined, pending: [] }),
  }))
  await store.clickhouse.insertRows({
    table: 'watchdog_checkpoints',
    rows: [...rows, { slot: 1, tenant: '', service: '', generation: 5, state: JSON.stringify({ format: 3, of: 2, cursors }) }],
  })
  const watchdog = await start()
  expect(watchdog.stats().seriesMonitored).toBe(SERVICES * METRICS.length)
  await put(0, 70)
  await work(watchdog)
  await watchdog.close()
  const { states } = await outcome()
  expect(Object.keys(states.find((one) => one.service === 'svc-1')!.periods).sort()).toEqual([...LASTING].sort())
})

it('bytes that are gone, torn or of another generation are learned anew, and nothing else is lost', async () => {
  await seed()
  await store.clickhouse.command("ALTER TABLE watchdog_calibrations DELETE WHERE service = 'svc-1' SETTINGS mutations_sync = 2")
  await store.clickhouse.insertRows({
    table: 'watchdog_calibrations',
    rows: [
      { tenant, service: 'svc-2', metric: 'log.rate', slot: 0, generation: 9, state: 'AAAA' },
      { tenant, service: 'svc-3', metric: 'log.rate', slot: 1, generation: 9, state: 'AAAA' },
    ],
  })
  const { services } = await loadCheckpoint(store.clickhouse, SHARD, bytes)
  const known = new Map(services.map((one) => [one.service, one.periods]))
  expect([known.get('svc-1')!['log.rate'].calibrated, known.get('svc-2')!['log.rate'].calibrated]).toEqual([null, null])
  expect([known.get('svc-3')!['log.rate'].calibrated?.length, known.get('svc-2')!['log.error_rate'].calibrated?.length]).toEqual([
    bytes.fresh().length,
    bytes.fresh().length,
  ])
})
