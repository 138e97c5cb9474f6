import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { createMemoryLog, envelopeOf } from './memory-log.ts'
import { createSinkPool, createSinkStore } from './sink.ts'
import { startAndClose, until } from './start.ts'

const T0 = Date.UTC(2026, 10, 25, 12)
const LOG = 'f'.repeat(32)
const start = startAndClose()

const fill = (log: ReturnType<typeof createMemoryLog>, count: number, partition = 0): void => {
  for (let at = 0; at < count; at += 1) log.put(partition, envelopeOf('otlp_logs', T0 + at))
}
const ascending = (count: number): number[] => Array.from({ length: count }, (_, index) => index)

describe('the consumer', () => {
  it('stores every message once and commits behind it', async () => {
    const log = createMemoryLog()
    fill(log, 100)
    const { consumer, store } = start(log, {}, { limits: { maxMessages: 7 } })
    await consumer.idle()
    expect(store.stored('otel_logs')).toHaveLength(100)
    expect([...store.stored('otel_logs')].sort((a, b) => a - b)).toEqual(ascending(100))
    expect([...store.stored('series_partials')].sort((a, b) => a - b)).toEqual(ascending(100))
    expect((await log.state('analytics', 0)).offset).toBe(100)
    expect(consumer.stats()).toMatchObject({ messages: 100, records: 100, logRows: 100, openRanges: 0, inFlightBytes: 0 })
  })

  it('records a range durably before it sends it, at most four at a time', async () => {
    const log = createMemoryLog()
    fill(log, 30)
    const store = createSinkStore()
    const send = store.insert
    store.insert = async (request) => {
      const state = await log.state('analytics', 0)
      const [first, last] = request.token.split(':')[2].split('-').map(Number)
      expect(state.open).toContainEqual({ first, last })
      expect(state.open[0].first).toBe(state.offset)
      await sleep(3)
      return send(request)
    }
    const { consumer } = start(log, { store }, { limits: { maxMessages: 2 } })
    await consumer.idle()
    expect(Math.max(...log.commits.map(({ state }) => state.open.length))).toBe(4)
    expect(store.stored('otel_logs')).toHaveLength(30)
    expect(consumer.stats().retries).toEqual({})
  })

  it('a failed intent sends nothing', async () => {
    const log = createMemoryLog()
    fill(log, 3)
    let failures = 0
    const store = createSinkStore()
    log.beforeCommit = () => {
      expect(store.sends).toEqual([])
      failures += 1
      if (failures <= 3) throw new Error('disk full')
      log.beforeCommit = () => undefined
    }
    const { consumer } = start(log, { store })
    await consumer.idle()
    expect(failures).toBe(4)
    expect(store.stored('otel_logs')).toEqual([0, 1, 2])
  })

  it('a rejected write never advances the commit', async () => {
    const log = createMemoryLog()
    fill(log, 3)
    const store = createSinkStore()
    store.fates.series_partials = Array.from({ length: 1000 }, () => 'rejected' as const)
    const { consumer } = start(log, { store })
    await until(() => store.sends.filter((send) => send.fate === 'rejected').length > 10, 'ten rejected sends')
    expect((await log.state('analytics', 0)).offset).toBe(0)
    store.fates.series_partials = []
    await consumer.idle()
    expect(store.stored('series_partials')).toEqual([0, 1, 2])
    expect(store.stored('otel_logs')).toEqual([0, 1, 2])
  })

  it('commits a contiguous prefix only, whatever is stored first', async () => {
    const log = createMemoryLog()
    fill(log, 6)
    const store = createSinkStore()
    const send = store.insert
    const held = Promise.withResolvers<void>()
    store.insert = async (request) => {
      if (request.token.endsWith(':0-1')) await held.promise
      return send(request)
    }
    const { consumer } = start(log, { store }, { limits: { maxMessages: 2 } })
    await until(() => store.stored('otel_logs').length === 4, 'later ranges stored')
    expect((await log.state('analytics', 0)).offset).toBe(0)
    held.resolve()
    await consumer.idle()
    expect((await log.state('analytics', 0)).offset).toBe(6)
  })

  it('reads no further while the store is away, and goes on when it is back', async () => {
    const log = createMemoryLog()
    fill(log, 100)
    const store = createSinkStore()
    store.isDown = true
    const { consumer } = start(log, { store }, { limits: { maxMessages: 5 } })
    await until(() => consumer.stats().openRanges === 4 && store.sends.length > 20, 'four open ranges')
    expect(log.commits.every(({ state }) => state.offset === 0)).toBe(true)
    expect(await consumer.oldestUncommittedReceivedAtMs()).toBe(T0)
    expect(consumer.caughtUp()).toBe(false)
    store.isDown = false
    await consumer.idle()
    expect([...store.stored('otel_logs')].sort((a, b) => a - b)).toEqual(ascending(100))
  })

  it('holds no more bytes than its budget, but always one range', async () => {
    const log = createMemoryLog(2)
    for (let at = 0; at < 10; at += 1)
      for (const partition of [0, 1]) log.put(partition, envelopeOf('otlp_logs', T0 + at, { expandedBytes: 1_000_000 }))
    const store = createSinkStore()
    const { consumer } = start(log, { store }, { limits: { maxMessages: 1 }, maxInFlightBytes: 2_500_000 })
    const send = store.insert
    let peak = 0
    store.insert = async (request) => {
      peak = Math.max(peak, consumer.stats().inFlightBytes)
      await sleep(1)
      return send(request)
    }
    await consumer.idle()
    expect(peak).toBeGreaterThan(1_000_000)
    expect(peak).toBeLessThanOrEqual(2_500_000)
    const tight = start(createMemoryLog(), {}, { maxInFlightBytes: 1 })
    await tight.consumer.idle()
  })

  it('knows the oldest receive time that is not committed, and when it has caught up', async () => {
    const log = createMemoryLog(2)
    log.put(1, envelopeOf('otlp_logs', T0 + 500))
    const { consumer, store } = start(log)
    expect(await consumer.oldestUncommittedReceivedAtMs()).toBe(T0 + 500)
    await consumer.idle()
    await until(() => consumer.caughtUp(), 'caught up')
    expect(await consumer.oldestUncommittedReceivedAtMs()).toBeNull()
    store.isDown = true
    log.put(0, envelopeOf('otlp_logs', T0 + 900))
    log.put(1, envelopeOf('otlp_logs', T0 + 700))
    await until(() => consumer.stats().openRanges === 2, 'both open')
    expect(await consumer.oldestUncommittedReceivedAtMs()).toBe(T0 + 700)
  })

  it('knows of messages that it has not read yet', async () => {
    const log = createMemoryLog(2)
    const read = log.read
    const late = Promise.withResolvers<void>()
    log.read = async (request) => {
      if (request.partition === 1) await late.promise
      return read(request)
    }
    const { consumer } = start(log)
    log.put(1, envelopeOf('otlp_logs', T0 + 100))
    log.put(0, envelopeOf('otlp_logs', T0 + 200))
    await until(() => consumer.stats().ranges === 1, 'the other partition committed')
    expect(await consumer.oldestUncommittedReceivedAtMs()).toBe(T0 + 100)
    late.resolve()
    await consumer.idle()
    expect(await consumer.oldestUncommittedReceivedAtMs()).toBeNull()
  })

  it('is not idle before its commit was told, though it can be read', async () => {
    const log = createMemoryLog()
    const commit = log.commit
    const told = Promise.withResolvers<void>()
    log.commit = async (group, partition, state) => {
      await commit(group, partition, state)
      if (state.offset === 3) await told.promise
    }
    fill(log, 3)
    const { consumer } = start(log)
    let isIdle = false
    const idle = consumer.idle().then(() => {
      isIdle = true
    })
    await until(() => log.commits.some(({ state }) => state.offset === 3), 'the commit can be read')
    await sleep(50)
    expect([isIdle, consumer.stats().messages]).toEqual([false, 0])
    told.resolve()
    await idle
    expect(consumer.stats()).toMatchObject({ messages: 3, inFlightBytes: 0 })
  })

  it('closing sends and commits what is in hand', async () => {
    const log = createMemoryLog()
    fill(log, 5)
    const read = log.read
    let inHand = 0
    log.read = async (request) => {
      const messages = await read(request)
      inHand += messages.length
      return messages
    }
    const { consumer, store } = start(log, {}, { lingerMs: 60_000 })
    await until(() => inHand === 5, 'messages in hand')
    await consumer.close()
    expect(store.stored('otel_logs')).toEqual([0, 1, 2, 3, 4])
    expect(await log.state('analytics', 0)).toMatchObject({ offset: 5, open: [] })
  })

  it('closing while the store is away ends in time and leaves the range recorded', async () => {
    const log = createMemoryLog()
    fill(log, 5)
    const store = createSinkStore()
    store.isDown = true
    const { consumer } = start(log, { store })
    await until(() => store.sends.length > 2, 'sends')
    await consumer.close()
    expect(await log.state('analytics', 0)).toMatchObject({ offset: 0, open: [{ first: 0, last: 4 }] })
  })
})

