// Ranges are cut to whole minutes, and what does not overlap before does not overlap then.
import { afterAll, beforeAll, expect, it } from 'vitest'
import { bearer, openHarness, type Harness } from '../harness.ts'

let api: Harness
beforeAll(async () => {
  api = await openHarness()
})
afterAll(async () => {
  await api.close()
})
const DAY = '2026-01-31T'
const ask = async (times: Record<string, string>) => {
  const query = Object.entries(times)
    .map(([name, time]) => `${name}=${DAY}${time}Z`)
    .join('&')
  return (await api.app.inject({ url: `/api/v1/logs/patterns?${query}`, headers: bearer('owner') })).json()
}
const clock = ({ from, to }: { from: string; to: string }): string => `${from.slice(11, 16)} ${to.slice(11, 16)}`

it.each([
  ['ends where the range begins', { baseline_to: '02:30:30' }, '02:14 02:30'],
  ['has a beginning too', { baseline_from: '01:00:10', baseline_to: '02:30:30' }, '01:00 02:30'],
  ['ends in the minute in which the range begins', { baseline_to: '02:30:10' }, '02:14 02:30'],
  ['lies within that minute', { baseline_from: '02:30:05', baseline_to: '02:30:10' }, '02:29 02:30'],
  ['begins in it and has no end', { baseline_from: '02:30:05' }, '02:29 02:30'],
  ['begins where the range ends', { baseline_from: '02:45:15', baseline_to: '03:00:00' }, '02:46 03:00'],
  ['lies within the minute in which it ends', { baseline_from: '02:45:15', baseline_to: '02:45:50' }, '02:46 02:47'],
  ['is apart from it', { baseline_from: '01:00:10', baseline_to: '01:10:10' }, '01:00 01:11'],
])('a baseline that %s is taken', async (_, times, baseline) => {
  const said = await ask({ from: '02:30:30', to: '02:45:15', ...times })
  expect([said.code, said.range && clock(said.range), said.baseline && clock(said.baseline)]).toEqual([undefined, '02:30 02:46', baseline])
})

it.each([
  [{ baseline_to: '02:30:31' }, 'overlap'],
  [{ baseline_from: '02:45:14', baseline_to: '03:00:00' }, 'overlap'],
  [{ baseline_from: '02:10:11', baseline_to: '02:10:10' }, 'order'],
])('a baseline that does overlap, or ends before it begins, is refused: %j', async (times, code) => {
  expect(await ask({ from: '02:30:30', to: '02:45:15', ...times })).toMatchObject({ code: 'BAD_TIME_RANGE', fields: [{ code }] })
})
