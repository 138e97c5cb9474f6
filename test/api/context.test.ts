// One record, one service at a glance, one incident with its reasons, and the one call that says something about it.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bearer, NOW, openHarness, type Harness } from './harness.ts'

let api: Harness
beforeAll(async () => {
  api = await openHarness()
  await api.store.query(
    "INSERT INTO incidents (id, tenant, number, title, severity, status, opened_at) VALUES ('inc_1', 'a', 1, 'checkout fails', 'major', 'open', now())",
  )
  await api.store.query(
    "INSERT INTO incident_signals (tenant, kind, signal_id, incident_id, service, summary, severity, started_at, neighbours) VALUES ('a', 'anomaly', 'anom-1', 'inc_1', 'checkout', 's', 'major', now(), '[]')",
  )
})
afterAll(async () => {
  await api.close()
})

const get = (url: string, who = 'owner') => api.app.inject({ url, headers: bearer(who) })
const patch = (payload: object, who = 'owner') =>
  api.app.inject({ method: 'PATCH', url: '/api/v1/incidents/inc_1', headers: bearer(who), payload })
const idOf = (text: string): string => Buffer.from(text).toString('base64url')
const row = {
  timestamp_ns: '1769860800123456789',
  observed_ns: '1769860800123456789',
  SeverityText: 'ERROR',
  SeverityNumber: 17,
  ServiceName: 'cart',
  Body: '0123456789',
  TraceId: '',
  SpanId: '',
  EventName: '',
  LogAttributes: { k: 'v' },
  ResourceAttributes: {},
  log_id: 'f'.repeat(32),
  log_partition: 3,
  log_offset: '7',
  record_index: 2,
}

test('a log record is asked for by its place and its tenant, and read in parts', async () => {
  api.answer = ({ name }) => (name === 'logs.by_position' ? [row] : [])
  const id = idOf(`${'f'.repeat(32)}:3:7:2`)
  expect((await get(`/api/v1/logs/${id}`)).json()).toMatchObject({ id, message: '0123456789', messageLength: 10, attrs: { k: 'v' } })
  expect(api.asked.at(-1)?.params).toEqual({ tenant: 'a', logId: 'f'.repeat(32), partition: 3, offset: '7', index: 2 })
  expect((await get(`/api/v1/logs/${id}?offset=4&length=3`)).json()).toMatchObject({ message: '456', messageLength: 10 })
  api.answer = () => []
  for (const other of [id, 'nonsense', idOf('x:70000:1:1'), idOf("x:1:1:1' OR 1"), idOf(`x:1:${2n ** 64n}:1`)])
    expect((await get(`/api/v1/logs/${other}`)).json()).toMatchObject({ code: 'NOT_FOUND' })
})

test('a service is shown with its rates beside those before, its anomalies and its open incidents', async () => {
  api.answer = ({ name }) =>
    name === 'series.service_rates'
      ? [
          { metric: 'log.rate', count: '600', total: 600, count_before: '60', total_before: 60 },
          { metric: 'attr.duration', count: '2', total: 30, count_before: '0', total_before: 0 },
        ]
      : []
  const context = (await get('/api/v1/context/service/checkout')).json()
  expect(context).toMatchObject({
    service: 'checkout',
    range: { from: new Date(NOW - 3_600_000).toISOString(), to: new Date(NOW).toISOString() },
    anomalies: [],
    anomaliesTruncated: false,
    neighbours: [],
    rates: [
      { metric: 'log.rate', perMinute: 10, perMinuteBefore: 1, mean: null },
      { metric: 'attr.duration', mean: 15, meanBefore: null },
    ],
    openIncidents: [{ id: 'inc_1', number: 1, title: 'checkout fails' }],
  })
  expect(api.asked.find(({ name }) => name === 'series.service_rates')?.params).toEqual({
    tenant: 'a',
    service: 'checkout',
    before: NOW / 1000 - 7200,
    from: NOW / 1000 - 3600,
    to: NOW / 1000,
  })
  expect(context).not.toHaveProperty('emptyReason')
  api.answer = () => []
  expect((await get('/api/v1/context/service/cart')).json()).toMatchObject({ openIncidents: [], emptyReason: 'no_data_in_range' })
  expect((await get('/api/v1/context/service/checkout?from=now-8d')).json()).toMatchObject({ code: 'BAD_TIME_RANGE' })
  expect((await get('/api/v1/context/service/checkout', 'other')).json()).toMatchObject({ openIncidents: [] })
})

