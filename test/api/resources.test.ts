// Monitors, incidents and lists: strict bodies, cursors that cannot be forged or carried over, and tenants that do not meet.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bearer, NOW, openHarness, type Harness } from './harness.ts'

let api: Harness
beforeAll(async () => {
  api = await openHarness()
})
afterAll(async () => {
  await api.close()
})

const get = (url: string, who = 'owner') => api.app.inject({ url, headers: bearer(who) })
const post = (url: string, payload: object, who = 'owner') => api.app.inject({ method: 'POST', url, headers: bearer(who), payload })
const monitor = { name: 'nightly', type: 'heartbeat', intervalSec: 60 }

const logRow = (index: number) => ({
  timestamp_ns: '1769860800123456789',
  observed_ns: '1769860800123456789',
  SeverityText: 'ERROR',
  SeverityNumber: 17,
  ServiceName: 'cart',
  Body: 'out of stock',
  TraceId: '',
  SpanId: '',
  EventName: '',
  LogAttributes: {},
  ResourceAttributes: { 'host.name': 'h1' },
  log_id: 'f'.repeat(32),
  log_partition: 0,
  log_offset: '7',
  record_index: index,
})

test('a monitor is made, read, kept from its neighbour, pinged by its secret and deleted', async () => {
  const made = await post('/api/v1/monitors', monitor)
  expect(made.statusCode).toBe(201)
  const { id } = made.json<{ id: string }>()
  expect(made.body).not.toMatch(/[0-9a-f]{64}/)
  expect(api.refreshed).toBe(1)
  expect((await post('/api/v1/monitors', monitor)).json()).toMatchObject({ code: 'MONITOR_NAME_DUPLICATE' })
  for (const path of ['', '/secrets']) expect((await get(`/api/v1/monitors/${id}${path}`, 'other')).statusCode).toBe(404)
  const secrets = (await get(`/api/v1/monitors/${id}/secrets`)).json<{ heartbeatToken: string; heartbeatUrl: string }>()
  expect(secrets.heartbeatToken).toMatch(/^[0-9a-f]{64}$/)
  expect(secrets.heartbeatUrl).toBe(`http://127.0.0.1:4318/api/v1/heartbeats/${secrets.heartbeatToken}`)
  const audit = (await get('/api/v1/audit-logs?action=READ_MONITOR_SECRETS')).json<{ auditLogs: { resource: string }[] }>()
  expect(audit.auditLogs.map((row) => row.resource)).toEqual([`monitor:${id}`])
  expect((await api.app.inject({ method: 'DELETE', url: `/api/v1/monitors/${id}`, headers: bearer('owner') })).statusCode).toBe(204)
  expect((await get(`/api/v1/monitors/${id}`)).statusCode).toBe(404)
})

test('monitors are listed by their tags, and tell their checks, uptime and timeline to their own tenant', async () => {
  const made = await post('/api/v1/monitors', { ...monitor, name: 'tagged', tags: ['prod', 'billing'] })
  expect([made.statusCode, made.json<{ tags: string[] }>().tags]).toEqual([201, ['prod', 'billing']])
  const { id } = made.json<{ id: string }>()
  const named = async (query: string) =>
    (await get(`/api/v1/monitors?${query}`)).json<{ monitors: { name: string }[] }>().monitors.map((one) => one.name)
  expect([await named('tag=prod&tag=billing'), await named('tag=prod'), await named('tag=prod&tag=other')]).toEqual([
    ['tagged'],
    ['tagged'],
    [],
  ])
  for (const tags of [[''], ['a', 'a'], 'prod', ['x'.repeat(51)]])
    expect((await post('/api/v1/monitors', { ...monitor, name: 'n', tags })).json()).toMatchObject({ code: 'VALIDATION_FAILED' })

  for (let minute = 1; minute <= 3; minute++)
    await api.store.query("INSERT INTO monitor_checks (tenant, monitor_id, at, ok) VALUES ('a', $1, $2, true)", [
      id,
      new Date(NOW + minute * 60_000).toISOString(),
    ])
  const first = (await get(`/api/v1/monitors/${id}/checks?limit=2`)).json<{
    checks: { at: string; status: string }[]
    nextCursor: string
  }>()
  expect(first.checks).toEqual([
    { at: '2026-01-31T12:03:00.000Z', status: 'up' },
    { at: '2026-01-31T12:02:00.000Z', status: 'up' },
  ])
  expect((await get(`/api/v1/monitors/${id}/checks?limit=2&cursor=${first.nextCursor}`)).json()).toEqual({
    checks: [{ at: '2026-01-31T12:01:00.000Z', status: 'up' }],
  })
  expect((await get(`/api/v1/monitors/${id}/stats`)).json()).toMatchObject({
    monitorId: id,
    misses: 0,
    averageIntervalSec: 60,
    lastHitAt: null,
  })
  expect((await get(`/api/v1/monitors/${id}/timeline?buckets=3`)).json<{ buckets: object[] }>().buckets).toHaveLength(3)
  expect((await get(`/api/v1/monitors/${id}/timeline?from=now-91d`)).json()).toMatchObject({ code: 'BAD_TIME_RANGE' })
  for (const path of ['checks', 'stats', 'timeline'])
    expect((await get(`/api/v1/monitors/${id}/${path}`, 'other')).json()).toMatchObject({ code: 'NOT_FOUND' })
})

