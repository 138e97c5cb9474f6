import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createRca } from '../../analytics/rca/rca.ts'
import { startWatchdog, type Watchdog } from '../../analytics/watchdog/watchdog.ts'
import { createClickHouse, type ClickHouse } from '../../clickhouse/client.ts'
import { startLocalClickHouse } from '../../clickhouse/local/local.ts'
import { migrate } from '../../clickhouse/migrate.ts'
import { countAnomalies, listAnomalies } from '../../clickhouse/queries/anomalies.ts'
import { templateMetric } from '../../streams/contracts/metric-value.ts'
import type { RulesOf } from '../../streams/contracts/detection.ts'
import { pointsOfSeries } from '../../clickhouse/queries/series-points.ts'
import type { SignalOpened, SignalResolved } from '../../streams/contracts/signals.ts'

const DATABASE = 'lapwing'
const BUCKET_MS = 10_000
const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
let directory: string
let local: Awaited<ReturnType<typeof startLocalClickHouse>>
let ch: ClickHouse
let nowMs: number
let offset = 0
let uncommittedMs: number | null
let opened: SignalOpened[]
let resolved: SignalResolved[]
let rules: RulesOf
const running: Watchdog[] = []

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'lapwing-watchdog-'))
  local = await startLocalClickHouse({
    directory,
    listen: { host: '127.0.0.1', port: 0 },
    maxMemoryBytes: 1_000_000_000,
    readerPassword: 'reader-password',
    database: DATABASE,
    log: silent,
  })
  ch = createClickHouse({ url: local.url, user: local.user, password: local.password, database: DATABASE })
  await migrate(ch)
})
afterAll(async () => {
  await ch?.close()
  await local?.close()
  rmSync(directory, { recursive: true, force: true })
})
beforeEach(async () => {
  for (const watchdog of running.splice(0)) await watchdog.close()
  for (const table of [
    'otel_logs',
    'series_partials',
    'series_points',
    'anomalies',
    'watchdog_checkpoints',
    'seen_templates',
    'log_templates',
    'log_template_counts',
  ])
    await ch.command(`TRUNCATE TABLE ${table}`)
  nowMs = Math.floor(Date.now() / BUCKET_MS) * BUCKET_MS
  uncommittedMs = null
  opened = []
  resolved = []
  rules = () => undefined
})

