// A consumer on sinks, with waits short enough for tests.
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach } from 'vitest'
import type { Consumer, ConsumerConfig } from '../../../analytics/consumer.ts'
import { startConsumer } from '../../../analytics/consumer.ts'
import type { AlertReader, ReadAlert } from '../../../analytics/signals.ts'
import type { MemoryLog } from './memory-log.ts'
import type { SinkControlPlane, SinkPool, SinkStore } from './sink.ts'
import { createSinkControlPlane, createSinkPool, createSinkStore } from './sink.ts'

/** Bodies of alert messages in these tests are JSON arrays of what the reader yields. */
export const readJsonAlerts: AlertReader = async (message) => {
  try {
    return { ok: true, alerts: JSON.parse(new TextDecoder().decode(message.body)) as ReadAlert[] }
  } catch {
    return { ok: false, reason: 'alerts_malformed' }
  }
}

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }

export const startOnSinks = (
  log: MemoryLog,
  sinks: { store?: SinkStore; pool?: SinkPool; child?: SinkPool; plane?: SinkControlPlane } = {},
  config: Partial<ConsumerConfig> = {},
) => {
  const store = sinks.store ?? createSinkStore()
  const pool = sinks.pool ?? createSinkPool()
  const child = sinks.child ?? createSinkPool()
  const plane = sinks.plane ?? createSinkControlPlane()
  const consumer = startConsumer(
    { retentionMs: 30 * 86_400_000, lingerMs: 5, retryMinMs: 1, retryMaxMs: 5, handOverMs: 100, ...config },
    { log, pool, child, clickhouse: store, controlPlane: plane, clock: Date.now, logger: silent, readAlerts: readJsonAlerts },
  )
  return { consumer, store, pool, child, plane }
}

/** For a file of tests: what each of them started is closed behind it. */
export const startAndClose = (): typeof startOnSinks => {
  const opened: Consumer[] = []
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((consumer) => consumer.close()))
  })
  return (...args) => {
    const started = startOnSinks(...args)
    opened.push(started.consumer)
    return started
  }
}

export const until = async (holds: () => boolean, what: string): Promise<void> => {
  for (const deadline = Date.now() + 3000; !holds();) {
    if (Date.now() > deadline) throw new Error(`not in time: ${what}`)
    await sleep(2)
  }
}