test('a monitor is found by its name where its id is taken, in its own tenant only', async () => {
  const { id } = (await post('/api/v1/monitors', { ...monitor, name: 'by name/1' })).json<{ id: string }>()
  expect((await get(`/api/v1/monitors/${encodeURIComponent('by name/1')}`)).json()).toMatchObject({ id })
  expect((await get(`/api/v1/monitors/${encodeURIComponent('by name/1')}`, 'other')).json()).toMatchObject({ code: 'NOT_FOUND' })
  const changed = await api.app.inject({
    method: 'PATCH',
    url: `/api/v1/monitors/${encodeURIComponent('by name/1')}`,
    headers: bearer('owner'),
    payload: { intervalSec: 300 },
  })
  expect(changed.json()).toMatchObject({ id, intervalSec: 300 })
})

test('deleting a monitor that is down ends its miss', async () => {
  const { id } = (await post('/api/v1/monitors', { ...monitor, name: 'down' })).json<{ id: string }>()
  await api.store.query("UPDATE monitors SET status = 'down', miss_id = 'hb-1' WHERE id = $1", [id])
  expect((await api.app.inject({ method: 'DELETE', url: `/api/v1/monitors/${id}`, headers: bearer('owner') })).statusCode).toBe(204)
  expect(api.resolved).toEqual([{ tenant: 'a', kind: 'heartbeat', id: 'hb-1', endedAtMs: NOW }])
})

test('text that no store can hold is refused in ids, queries and bodies', async () => {
  const replies = [
    await get('/api/v1/incidents/%00'),
    await get('/api/v1/audit-logs?action=%00'),
    await post('/api/v1/monitors', { ...monitor, name: 'a\0b' }),
    await post('/api/v1/monitors', { ...monitor, name: '\ud800' }),
  ]
  for (const reply of replies) expect(reply.json()).toMatchObject({ code: 'VALIDATION_FAILED' })
  expect((await get('/api/v1/incidents/%E0%A4%A')).json()).toMatchObject({ code: 'NOT_FOUND' })
})

test('unknown fields, numbers as text and other types of monitor are refused, each by its path', async () => {
  const pathOf = async (payload: object) => {
    const reply = await post('/api/v1/monitors', payload)
    expect(reply.statusCode).toBe(400)
    return reply.json<{ fields: { path: string }[] }>().fields[0].path
  }
  expect(await pathOf({ ...monitor, colour: 'red' })).toBe('colour')
  expect(await pathOf({ ...monitor, intervalSec: '60' })).toBe('intervalSec')
  expect(await pathOf({ ...monitor, intervalSec: 61 })).toBe('intervalSec')
  expect(await pathOf({ name: 'n', type: 'https', url: 'https://example.test', intervalSec: 60 })).toBe('type')
})

test('an incident of another tenant is not found, by any of its paths', async () => {
  await api.store.query(
    "INSERT INTO incidents (id, tenant, number, title, severity, status, opened_at) VALUES ('inc_1', 'a', 1, 't', 'major', 'open', now())",
  )
  for (const path of ['incidents/inc_1', 'incidents/inc_1/analysis', 'context/incident/inc_1/blast']) {
    expect((await get(`/api/v1/${path}`)).statusCode).toBe(200)
    expect((await get(`/api/v1/${path}`, 'other')).json()).toMatchObject({ code: 'NOT_FOUND' })
  }
  expect((await api.app.inject({ method: 'POST', url: '/api/v1/incidents/inc_1/resolve', headers: bearer('other') })).statusCode).toBe(404)
  expect(
    (await api.app.inject({ method: 'POST', url: '/api/v1/incidents/inc_1/acknowledge', headers: bearer('owner') })).json(),
  ).toMatchObject({ status: 'acknowledged' })
})