describe('replay', () => {
  it('a crash between intent and INSERT replays exactly the recorded ranges', async () => {
    const log = createMemoryLog()
    fill(log, 9)
    await log.commit('analytics', 0, {
      offset: 1,
      open: [
        { first: 1, last: 2 },
        { first: 3, last: 6 },
      ],
      note: '',
    })
    const { consumer, store } = start(log)
    await consumer.idle()
    expect(store.sends.filter((send) => send.table === 'otel_logs').map((send) => send.token)).toEqual([
      `${LOG}:0:1-2`,
      `${LOG}:0:3-6`,
      `${LOG}:0:7-8`,
    ])
    expect(store.stored('otel_logs')).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
  })

  it('keeps recorded ranges recorded while the first of them is replayed', async () => {
    const log = createMemoryLog()
    fill(log, 8)
    await log.commit('analytics', 0, {
      offset: 0,
      open: [
        { first: 0, last: 1 },
        { first: 2, last: 5 },
      ],
      note: '',
    })
    const { consumer } = start(log, {}, { maxInFlightBytes: 1 })
    await consumer.idle()
    const afterFirst = log.commits.find(({ state }) => state.offset === 2)
    expect(afterFirst?.state.open).toContainEqual({ first: 2, last: 5 })
  })

  it('a crash after the INSERT landed doubles nothing', async () => {
    const log = createMemoryLog()
    fill(log, 4)
    const store = createSinkStore()
    let isCrashed = false
    log.beforeCommit = (_, state) => {
      if (isCrashed || state.offset > 0) {
        isCrashed = true
        throw new Error('killed')
      }
    }
    const { consumer } = start(log, { store })
    await until(() => isCrashed, 'first commit after the store')
    await consumer.close()
    expect(store.stored('otel_logs')).toHaveLength(4)
    log.beforeCommit = () => undefined
    log.put(0, envelopeOf('otlp_logs', T0 + 10))
    const again = start(log, { store })
    await again.consumer.idle()
    expect(store.stored('otel_logs')).toEqual([0, 1, 2, 3, 4])
    expect(store.stored('series_partials')).toEqual([0, 1, 2, 3, 4])
  })

  it('an answer lost after the INSERT landed doubles nothing', async () => {
    const log = createMemoryLog()
    fill(log, 4)
    const store = createSinkStore()
    store.fates.otel_logs = ['lost', 'down', 'ok']
    const { consumer } = start(log, { store })
    await consumer.idle()
    expect(store.stored('otel_logs')).toEqual([0, 1, 2, 3])
    expect(new Set(store.sends.filter((send) => send.table === 'otel_logs').map((send) => send.token))).toEqual(new Set([`${LOG}:0:0-3`]))
  })

  it('an INSERT that lands late, beside its retry, lands once', async () => {
    const log = createMemoryLog()
    fill(log, 4)
    const store = createSinkStore()
    store.fates.otel_logs = ['late', 'ok']
    const { consumer } = start(log, { store })
    await consumer.idle()
    expect(store.stored('otel_logs')).toEqual([0, 1, 2, 3])
  })

  it('a duplicate that is absent goes out under the next token, each table for itself', async () => {
    const log = createMemoryLog()
    fill(log, 4)
    const store = createSinkStore()
    store.fates.otel_logs = ['vanished', 'ok', 'vanished', 'ok', 'ok', 'ok']
    const { consumer } = start(log, { store })
    await consumer.idle()
    expect(store.stored('otel_logs')).toEqual([0, 1, 2, 3])
    const token = `${LOG}:0:0-3`
    expect(store.sends.filter((send) => send.table === 'otel_logs').map((send) => send.token)).toEqual([
      token,
      token,
      `${token}:2`,
      token,
      `${token}:2`,
      `${token}:3`,
    ])
    expect(store.sends.filter((send) => send.table === 'series_partials').map((send) => send.token)).toEqual([token])
  })

  it('a range without rows needs no INSERT', async () => {
    const log = createMemoryLog()
    log.put(0, envelopeOf('mark', T0))
    const { consumer, store, pool } = start(log)
    await consumer.idle()
    expect(store.sends).toEqual([])
    expect(pool.inputs).toEqual([])
    expect(consumer.progress()).toEqual([{ partition: 0, markReceivedAtMs: T0 }])
    await consumer.close()
    const again = start(log)
    await until(() => again.consumer.progress()[0].markReceivedAtMs === T0, 'progress kept in the note')
  })
})

