// The consumer on the real embedded log: intents and commits survive the process that made them.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startConsumer } from '../../analytics/consumer.ts'
import type { Consumer } from '../../analytics/consumer.ts'
import type { EventLog } from '../../streams/contracts/event-log.ts'
import { openEmbeddedLog } from '../../streams/embedded/embedded-log.ts'
import { envelopeOf } from '../analytics/consumer/memory-log.ts'
import { createSinkControlPlane, createSinkPool, createSinkStore } from '../analytics/consumer/sink.ts'
import { until } from '../analytics/consumer/start.ts'

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }
const T0 = Date.now()
let directory: string
let log: EventLog
let consumer: Consumer | null = null

const open = (): Promise<EventLog> =>
  openEmbeddedLog({ directory, partitions: 2, sync: 'os', maxBytes: 64 * 1024 * 1024, maxAgeMs: 3_600_000, groups: ['analytics'] })
const start = (sinks: { store: ReturnType<typeof createSinkStore> }, maxMessages = 50_000): Consumer => {
  consumer = startConsumer(
    { retentionMs: 30 * 86_400_000, lingerMs: 20, limits: { maxMessages }, retryMinMs: 2, retryMaxMs: 10, handOverMs: 100 },
    {
      log,
      pool: createSinkPool(),
      child: createSinkPool(),
      clickhouse: sinks.store,
      controlPlane: createSinkControlPlane(),
      clock: Date.now,
      logger: silent,
    },
  )
  return consumer
}

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lapwing-consumer-'))
  log = await open()
})
afterEach(async () => {
  await consumer?.close()
  await log.close()
  await rm(directory, { recursive: true, force: true })
})

describe('the consumer on the embedded log', () => {
  it('stores what is appended while it runs, in both partitions, and lets the log be trimmed behind it', async () => {
    const store = createSinkStore()
    const running = start({ store }, 40)
    await Promise.all(
      Array.from({ length: 400 }, (_, index) =>
        log.append({ partition: index % 2, envelope: envelopeOf('otlp_logs', T0 + index), body: new Uint8Array(1000) }),
      ),
    )
    await running.idle()
    const stored = store.stored('otel_logs').sort((a, b) => a - b)
    expect(stored).toEqual(Array.from({ length: 400 }, (_, index) => Math.floor(index / 2)))
    expect((await log.lag('analytics')).map(({ committed, end }) => [committed, end])).toEqual([
      [200, 200],
      [200, 200],
    ])
    expect(running.stats()).toMatchObject({ messages: 400, openRanges: 0, inFlightBytes: 0 })
  })

  it('a range whose answer never came is replayed by the next process under its own token, and lands once', async () => {
    const store = createSinkStore()
    store.fates.otel_logs = ['lost']
    for (let at = 0; at < 10; at += 1)
      await log.append({ partition: 0, envelope: envelopeOf('otlp_logs', T0 + at), body: new Uint8Array(10) })
    const send = store.insert
    store.insert = (request) =>
      store.sends.some(({ fate }) => fate === 'lost') && request.table === 'otel_logs' ? Promise.reject(new Error('gone')) : send(request)
    const first = start({ store })
    await until(() => store.stored('otel_logs').length > 0, 'landed')
    await first.close()
    const stateOfCrash = await log.state('analytics', 0)
    expect(stateOfCrash.offset).toBe(0)
    expect(stateOfCrash.open[0].first).toBe(0)
    await log.close()

    store.insert = send
    log = await open()
    await log.append({ partition: 0, envelope: envelopeOf('otlp_logs', T0 + 100), body: new Uint8Array(10) })
    await start({ store }).idle()
    expect(store.stored('otel_logs')).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    expect(store.stored('series_partials')).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    const token = `${log.logId}:0:0-${stateOfCrash.open[0].last}`
    expect(store.sends.filter((one) => one.table === 'otel_logs' && one.token === token).length).toBeGreaterThanOrEqual(2)
    expect(store.sends.every((one) => !one.token.endsWith(':2'))).toBe(true)
  })

  it('a log that closes first ends the consumer without an unhandled error', async () => {
    const store = createSinkStore()
    const running = start({ store })
    await log.append({ partition: 1, envelope: envelopeOf('otlp_logs', T0), body: new Uint8Array(10) })
    await running.idle()
    await log.close()
    await running.close()
    expect(store.stored('otel_logs')).toEqual([0])
    log = await open()
  })
})