test('log search pages with a cursor that holds for its filter, its tenant and an hour', async () => {
  api.answer = ({ name }) =>
    name === 'logs.search'
      ? [logRow(2), logRow(1)]
      : api.asked.filter((one) => one.name === 'logs.facets').length > 1
        ? []
        : [{ service: 'cart', severity: 17, records: '1000' }]
  const first = await get('/api/v1/logs/search?q=stock&limit=1')
  const { nextCursor, events } = first.json<{ nextCursor: string; events: { ts: string; level: string; host: string }[] }>()
  expect(events).toHaveLength(1)
  expect(first.json()).toMatchObject({ facets: { service: { cart: 1000 }, level: { error: 1000 } } })
  expect(events[0]).toMatchObject({ ts: '2026-01-31T12:00:00.123456789Z', level: 'error', host: 'h1' })
  const cursor = encodeURIComponent(nextCursor)
  const flipped = encodeURIComponent(`${nextCursor.slice(0, 8)}${nextCursor[8] === 'A' ? 'B' : 'A'}${nextCursor.slice(9)}`)
  expect((await get(`/api/v1/logs/search?q=stock&limit=1&cursor=${flipped}`)).json()).toMatchObject({ code: 'CURSOR_MISMATCH' })
  expect((await get(`/api/v1/logs/search?q=other&limit=1&cursor=${cursor}`)).json()).toMatchObject({ code: 'CURSOR_MISMATCH' })
  expect((await get(`/api/v1/logs/search?q=stock&limit=1&cursor=${cursor}`, 'other')).json()).toMatchObject({ code: 'CURSOR_MISMATCH' })
  const before = api.asked.find((one) => one.name === 'logs.search')!.params
  api.nowMs = NOW + 60_000
  const counted = (): number => api.asked.filter((one) => one.name === 'logs.facets').length
  const countedBefore = counted()
  const second = await get(`/api/v1/logs/search?q=stock&limit=1&cursor=${cursor}`)
  expect([second.statusCode, 'facets' in second.json<object>(), counted()]).toEqual([200, false, countedBefore])
  expect(api.asked.findLast((one) => one.name === 'logs.search')!.params).toMatchObject({
    fromNs: before.fromNs,
    toNs: before.toNs,
    aOffset: '7',
    aIndex: 2,
  })
  api.nowMs = NOW + 3_600_001
  expect((await get(`/api/v1/logs/search?q=stock&limit=1&cursor=${cursor}`)).json()).toMatchObject({ code: 'CURSOR_EXPIRED' })
  api.nowMs = NOW
  api.answer = () => []
})

test('a token is made with caps, which the list shows with its last use; a cap that is no count is refused', async () => {
  await api.store.query("INSERT INTO users (id, email) VALUES ('user_a', 'a@example.test') ON CONFLICT DO NOTHING")
  await api.store.query("INSERT INTO memberships (tenant, user_id, role) VALUES ('a', 'user_a', 'owner') ON CONFLICT DO NOTHING")
  const made = await post('/api/v1/me/tokens', { name: 'capped', dailyMutationLimit: 0, dailyLogBytesLimit: 1e12 })
  expect([made.statusCode, made.json()]).toEqual([
    201,
    expect.objectContaining({ token: expect.stringMatching(/^obs_/), dailyMutationLimit: 0, dailyLogBytesLimit: 1e12, lastUsedAt: null }),
  ])
  const { tokens } = (await get('/api/v1/me/tokens')).json<{ tokens: object[] }>()
  expect(tokens).toContainEqual(
    expect.objectContaining({ name: 'capped', dailyMutationLimit: 0, dailyLogBytesLimit: 1e12, lastUsedAt: null }),
  )
  expect((await post('/api/v1/me/tokens', { name: 'n', dailyMutationLimit: null })).statusCode).toBe(201)
  for (const cap of [-1, 1.5, '5', 2 ** 53])
    expect((await post('/api/v1/me/tokens', { name: 'n', dailyMutationLimit: cap })).json()).toMatchObject({
      fields: [{ path: 'dailyMutationLimit' }],
    })
})

test('every question to ClickHouse carries the tenant of the token, and that somebody waits for it', async () => {
  api.asked.length = 0
  for (const url of ['/api/v1/logs/search', '/api/v1/anomalies']) await get(url, 'other')
  expect(api.asked.length).toBeGreaterThan(2)
  expect(new Set(api.asked.map((one) => one.params.tenant))).toEqual(new Set(['b']))
  // Somebody waits for each of them, and not for ever.
  for (const { name, options } of api.asked) expect([name, options]).toEqual([name, { timeoutMs: expect.any(Number), isAsked: true }])
})

test('a range that ends before it begins, or is no time, is BAD_TIME_RANGE', async () => {
  for (const query of ['from=now&to=now-1h', 'from=yesterday'])
    expect((await get(`/api/v1/logs/search?${query}`)).json()).toMatchObject({ code: 'BAD_TIME_RANGE' })
})

test('the audit trail as CSV names its columns', async () => {
  const reply = await get('/api/v1/audit-logs?format=csv')
  expect(reply.headers['content-type']).toContain('text/csv')
  expect(reply.body.split('\r\n')[0]).toBe(
    'id,createdAt,actorUserId,actorPatId,actorEmail,agentId,conversationId,requestId,action,resource,meta,seq,hash',
  )
})