describe('poison', () => {
  it('what cannot be decoded is set aside and the rest is stored', async () => {
    const log = createMemoryLog()
    log.put(0, envelopeOf('otlp_logs', T0), 'good')
    log.put(0, envelopeOf('otlp_logs', T0 + 1, { tenant: 'acme' }), 'poison')
    log.put(0, envelopeOf('alertmanager', T0 + 2), 'not json')
    const { consumer, store } = start(log)
    await consumer.idle()
    expect(store.stored('otel_logs')).toEqual([0])
    const rest = { log_id: LOG, log_partition: 0, detail: '', format: 'protobuf', compression: 'identity', envelope: expect.any(String) }
    expect(store.rows('dead_letters')).toEqual([
      {
        ...rest,
        log_offset: '1',
        tenant: 'acme',
        signal: 'otlp_logs',
        reason: 'malformed',
        received_at: ((T0 + 1) / 1000).toFixed(3),
        records: 1,
        body: Buffer.from('poison').toString('base64'),
        body_bytes: 6,
      },
      {
        ...rest,
        log_offset: '2',
        tenant: 'default',
        signal: 'alertmanager',
        reason: 'alerts_malformed',
        received_at: ((T0 + 2) / 1000).toFixed(3),
        records: 0,
        body: Buffer.from('not json').toString('base64'),
        body_bytes: 8,
      },
    ])
    expect(consumer.stats().poison).toEqual({ malformed: 1, alerts_malformed: 1 })
    expect(
      log.aside.map(({ partition, message, reason }) => [partition, message.offset, reason, Buffer.from(message.body).toString()]),
    ).toEqual([
      [0, 1, 'malformed', 'poison'],
      [0, 2, 'alerts_malformed', 'not json'],
    ])
  })

  it('the message that kills its worker is found; the range keeps its token', async () => {
    const log = createMemoryLog()
    for (const body of ['a', 'WORKER_DIED', 'b', 'DECODE_TIMEOUT', 'c']) log.put(0, envelopeOf('otlp_logs', T0), body)
    const { consumer, store } = start(log)
    await consumer.idle()
    expect(store.stored('otel_logs')).toEqual([0, 2, 4])
    expect(store.sends[0].token).toBe(`${LOG}:0:0-4`)
    expect(store.rows('dead_letters').map((row) => [row.log_offset, row.reason])).toEqual([
      ['1', 'worker_died'],
      ['3', 'decode_timeout'],
    ])
  })

  it('a worker that dies once is nobody’s fault', async () => {
    const log = createMemoryLog()
    fill(log, 3)
    const pool = createSinkPool()
    const decode = pool.decode
    let deaths = 2
    const { consumer, store } = start(log, {
      pool: {
        inputs: pool.inputs,
        decode: (input) =>
          deaths-- > 0
            ? decode({ ...input, messages: [{ ...input.messages[0], body: new TextEncoder().encode('WORKER_DIED') }] })
            : decode(input),
      },
    })
    await consumer.idle()
    expect(store.stored('otel_logs')).toEqual([0, 1, 2])
    expect(store.rows('dead_letters')).toEqual([])
  })

  it('messages that fail together but not alone are nobody’s fault: tried again as one block until they pass', async () => {
    const log = createMemoryLog()
    fill(log, 3)
    const pool = createSinkPool()
    const decode = pool.decode
    let failures = 5
    const { consumer, store } = start(log, {
      pool: {
        inputs: pool.inputs,
        decode: (input) =>
          input.messages.length > 1 && failures-- > 0
            ? decode({ ...input, messages: [{ ...input.messages[0], body: new TextEncoder().encode('WORKER_DIED') }] })
            : decode(input),
      },
    })
    await consumer.idle()
    expect(store.stored('otel_logs')).toEqual([0, 1, 2])
    expect(store.rows('dead_letters')).toEqual([])
    expect(store.sends.filter((send) => send.table === 'otel_logs').map((send) => send.token)).toEqual([`${LOG}:0:0-2`])
  })
})
