// A log with holes in its offsets (what retention has dropped, what is not ours): ranges follow each other without one, and nothing stops.
import { expect, it } from 'vitest'
import { assertState } from '../../../streams/group-state.ts'
import { createMemoryLog, envelopeOf, type MemoryLog } from './memory-log.ts'
import { startAndClose } from './start.ts'

const T0 = Date.UTC(2026, 10, 25, 12)
const start = startAndClose()
const createHoledLog = (count: number, gone: readonly number[]): MemoryLog => {
  const log = createMemoryLog()
  for (let at = 0; at < count; at += 1) log.put(0, envelopeOf('otlp_logs', T0 + at))
  const { read } = log
  log.read = async (request) =>
    (await read({ ...request, maxMessages: request.maxMessages + gone.length })).filter(({ offset }) => !gone.includes(offset))
  return log
}
const ascending = (numbers: readonly number[]): number[] => numbers.toSorted((a, b) => a - b)

it('a hole belongs to the range behind it: what is recorded is contiguous, and all that is there is stored', async () => {
  const log = createHoledLog(12, [0, 1, 2, 5, 8, 9])
  const { consumer, store } = start(log, {}, { limits: { maxMessages: 2 } })
  await consumer.idle()
  expect(ascending(store.stored('otel_logs'))).toEqual([3, 4, 6, 7, 10, 11])
  for (const { state } of log.commits) assertState(state)
  expect(log.commits.flatMap(({ state }) => state.open).some(({ first, last }) => first === 0 && last === 4)).toBe(true)
  expect(await log.state('analytics', 0)).toMatchObject({ offset: 12, open: [] })
})

it('a recorded range that is gone in part is stored as far as it is there, and one that is gone whole is passed over', async () => {
  const log = createHoledLog(10, [0, 1, 2, 3])
  await log.commit('analytics', 0, {
    offset: 0,
    open: [
      { first: 0, last: 2 },
      { first: 3, last: 5 },
    ],
    note: '',
  })
  const { consumer, store } = start(log)
  await consumer.idle()
  expect(ascending(store.stored('otel_logs'))).toEqual([4, 5, 6, 7, 8, 9])
  expect(store.sends.map(({ token }) => token.split(':')[2])).toContain('3-5')
  for (const { state } of log.commits) assertState(state)
  expect(await log.state('analytics', 0)).toMatchObject({ offset: 10, open: [] })
})