test('an incident comes with its analysis and its blast radius when they are asked for, and by whom may see them', async () => {
  expect((await get('/api/v1/incidents/inc_1')).json()).not.toHaveProperty('analysis')
  expect((await get('/api/v1/incidents/inc_1?include=analysis&include=blast')).json()).toMatchObject({
    id: 'inc_1',
    analysis: { incidentId: 'inc_1' },
    blast: { incidentId: 'inc_1' },
  })
  expect((await get('/api/v1/incidents/inc_1?include=analysis', 'responder')).json()).toMatchObject({ analysis: { incidentId: 'inc_1' } })
  expect((await get('/api/v1/incidents/inc_1?include=blast', 'responder')).json()).toMatchObject({
    code: 'PAT_SCOPE_INSUFFICIENT',
    required_scopes: ['context:read'],
  })
  expect((await get('/api/v1/incidents/inc_1?include=blast', 'other')).json()).toMatchObject({ code: 'NOT_FOUND' })
})

test('an incident is drawn as a picture for whoever may see what it reaches, of its own tenant', async () => {
  const { links } = (await get('/api/v1/incidents/inc_1')).json()
  const picture = await get(links.graph)
  expect([
    picture.statusCode,
    picture.headers['content-type'],
    picture.headers['content-security-policy'],
    picture.headers['cache-control'],
  ]).toEqual([200, 'image/svg+xml; charset=utf-8', "default-src 'none'; style-src 'unsafe-inline'", 'no-store'])
  expect(picture.body).toMatch(/^<svg xmlns[^]*#1 checkout fails[^]*<\/svg>$/)
  expect((await get(links.graph, 'other')).json()).toMatchObject({ code: 'NOT_FOUND' })
  expect((await get(links.graph, 'responder')).json()).toMatchObject({ code: 'PAT_SCOPE_INSUFFICIENT', required_scopes: ['context:read'] })
  expect((await get('/api/v1/incidents/inc_none/graph.svg')).json()).toMatchObject({ code: 'NOT_FOUND' })
})

test('an incident is commented on, acknowledged and resolved by one call each, with a note, and audited', async () => {
  const said = async (payload: object) => (await patch(payload)).json<{ status: string; updates: { status?: string; body: string }[] }>()
  expect((await patch({ action: 'comment' })).json()).toMatchObject({ code: 'VALIDATION_FAILED', fields: [{ path: 'body' }] })
  expect(await said({ action: 'comment', body: 'looking' })).toMatchObject({ status: 'open', updates: [{ body: 'looking' }] })
  expect((await said({ action: 'acknowledge', body: 'mine' })).updates.at(-1)).toMatchObject({ status: 'acknowledged', body: 'mine' })
  expect((await said({ action: 'acknowledge' })).updates).toHaveLength(2)
  expect((await said({ action: 'acknowledge', body: 'still mine' })).updates.at(-1)).toMatchObject({ body: 'still mine' })
  expect(await said({ action: 'resolve' })).toMatchObject({ status: 'resolved' })
  expect((await patch({ action: 'resolve' }, 'viewer')).json()).toMatchObject({ code: 'ROLE_INSUFFICIENT' })
  const audit = (await get('/api/v1/audit-logs')).json<{ auditLogs: { action: string }[] }>().auditLogs.map((one) => one.action)
  expect(audit).toEqual(['RESOLVE_INCIDENT', 'UPDATE_INCIDENT', 'ACKNOWLEDGE_INCIDENT', 'UPDATE_INCIDENT'])
})
