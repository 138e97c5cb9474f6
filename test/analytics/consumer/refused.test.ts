// Rows that the store refuses for ever: the message is found and set aside, the rest of its range is stored once under its
// own token; and a store that refuses everything loses nothing.
import { describe, expect, it } from 'vitest'
import { createMemoryLog, envelopeOf } from './memory-log.ts'
import { createSinkStore } from './sink.ts'
import { startAndClose, until } from './start.ts'

const T0 = Date.UTC(2026, 10, 25, 12)
const LOG = 'f'.repeat(32)
const start = startAndClose()

const logOf = (count: number): ReturnType<typeof createMemoryLog> => {
  const log = createMemoryLog()
  for (let at = 0; at < count; at += 1) log.put(0, envelopeOf('otlp_logs', T0 + at), `message ${at}`)
  return log
}
const isTest = (table: string): boolean => table.endsWith('_check')

describe('a range that the store refuses', () => {
  it('is stored without the messages that are refused alone; they are set aside in the store’s words, before the rest is sent', async () => {
    const log = logOf(9)
    const store = createSinkStore()
    store.refuses = (offset) => offset === 3 || offset === 8
    const send = store.insert
    store.insert = async (request) => {
      const landed = store.stored('otel_logs').length
      await send(request)
      if (store.stored('otel_logs').length > landed) expect(store.rows('dead_letters').map((row) => row.log_offset)).toEqual(['3', '8'])
    }
    const { consumer } = start(log, { store })
    await consumer.idle()
    expect(store.stored('otel_logs')).toEqual([0, 1, 2, 4, 5, 6, 7])
    expect(store.stored('series_partials')).toEqual([0, 1, 2, 4, 5, 6, 7])
    expect(store.rows('dead_letters')).toMatchObject([
      { log_offset: '3', reason: 'store_rejected', detail: 'violated by 3' },
      { log_offset: '8', reason: 'store_rejected' },
    ])
    expect(consumer.stats().poison).toEqual({ store_rejected: 2 })
    const sends = store.sends.filter(({ table }) => table === 'otel_logs')
    expect(new Set(sends.map(({ token }) => token))).toEqual(new Set([`${LOG}:0:0-8`]))
    expect(sends).toHaveLength(4)
    expect(consumer.stats()).toMatchObject({ messages: 9, logRows: 7, openRanges: 0 })
  })

  it('counts nothing in a series that is in no row', async () => {
    const store = createSinkStore()
    store.refuses = (offset, table) => offset === 1 && table.startsWith('otel_logs')
    const { consumer } = start(logOf(3), { store })
    await consumer.idle()
    expect(store.stored('series_partials')).toEqual([0, 2])
  })

  it('is found by halving, not one by one', async () => {
    const store = createSinkStore()
    store.refuses = (offset) => offset === 77
    const { consumer } = start(logOf(100), { store })
    await consumer.idle()
    expect(store.stored('otel_logs')).toHaveLength(99)
    expect(store.sends.filter(({ table }) => isTest(table)).length).toBeLessThan(40)
  })

  it('loses nothing when the store refuses a plain record too: it is tried again until the store takes it', async () => {
    const log = logOf(4)
    const store = createSinkStore()
    store.refuses = () => true
    const { consumer } = start(log, { store })
    await until(() => store.sends.filter(({ table }) => isTest(table)).length > 3, 'asked several times')
    expect((await log.state('analytics', 0)).offset).toBe(0)
    expect(store.rows('dead_letters')).toEqual([])
    expect(consumer.stats().failing).toMatchObject([{ partition: 0, what: 'store', code: 'STORE_REJECTED' }])
    store.refuses = () => false
    await consumer.idle()
    expect(consumer.stats().failing).toEqual([])
    expect(store.stored('otel_logs')).toEqual([0, 1, 2, 3])
    expect(store.rows('dead_letters')).toEqual([])
  })

  it('loses nothing when the messages are refused together and not alone', async () => {
    const log = logOf(4)
    const store = createSinkStore()
    store.refuses = (_, table) => !isTest(table)
    const { consumer } = start(log, { store })
    await until(() => store.sends.filter(({ table }) => isTest(table)).length > 6, 'asked several times')
    expect(store.rows('dead_letters')).toEqual([])
    store.refuses = () => false
    await consumer.idle()
    expect(store.stored('otel_logs')).toEqual([0, 1, 2, 3])
  })

  it('may be refused whole, and the partition goes on', async () => {
    const log = logOf(3)
    const store = createSinkStore()
    store.refuses = (offset) => offset >= 0 && offset < 2
    const { consumer } = start(log, { store }, { limits: { maxMessages: 2 } })
    await consumer.idle()
    expect(store.stored('otel_logs')).toEqual([2])
    expect(store.rows('dead_letters')).toHaveLength(2)
  })

  it('is replayed without what an earlier process set aside, so that its series count what its rows hold', async () => {
    const log = logOf(4)
    const store = createSinkStore()
    store.refuses = (offset, table) => offset === 2 && table.startsWith('otel_logs')
    store.fates.series_partials = Array.from({ length: 10_000 }, () => 'down' as const)
    const first = start(log, { store })
    await until(() => store.stored('otel_logs').length > 0, 'rows stored')
    await first.consumer.close()
    store.fates.series_partials = []
    const second = start(log, { store })
    await second.consumer.idle()
    expect(store.stored('otel_logs')).toEqual([0, 1, 3])
    expect(store.stored('series_partials')).toEqual([0, 1, 3])
    expect(store.rows('dead_letters')).toHaveLength(1)
    expect(second.pool.inputs).toEqual([[0, 1, 3]])
  })

  it('that is present is left as it is, although the store would refuse it now', async () => {
    const log = logOf(4)
    const store = createSinkStore()
    let isCut = false
    log.beforeCommit = (_, state) => {
      if (isCut || state.offset > 0) {
        isCut = true
        throw new Error('killed')
      }
    }
    const first = start(log, { store })
    await until(() => isCut, 'stored and not committed')
    await first.consumer.close()
    log.beforeCommit = () => undefined
    store.refuses = (offset) => offset === 2
    await start(log, { store }).consumer.idle()
    expect(store.stored('otel_logs')).toEqual([0, 1, 2, 3])
    expect(store.rows('dead_letters')).toEqual([])
  })
})
