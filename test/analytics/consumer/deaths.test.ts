// Deaths of a process with a range at work: counted durably before the work, not by a clean end, and after three the range is
// decoded with care.
import { describe, expect, it } from 'vitest'
import { NO_PROGRESS } from '../../../analytics/marks.ts'
import { decodeNote, encodeNote } from '../../../analytics/note.ts'
import { TransientError } from '../../../streams/contracts/errors.ts'
import { createMemoryLog, envelopeOf, type MemoryLog } from './memory-log.ts'
import { createSinkPool, createSinkStore, type SinkPool } from './sink.ts'
import { startAndClose, until } from './start.ts'

const T0 = Date.UTC(2026, 10, 25, 12)
const start = startAndClose()

/** A log whose open ranges [0,1] and [2,3] processes have died of as often as told. */
const leftBehind = async (deaths: number[], isClosed = false, bodies = ['a', 'b', 'c', 'd']): Promise<MemoryLog> => {
  const log = createMemoryLog()
  for (const body of bodies) log.put(0, envelopeOf('otlp_logs', T0), body)
  await log.commit('analytics', 0, {
    offset: 0,
    open: [
      { first: 0, last: 1 },
      { first: 2, last: 3 },
    ],
    note: encodeNote({ progress: NO_PROGRESS, deaths, isClosed }),
  })
  return log
}
const deathsOf = async (log: MemoryLog): Promise<readonly number[]> => decodeNote((await log.state('analytics', 0)).note).deaths

describe('a range that processes died of', () => {
  it('is decoded one message at a time in the child from the third death on, each range by its own count', async () => {
    const log = await leftBehind([2, 1])
    const { consumer, store, pool, child } = start(log)
    await consumer.idle()
    expect(child.inputs).toEqual([[0], [1], [0, 1]])
    expect(pool.inputs).toEqual([[2, 3]])
    expect([...store.stored('otel_logs')].sort()).toEqual([0, 1, 2, 3])
    expect(
      store.sends
        .filter((send) => send.table === 'otel_logs')
        .map((send) => send.token.split(':')[2])
        .sort(),
    ).toEqual(['0-1', '2-3'])
  })

  it('loses only the message that ends the child twice', async () => {
    const log = await leftBehind([2, 2], false, ['a', 'CHILD_DIED', 'c', 'once'])
    const sink = createSinkPool()
    let isKilledOnce = false
    const child: SinkPool = {
      inputs: sink.inputs,
      decode: (input) => {
        if (input.messages[0].offset !== 3 || isKilledOnce) return sink.decode(input)
        isKilledOnce = true
        return Promise.reject(new TransientError('CHILD_DIED', 'ended by something else'))
      },
    }
    const { consumer, store, pool } = start(log, { child })
    await consumer.idle()
    expect(store.rows('dead_letters')).toMatchObject([{ log_offset: '1', reason: 'killed_process' }])
    expect([...store.stored('otel_logs')].sort()).toEqual([0, 2, 3])
    expect([isKilledOnce, pool.inputs]).toEqual([true, []])
  })

  it('has its alerts read in the child first', async () => {
    const log = createMemoryLog()
    for (const signal of ['alertmanager', 'otlp_logs', 'prometheus_alerts'] as const)
      log.put(0, envelopeOf(signal, T0), signal === 'alertmanager' ? 'CHILD_DIED' : '[]')
    await log.commit('analytics', 0, {
      offset: 0,
      open: [{ first: 0, last: 2 }],
      note: encodeNote({ progress: NO_PROGRESS, deaths: [2], isClosed: false }),
    })
    const { consumer, store, child } = start(log)
    await consumer.idle()
    expect(child.inputs).toEqual([[0], [0], [1], [2], [1, 2]])
    expect(store.rows('dead_letters')).toMatchObject([{ log_offset: '0', reason: 'killed_process' }])
  })

  it('is counted durably before anything of it is decoded', async () => {
    const log = await leftBehind([2, 0])
    const sink = createSinkPool()
    const seen: (readonly number[])[] = []
    const watching: SinkPool = {
      inputs: sink.inputs,
      decode: async (input) => {
        seen.push(await deathsOf(log))
        return sink.decode(input)
      },
    }
    const { consumer } = start(log, { pool: watching, child: watching })
    await consumer.idle()
    expect(seen[0]).toEqual([3, 1])
    expect((await log.state('analytics', 0)).note).toBe('')
  })

  it('is not held against a range that a clean end left open, however often', async () => {
    const log = createMemoryLog()
    log.put(0, envelopeOf('otlp_logs', T0), 'a')
    const store = createSinkStore()
    store.fates.otel_logs = Array.from({ length: 10_000 }, () => 'down' as const)
    for (let round = 0; round < 4; round += 1) {
      const { consumer } = start(log, { store })
      const before = store.sends.length
      await until(() => store.sends.length > before, 'a send')
      await consumer.close()
      expect(await log.state('analytics', 0)).toMatchObject({ offset: 0, open: [{ first: 0, last: 0 }] })
      expect(await deathsOf(log)).toEqual([0])
    }
    store.fates.otel_logs = []
    const { consumer, child } = start(log, { store })
    await consumer.idle()
    expect(child.inputs).toEqual([])
  })

  it('keeps its count over a clean end', async () => {
    const log = await leftBehind([2, 2], true)
    const { consumer, child } = start(log)
    await consumer.idle()
    expect(child.inputs).toEqual([])
    const again = await leftBehind([3, 0], true)
    const second = start(again)
    await second.consumer.idle()
    expect(second.child.inputs[0]).toEqual([0])
  })

  it('cut off without a clean end counts one death each time', async () => {
    const log = createMemoryLog()
    log.put(0, envelopeOf('otlp_logs', T0), 'a')
    const store = createSinkStore()
    store.fates.otel_logs = Array.from({ length: 10_000 }, () => 'down' as const)
    for (const deaths of [[], [1], [2], [3]]) {
      const { consumer, pool, child } = start(log, { store })
      const before = store.sends.length
      await until(() => store.sends.length > before, 'a send')
      expect(await deathsOf(log)).toEqual(deaths)
      expect([pool.inputs.length > 0, child.inputs.length > 0]).toEqual([deaths[0] !== 3, deaths[0] === 3])
      log.beforeCommit = () => {
        throw new Error('killed')
      }
      await consumer.close()
      log.beforeCommit = () => undefined
    }
  })
})