const start = async (): Promise<Watchdog> => {
  const watchdog = await startWatchdog(
    { zThreshold: 3, cooldownMs: 300_000, pollMs: 3_600_000 },
    {
      clickhouse: ch,
      clock: () => nowMs,
      logger: silent,
      oldestUncommittedReceivedAtMs: async () => uncommittedMs,
      rules: async () => rules,
      neighbours: async () => ['near'],
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
  running.push(watchdog)
  return watchdog
}
type Values = Readonly<Record<string, readonly [count: number, sum: number]>>
const partial = (tenant: string, service: string, bucketMs: number, values: Values, templates: string[] = []): object => {
  const metric = Object.keys(values)
  const first = offset++
  return {
    tenant,
    service,
    bucket: bucketMs / 1000,
    metric,
    templates,
    count: metric.map((m) => values[m][0]),
    sum: metric.map((m) => values[m][1]),
    min: metric.map(() => 1),
    max: metric.map(() => 1),
    sum_sq: metric.map(() => 1),
    receive_day: new Date().toISOString().slice(0, 10),
    log_id: 'a'.repeat(32),
    log_partition: first % 2,
    log_offset: first,
    last_offset: first,
  }
}
const logs = (count: number, errors = 0): Values => ({
  'log.rate': [count, count],
  ...(errors > 0 ? { 'log.error_rate': [errors, errors] } : {}),
})
const put = (rows: object[]): Promise<void> => ch.insertRows({ table: 'series_partials', rows })
const points = (where: string): Promise<{ n: string; total: string }[]> =>
  ch.query<{ n: string; total: string }>(
    { name: 'test', sql: `SELECT toString(count()) AS n, toString(sum(count)) AS total FROM series_points FINAL WHERE ${where}` },
    {},
  )
const anomalies = (tenant = 't') =>
  ch.query(listAnomalies, {
    tenant,
    service: '',
    sinceMs: 0,
    untilMs: 4_000_000_000_000,
    minScore: 0,
    limit: 100,
    afterMs: 4_000_000_000_001,
    afterId: '',
  })
const services = Array.from({ length: 8 }, (_, i) => `svc-${i}`)
const backfill = (fromMs: number, buckets: number): object[] =>
  Array.from({ length: buckets }, (_, i) =>
    services.map((service) =>
      partial(
        't',
        service,
        fromMs + i * BUCKET_MS,
        logs(10 + ((i * 7 + service.length) % 3), service === 'svc-3' && i >= buckets - 40 ? 8 : 0),
      ),
    ),
  ).flat()

describe('the watchdog', () => {
  it('works two hours of eight services through in order within seconds, finds the fault, and writes nothing twice', async () => {
    const fromMs = nowMs - 7_200_000
    await put(backfill(fromMs, 710))
    const first = await start()
    await first.tick()
    expect((await points("tenant = 't'"))[0].n).toBe('0')
    nowMs += 2_000
    const began = performance.now()
    await first.tick()
    expect(performance.now() - began).toBeLessThan(15_000)
    const counted = await ch.query<{ total: string }>(
      { name: 'test', sql: 'SELECT toString(sum(arraySum(count))) AS total FROM series_partials' },
      {},
    )
    expect((await points("tenant = 't'"))[0].total).toBe(counted[0].total)
    expect(opened.map((signal) => signal.service)).toEqual(['svc-3'])
    const [row] = await anomalies()
    expect(row).toMatchObject({
      service_id: 'svc-3',
      metric_name: 'log.error_rate',
      resolved: 0,
      rca_triggered: 1,
      direction: 1,
      signal: 'rolling_z',
      observed: 8,
    })
    expect(row.anomaly_id).toMatch(/^anom-[0-9a-f]{16}$/)
    expect(Number(row.started_at_ms)).toBe(fromMs + 670 * BUCKET_MS)
    expect(opened[0]).toMatchObject({
      tenant: 't',
      kind: 'anomaly',
      id: row.anomaly_id,
      neighbours: ['near'],
      startedAtMs: fromMs + 670 * BUCKET_MS,
    })
    expect(first.stats()).toMatchObject({ lastRunAtMs: nowMs, anomaliesLastHour: 1, seriesMonitored: 24 })

    // Once more from the partials alone, as after a loss of everything but ClickHouse's tables of the log.
    await ch.command('TRUNCATE TABLE watchdog_checkpoints')
    const before = (await points("tenant = 't'"))[0]
    const again = await start()
    await again.tick()
    nowMs += 2_000
    await again.tick()
    expect((await points("tenant = 't'"))[0]).toEqual(before)
    expect(
      (await ch.query(countAnomalies, { tenant: 't', service: '', sinceMs: 0, untilMs: 4_000_000_000_000, minScore: 0 }))[0].total,
    ).toBe('1')
    expect(new Set(opened.map((signal) => signal.id)).size).toBe(1)
    expect(await anomalies('someone-else')).toEqual([])
  })

  it('goes on from its checkpoint, resolves what has recovered and does not judge anything again', async () => {
    const fromMs = nowMs - 7_200_000
    await put(backfill(fromMs, 300))
    const first = await start()
    await first.tick()
    nowMs += 2_000
    await first.tick()
    await first.close()
    expect(opened).toHaveLength(1)
    const second = await start()
    expect(second.stats().seriesMonitored).toBe(24)
    await put(Array.from({ length: 10 }, (_, i) => partial('t', 'svc-3', fromMs + (300 + i) * BUCKET_MS, logs(10))))
    await second.tick()
    nowMs += 2_000
    await second.tick()
    expect(opened).toHaveLength(1)
    expect(resolved).toEqual([{ tenant: 't', kind: 'anomaly', id: opened[0].id, endedAtMs: fromMs + 305 * BUCKET_MS }])
    expect(await anomalies()).toMatchObject([{ anomaly_id: opened[0].id, resolved: 1, service_id: 'svc-3', observed: 8 }])
  })

  /** Of one service, an hour ago. */
  const closeHundredBuckets = async () => {
    const fromMs = nowMs - 3_600_000
    await put(backfill(fromMs, 100).filter((row) => (row as { service: string }).service === 'svc-0'))
    const watchdog = await start()
    await watchdog.tick()
    nowMs += 2_000
    await watchdog.tick()
    return { fromMs, watchdog }
  }

  it('amends the rows of closed buckets by late data, and no verdict', async () => {
    const { fromMs, watchdog } = await closeHundredBuckets()
    const before = Number((await points("metric = 'log.rate'"))[0].total)
    await put(Array.from({ length: 20 }, (_, i) => partial('t', 'svc-0', fromMs + (40 + i) * BUCKET_MS, logs(500, 400))))
    await watchdog.tick()
    expect(Number((await points("metric = 'log.rate'"))[0].total)).toBe(before + 10_000)
    expect(Number((await points("metric = 'log.error_rate'"))[0].total)).toBe(8_000)
    expect(opened).toEqual([])
  })

  it('stores with each point the band that was expected of it, and an amendment keeps it', async () => {
    const { fromMs, watchdog } = await closeHundredBuckets()
    const shown = async () =>
      await ch.query(pointsOfSeries, {
        tenant: 't',
        service: 'svc-0',
        metric: 'log.rate',
        from: fromMs / 1000,
        to: nowMs / 1000,
        step: 10,
        rate: '',
      })
    const before = await shown()
    expect(before).toHaveLength(100)
    expect([before[0].expected, before[29].expected]).toEqual([null, null])
    for (const point of before.slice(31)) {
      expect(point.lower! < point.expected! && point.expected! < point.upper!).toBe(true)
      expect(point.expected! > 9 && point.expected! < 13).toBe(true)
    }
    await put([partial('t', 'svc-0', fromMs + 60 * BUCKET_MS, logs(500))])
    await watchdog.tick()
    const { count: _, sum: __, ...band } = before[60]
    expect((await shown())[60]).toMatchObject(band)
    expect(Number((await shown())[60].count)).toBe(Number(before[60].count) + 500)
  })

  it('opens nothing for a series that is ignored, and ends what is open', async () => {
    const fromMs = nowMs - 7_200_000
    await put(backfill(fromMs, 300))
    const watchdog = await start()
    await watchdog.tick()
    nowMs += 2_000
    await watchdog.tick()
    expect([opened.length, resolved.length]).toEqual([1, 0])
    rules = (_tenant, service) =>
      service === 'svc-3' ? () => ({ sensitivity: 1, direction: null, ignored: true, noiseFactor: { up: 1, down: 1 } }) : undefined
    await put([partial('t', 'svc-3', fromMs + 300 * BUCKET_MS, logs(10, 8))])
    await watchdog.tick()
    nowMs += 2_000
    await watchdog.tick()
    expect([opened.length, resolved.map((signal) => signal.id)]).toEqual([1, [opened[0].id]])
  })

  it('counts a bucket again from its rows where its partials may have expired', async () => {
    const bucketMs = nowMs - 3 * 86_400_000
    const row = (severity: number, duration: string, service = 'svc-0'): object => ({
      Timestamp: (bucketMs / 1000 + 1).toFixed(3),
      ServiceName: service,
      Body: 'x',
      SeverityNumber: severity,
      LogAttributes: { 'http.duration': duration },
      tenant: 't',
      receive_day: new Date(nowMs).toISOString().slice(0, 10),
      log_id: 'a'.repeat(32),
    })
    await ch.insertRows({ table: 'otel_logs', rows: [row(9, '10'), row(17, '30'), row(9, 'slow'), row(9, '1', 'svc-1')] })
    await put([partial('t', 'svc-0', bucketMs, logs(1)), partial('t', 'svc-0', bucketMs + BUCKET_MS, logs(1))])
    const watchdog = await start()
    await watchdog.tick()
    nowMs += 2_000
    await watchdog.tick()
    await put([partial('t', 'svc-0', bucketMs, { ...logs(1), 'attr.http.duration': [1, 30] })])
    await watchdog.tick()
    const counted = await ch.query<{ metric: string; count: string; sum: number }>(
      {
        name: 'test',
        sql: `SELECT metric, toString(count) AS count, sum FROM series_points FINAL
WHERE toUnixTimestamp(bucket) = {bucket:UInt32} ORDER BY metric`,
      },
      { bucket: bucketMs / 1000 },
    )
    expect(counted.map((row) => [row.metric, row.count, row.sum])).toEqual([
      ['attr.http.duration', '2', 40],
      ['log.error_rate', '1', 1],
      ['log.rate', '3', 3],
      ['log.severity.error', '1', 1],
      ['log.severity.info', '2', 2],
    ])
  })

  it('counts a template as new in the first closed bucket that holds it', async () => {
    const fromMs = nowMs - 3_600_000
    await put([
      partial('t', 'svc-0', fromMs, logs(5), ['1', '18446744073709551615']),
      partial('t', 'svc-0', fromMs + BUCKET_MS, logs(5), ['1', '2']),
    ])
    const watchdog = await start()
    await watchdog.tick()
    nowMs += 2_000
    await watchdog.tick()
    const rows = await ch.query<{ count: string }>(
      {
        name: 'test',
        sql: "SELECT toString(count) AS count FROM series_points FINAL WHERE metric = 'log.new_template_rate' ORDER BY bucket",
      },
      {},
    )
    expect(rows.map((row) => row.count)).toEqual(['2', '1'])
    expect(
      await ch.query<{ template: string }>(
        { name: 'test', sql: 'SELECT toString(template) AS template FROM seen_templates FINAL ORDER BY seen_templates.template' },
        {},
      ),
    ).toEqual([{ template: '1' }, { template: '2' }, { template: '18446744073709551615' }])
  })

  it('closes nothing that something uncommitted may still belong to, nor a bucket of the future', async () => {
    const bucketMs = nowMs - 60_000
    await put([partial('t', 'svc-0', bucketMs, logs(5)), partial('t', 'svc-1', nowMs + 7_200_000, logs(5))])
    const watchdog = await start()
    await watchdog.tick()
    nowMs += 30_000
    uncommittedMs = nowMs - 29_000
    await watchdog.tick()
    expect((await points('1'))[0].n).toBe('0')
    uncommittedMs = nowMs - 1_000
    await watchdog.tick()
    expect((await points('1'))[0].n).toBe('1')
  })

  it('alarms on the rate of one message that the errors as a whole hide, and says which', async () => {
    const fromMs = nowMs - 7_200_000
    const [loud, quiet] = [11647263161242007405n, 17n].map(templateMetric)
    await ch.insertRows({
      table: 'log_templates',
      rows: [
        {
          tenant: 't',
          service: 'svc-0',
          template: '17',
          text: 'cannot reserve stock of item <num>',
          example: 'cannot reserve stock of item 7',
          record: 'l:0:1:2',
          first_seen: fromMs / 1000,
          last_seen: nowMs / 1000,
        },
      ],
    })
    await put(
      Array.from({ length: 700 }, (_, i) => [
        partial('t', 'svc-0', fromMs + i * BUCKET_MS, {
          ...logs(100, 60),
          [loud]: [59 - (i % 3), 59 - (i % 3)],
          ...(i % 30 === 0 || i >= 660 ? { [quiet]: [i >= 660 ? 4 : 1, 4] } : {}),
        }),
        partial('t', 'svc-1', fromMs + i * BUCKET_MS, logs(50)),
      ]).flat(),
    )
    const watchdog = await start()
    await watchdog.tick()
    nowMs += 2_000
    await watchdog.tick()
    expect(opened).toMatchObject([{ service: 'svc-0', severity: 'minor', startedAtMs: fromMs + 660 * BUCKET_MS }])
    expect(opened[0].summary).toMatch(/^svc-0: "cannot reserve stock of item <num>" \(ptn-0{14}11\) up, 4 per 10 s where 0\.0/)
    expect(await anomalies()).toMatchObject([{ metric_name: quiet, summary: opened[0].summary }])
  })

  it('notices a service that falls silent while others report', async () => {
    const watchdog = await start()
    const startMs = nowMs
    const of = (i: number): object[] =>
      (i < 60 ? ['svc-0', 'svc-1'] : ['svc-1']).map((name) => partial('t', name, startMs + i * BUCKET_MS, logs(20)))
    // What leads up to it is history when it comes; the silence is lived through bucket by bucket.
    await put(Array.from({ length: 58 }, (_, i) => of(i)).flat())
    for (let i = 58; i < 80; i++) {
      nowMs = startMs + (i + 1) * BUCKET_MS
      await put(of(i))
      await watchdog.tick()
    }
    expect(opened.map((signal) => signal.service)).toEqual(['svc-0'])
    expect(opened[0].severity).toBe('critical')
    expect(opened[0].startedAtMs).toBe(startMs + 60 * BUCKET_MS)
    expect((await anomalies())[0]).toMatchObject({ metric_name: 'log.rate', direction: -1, observed: 0 })
    expect(Number((await anomalies())[0].detected_at_ms)).toBeLessThanOrEqual(startMs + 72 * BUCKET_MS)
  })
})

describe('root cause over ClickHouse', () => {
  it('answers from traces, series and versions of one tenant', async () => {
    const fromMs = nowMs - 1_200_000
    const record = (tenant: string, service: string, atMs: number, traceId: string, version: string): object => ({
      Timestamp: (atMs / 1000).toFixed(3),
      ObservedTimestamp: (atMs / 1000).toFixed(3),
      TraceId: traceId,
      ServiceName: service,
      Body: 'x',
      SeverityNumber: 9,
      ResourceAttributes: { 'service.version': version },
      tenant,
      receive_day: new Date(nowMs).toISOString().slice(0, 10),
      log_id: 'a'.repeat(32),
    })
    const rows = Array.from({ length: 30 }, (_, i) => {
      const atMs = fromMs + i * 30_000
      const traceId = i.toString(16).padStart(32, 'f')
      return [
        record('t', 'gateway', atMs, traceId, '1'),
        record('t', 'gateway', atMs + 50, traceId, '1'),
        record('t', 'payments', atMs + 10, traceId, i < 26 ? '1' : '2'),
        record('other', 'spy', atMs + 5, traceId, '1'),
      ]
    }).flat()
    await ch.insertRows({ table: 'otel_logs', rows })
    const onsetMs = nowMs - 300_000
    const point = (service: string, metric: string, bucketMs: number, count: number): object => ({
      tenant: 't',
      service,
      metric,
      bucket: bucketMs / 1000,
      count,
      sum: count,
      min: 1,
      max: 1,
      sum_sq: count,
      version: 1,
    })
    await ch.insertRows({
      table: 'series_points',
      rows: Array.from({ length: 110 }, (_, i) => fromMs + i * BUCKET_MS).flatMap((bucketMs) =>
        ['gateway', 'payments'].flatMap((service) => [
          point(service, 'log.rate', bucketMs, 30),
          point(service, 'log.error_rate', bucketMs, bucketMs < onsetMs ? 1 : service === 'payments' ? 20 : 10),
        ]),
      ),
    })
    const seen = (tenant: string, template: string, text: string, atMs: number): object => ({
      tenant,
      service: 'payments',
      template,
      text,
      example: text,
      record: 'l:0:1:2',
      first_seen: atMs / 1000,
      last_seen: atMs / 1000,
    })
    await ch.insertRows({
      table: 'log_templates',
      rows: [
        seen('t', '5', 'pool exhausted: waited <num>', onsetMs),
        seen('t', '6', 'charged <num>', fromMs - 86_400_000),
        seen('other', '5', 'spy on <num>', onsetMs),
      ],
    })
    await ch.insertRows({
      table: 'log_template_counts',
      rows: ['t', 'other'].flatMap((tenant) =>
        ['5', '6'].map((template) => ({
          tenant,
          service: 'payments',
          severity: 5,
          template,
          minute: Math.floor(onsetMs / 60_000) * 60 + 60,
          records: 40,
          receive_day: new Date(nowMs).toISOString().slice(0, 10),
          log_id: 'l',
          log_partition: 0,
          log_offset: 1,
          last_offset: 1,
        })),
      ),
    })
    const rca = createRca({ clickhouse: ch, now: () => nowMs, topology: async () => ({ owners: new Map(), declared: [] }) })
    const { correlations } = await rca.correlations('t', 'gateway', 3, nowMs)
    expect(correlations).toMatchObject([{ related_service: 'payments', direction: 'upstream' }])
    expect(await rca.neighbours('t', 'payments', nowMs)).toEqual(['gateway'])
    const incident = {
      id: 'inc_1',
      tenant: 't',
      openedAtMs: onsetMs + 30_000,
      services: ['gateway'],
      signals: [
        { kind: 'anomaly' as const, id: 'anom-1', service: 'gateway', summary: 'errors up', startedAtMs: onsetMs, endedAtMs: null },
      ],
    }
    const analysis = await rca.analysis(incident)
    expect(analysis.verdict.cause).toMatchObject({ service: 'payments', kind: 'errors' })
    expect(analysis.causes[0].evidence.map((e) => e.kind)).toEqual(expect.arrayContaining(['anomaly', 'deploy', 'trace']))
    expect(analysis.causes[0].evidence.filter((e) => e.kind === 'template')).toMatchObject([
      {
        statement: `payments: never-seen error "pool exhausted: waited <num>", 40 times from ${new Date(onsetMs).toISOString()} on`,
        numbers: { records: 40, seconds_after_onset: 0 },
        link: expect.stringContaining('/api/v1/logs/patterns?id=ptn-0000000000000005&service=payments') as unknown,
      },
    ])
    expect(JSON.stringify(analysis)).not.toContain('spy')
    expect(await rca.blast(incident)).toMatchObject({
      root: 'payments',
      impacted: [{ service: 'gateway', relation: 'downstream', path: ['payments', 'gateway'] }],
    })
  })
})
