// Two consumers of one group: a partition that moves from one to the other, in order or by force, is stored once and goes on.
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { createMemoryLog, envelopeOf } from './memory-log.ts'
import { createSinkControlPlane, createSinkStore } from './sink.ts'
import { startAndClose, until } from './start.ts'

const T0 = Date.UTC(2026, 10, 25, 12)
const start = startAndClose()
const fill = (log: ReturnType<typeof createMemoryLog>, count: number, partition = 0): void => {
  for (let at = 0; at < count; at += 1) log.put(partition, envelopeOf('otlp_logs', T0 + at))
}
const ascending = (count: number): number[] => Array.from({ length: count }, (_, index) => index)

it('handed over in order, what is in hand is committed before the next member begins', async () => {
  const log = createMemoryLog()
  const store = createSinkStore()
  const send = store.insert
  store.insert = async (request) => {
    await sleep(30)
    return await send(request)
  }
  const [first, second] = [start(log, { store }, { limits: { maxMessages: 4 }, handOverMs: 3000 }), start(log, { store })]
  fill(log, 20)
  await until(() => first.consumer.stats().openRanges > 1, 'ranges are at work')
  await log.move(0, 1)
  const handed = await log.state('analytics', 0)
  expect(handed.open).toEqual([])
  expect(first.consumer.stats()).toMatchObject({ assignedPartitions: 0, openRanges: 0, inFlightBytes: 0 })
  await second.consumer.idle()
  expect(store.stored('otel_logs').sort((a, b) => a - b)).toEqual(ascending(20))
  expect(new Set(store.sends.map(({ token }) => token)).size).toBe(store.sends.length / 2)
})

it('a member that is fenced records nothing, begins nothing, tells nobody and gives its memory back', async () => {
  const log = createMemoryLog()
  const store = createSinkStore()
  const plane = createSinkControlPlane()
  const held = Promise.withResolvers<void>()
  const send = store.insert
  let isHeld = true
  store.insert = async (request) => {
    if (isHeld) await held.promise
    return await send(request)
  }
  const first = start(log, { store, plane }, { limits: { maxMessages: 4 } })
  const second = start(log, { store })
  fill(log, 12)
  log.put(0, envelopeOf('mark', T0 + 100))
  await until(() => first.consumer.stats().openRanges > 1, 'ranges are at work')
  const before = await log.state('analytics', 0)
  isHeld = false
  await log.move(0, 1, 'by force')
  await second.consumer.idle()
  const commits = log.commits.length
  // It goes on as if nothing had happened: its INSERTs land late, under the tokens that landed already.
  held.resolve()
  fill(log, 3)
  await until(() => first.consumer.stats().assignedPartitions === 0, 'it has noticed')
  await second.consumer.idle()
  expect(before.open.length).toBeGreaterThan(1)
  expect(store.stored('otel_logs').sort((a, b) => a - b)).toEqual([...ascending(12), 13, 14, 15])
  expect(log.commits.slice(commits).every(({ state }) => state.offset >= 13)).toBe(true)
  expect(first.consumer.stats()).toMatchObject({ ranges: 0, messages: 0, openRanges: 0, inFlightBytes: 0 })
  expect(plane.opens).toEqual([])
})

it('a partition that comes back is taken up where the other left it', async () => {
  const log = createMemoryLog(2)
  const store = createSinkStore()
  const [first, second] = [start(log, { store }), start(log, { store })]
  fill(log, 5)
  await first.consumer.idle()
  await log.move(0, 1)
  fill(log, 5)
  await second.consumer.idle()
  await log.move(0, 0)
  fill(log, 5)
  await first.consumer.idle()
  expect(store.stored('otel_logs').sort((a, b) => a - b)).toEqual(ascending(15))
  expect([first.consumer.stats().messages, second.consumer.stats().messages]).toEqual([10, 5])
})

it('progress is that of all partitions, whoever has them', async () => {
  const log = createMemoryLog(2)
  const [first, second] = [start(log), start(log)]
  await log.move(1, 1)
  log.put(1, envelopeOf('mark', T0 + 10_000))
  await second.consumer.idle()
  log.put(0, envelopeOf('mark', T0 + 5000))
  await first.consumer.idle()
  expect(first.consumer.progress()).toEqual([
    { partition: 0, markReceivedAtMs: T0 + 5000 },
    { partition: 1, markReceivedAtMs: T0 + 10_000 },
  ])
})
