// The daily cap of a token's changes: counted with the change, never passed by one, not spent by what changes nothing.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createBudgets } from '../../api/services/budgets.ts'
import { bearer, NOW, openHarness, type Harness } from './harness.ts'

let api: Harness
beforeAll(async () => {
  api = await openHarness()
})
afterAll(async () => {
  await api.close()
})

const LIMIT = 40
const make = (name: string, more: object = {}) =>
  api.app.inject({
    method: 'POST',
    url: '/api/v1/monitors',
    headers: { ...bearer('capped'), ...more },
    payload: { name, type: 'heartbeat', intervalSec: 60 },
  })
const counted = async (): Promise<number> =>
  (
    await api.store.query<{ mutations: number }>("SELECT mutations FROM token_usage WHERE token_id = 'pat_capped' AND day = '2026-01-31'")
  )[0]?.mutations ?? 0

test('what changes nothing spends nothing: refusals, dry runs, repeats, reads', async () => {
  await make('kept', { 'idempotency-key': 'k' })
  await make('kept', { 'idempotency-key': 'k' })
  expect((await make('kept')).statusCode).toBe(409)
  await api.app.inject({
    method: 'POST',
    url: '/api/v1/monitors?dry_run=true',
    headers: bearer('capped'),
    payload: { name: 'n', type: 'heartbeat', intervalSec: 60 },
  })
  await api.app.inject({ url: '/api/v1/monitors', headers: bearer('capped') })
  expect(await counted()).toBe(1)
})

test('500 writers at once make as many changes as are left, not one more; the others are told when to come back', async () => {
  const replies = await Promise.all(Array.from({ length: 500 }, (_, n) => make(`m${n}`)))
  const byStatus = Map.groupBy(replies, ({ statusCode }) => statusCode)
  expect([byStatus.get(201)?.length, byStatus.get(429)?.length]).toEqual([LIMIT - 1, 500 - LIMIT + 1])
  expect(await api.store.query("SELECT 1 FROM monitors WHERE tenant = 'a'")).toHaveLength(LIMIT)
  expect(await counted()).toBe(LIMIT)
  const [refused] = byStatus.get(429)!
  expect([refused.json(), refused.headers['retry-after']]).toEqual([
    expect.objectContaining({ code: 'PAT_DAILY_LIMIT_EXCEEDED', retry_after_s: 43_200 }),
    String(12 * 3600),
  ])
  // However busy the store is, nobody is refused without being told by which cap.
  for (const { headers } of replies)
    expect([headers['x-pat-mut-limit'], headers['x-pat-mut-reset']]).toEqual([String(LIMIT), String(Date.UTC(2026, 1, 1) / 1000)])
  for (const { headers } of byStatus.get(429)!)
    expect(headers).toMatchObject({ 'x-pat-mut-remaining': '0', ratelimit: expect.stringContaining('"pat-mut";r=0;t=43200') })
}, 120_000)

test('a day is kept for 90 days', async () => {
  await api.store.query(
    "INSERT INTO token_usage (tenant, token_id, day, mutations) VALUES ('a', 'pat_old', '2025-11-01', 1), ('a', 'pat_old', '2025-11-02', 1), ('a', 'pat_old', '2026-01-31', 1)",
  )
  await createBudgets(api.store, () => NOW).sweep()
  expect(
    await api.store.query("SELECT to_char(day, 'YYYY-MM-DD') AS day FROM token_usage WHERE token_id = 'pat_old' ORDER BY day"),
  ).toEqual([{ day: '2025-11-02' }, { day: '2026-01-31' }])
})

test('the next UTC day has a cap of its own', async () => {
  api.nowMs = NOW + 12 * 3_600_000
  expect((await make('tomorrow')).statusCode).toBe(201)
  api.nowMs = NOW
})
