// Maintenance windows over the API: planned, listed by state, ended with an undo that plans the rest.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createControlPlane } from '../../api/services/control-plane.ts'
import { bearer, NOW, openHarness, type Harness } from './harness.ts'

const PATH = '/api/v1/maintenance-windows'
const HOUR = 3_600_000
const iso = (ms: number): string => new Date(ms).toISOString()
let api: Harness
beforeAll(async () => {
  api = await openHarness()
})
afterAll(async () => {
  await api.close()
})
type Method = 'GET' | 'POST' | 'DELETE'
const call = async (method: Method, url: string, payload?: object, who = 'owner') => {
  const reply = await api.app.inject({ method, url, headers: bearer(who), ...(payload === undefined ? {} : { payload }) })
  return { status: reply.statusCode, said: reply.json() }
}

test('a window is planned, seen by its tenant alone, and ended; its undo plans the time that was left', async () => {
  const body = { services: ['cart'], reason: 'database upgrade', endsAt: iso(NOW + 2 * HOUR) }
  const { status, said } = await call('POST', PATH, body)
  expect([status, said]).toEqual([
    201,
    expect.objectContaining({
      ...body,
      startsAt: iso(NOW),
      endedAt: body.endsAt,
      status: 'active',
      createdBy: 'a@example.test',
      undo: { possible: true, method: 'DELETE', path: `${PATH}/${said.id}` },
    }),
  ])
  expect((await call('GET', `${PATH}?status=active`)).said.maintenanceWindows).toMatchObject([{ id: said.id }])
  expect((await call('GET', `${PATH}?status=over`)).said.maintenanceWindows).toEqual([])
  expect((await call('GET', PATH, undefined, 'other')).said.maintenanceWindows).toEqual([])
  expect((await call('GET', `${PATH}/${said.id}`)).said).toMatchObject({ id: said.id, muted: [] })
  for (const method of ['GET', 'DELETE'] as const)
    expect((await call(method, `${PATH}/${said.id}`, undefined, 'other')).said).toMatchObject({ code: 'NOT_FOUND' })
  expect((await call('DELETE', `${PATH}/${said.id}?dry_run=true`)).said).toMatchObject({
    dryRun: true,
    changes: [{ action: 'END_MAINTENANCE' }],
  })
  api.nowMs = NOW + HOUR
  const ended = (await call('DELETE', `${PATH}/${said.id}`)).said
  expect(ended).toMatchObject({
    status: 'over',
    endedAt: iso(NOW + HOUR),
    undo: { possible: true, method: 'POST', path: PATH, body: { ...body, startsAt: iso(NOW + HOUR) } },
  })
  expect((await call('POST', PATH, ended.undo.body)).said).toMatchObject({
    status: 'active',
    startsAt: iso(NOW + HOUR),
    endsAt: body.endsAt,
  })
  expect((await call('DELETE', `${PATH}/${said.id}`)).said).toMatchObject({ endedAt: iso(NOW + HOUR), undo: { possible: false } })
  api.nowMs = NOW
})

test('one that has not begun is cancelled', async () => {
  const { said } = await call('POST', PATH, { startsAt: iso(NOW + HOUR), endsAt: iso(NOW + 2 * HOUR) })
  expect(said).toMatchObject({ status: 'scheduled', services: [] })
  expect((await call('DELETE', `${PATH}/${said.id}`)).said).toMatchObject({
    status: 'cancelled',
    undo: { body: { startsAt: iso(NOW + HOUR) } },
  })
})

test('times that make no window are refused at their field', async () => {
  for (const [body, path] of [
    [{ endsAt: 'tomorrow' }, 'endsAt'],
    [{ endsAt: iso(NOW - 1) }, 'endsAt'],
    [{ startsAt: iso(NOW + HOUR), endsAt: iso(NOW + HOUR) }, 'endsAt'],
    [{ startsAt: '2031-01-01', endsAt: iso(NOW + HOUR) }, 'startsAt'],
    [{ endsAt: iso(NOW + 31 * 86_400_000) }, 'endsAt'],
    [{}, 'endsAt'],
  ] as const)
    expect([body, (await call('POST', PATH, body)).said]).toMatchObject([body, { code: 'VALIDATION_FAILED', fields: [{ path }] }])
  expect((await call('POST', PATH, { endsAt: iso(NOW + HOUR) }, 'viewer')).said).toMatchObject({ code: 'ROLE_INSUFFICIENT' })
})

test('an anomaly that a window keeps back says so, until it outlasts the window and has its incident', async () => {
  // A window of another test would take it over.
  await api.store.query('DELETE FROM maintenance_windows')
  let nowMs = NOW
  const plane = createControlPlane(api.store, { cooldownMs: 0, clock: () => nowMs })
  const { said } = await call('POST', PATH, { endsAt: iso(NOW + HOUR) })
  for (const id of ['anom-1', 'anom-3'])
    await plane.opened({
      tenant: 'a',
      kind: 'anomaly',
      id,
      service: 'cart',
      summary: 's',
      severity: 'major',
      startedAtMs: NOW,
      neighbours: [],
    })
  const row = {
    kind: 'anomaly',
    service_id: 'cart',
    metric_name: 'log.rate',
    anomaly_score: 1,
    z_score: 1,
    detected_at_ms: '1',
    started_at_ms: '1',
    resolved_at_ms: '0',
    resolved: 0,
    rca_triggered: 1,
    observed: 1,
    expected: 1,
    lower: 1,
    upper: 1,
    history: 1,
    signal: '',
    direction: 1,
    summary: '',
  }
  api.answer = ({ name }) =>
    name === 'anomalies.list' ? ['anom-1', 'anom-2', 'anom-3'].map((anomaly_id) => ({ ...row, anomaly_id })) : [{ total: '3' }]
  const shown = async () => (await call('GET', '/api/v1/anomalies')).said.anomalies
  const other = { anomaly_id: 'anom-2', muted: false, maintenance_window_id: null, group_id: null }
  const keptBack = { muted: true, maintenance_window_id: said.id, group_id: null }
  expect(await shown()).toMatchObject([{ anomaly_id: 'anom-1', ...keptBack }, other, { anomaly_id: 'anom-3', ...keptBack }])
  await plane.resolved({ tenant: 'a', kind: 'anomaly', id: 'anom-3', endedAtMs: NOW + 1 })
  nowMs = NOW + HOUR
  expect(await plane.openAfterMaintenance()).toBe(1)
  expect(await shown()).toMatchObject([
    { anomaly_id: 'anom-1', muted: false, maintenance_window_id: said.id, group_id: expect.stringMatching(/^inc/) },
    other,
    { anomaly_id: 'anom-3', ...keptBack },
  ])
})
