// What fixed an incident is kept, within the tenant, by the webhook and by postmortems, with what the incident is known by.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createIncidents } from '../../api/services/incidents.ts'
import { bearer, openHarness, type Harness } from './harness.ts'

let api: Harness
beforeAll(async () => {
  api = await openHarness()
  api.answer = ({ name }) => (name === 'rca.error_templates' ? [{ template: 'timeout after # ms', records: '9' }] : [])
  for (const [id, number, tenant, service] of [
    ['inc_1', 1, 'a', 'payments'],
    ['inc_2', 2, 'a', 'payments'],
    ['inc_3', 1, 'b', 'payments'],
  ] as const) {
    await api.store.query(
      "INSERT INTO incidents (id, tenant, number, title, severity, status, opened_at) VALUES ($1, $2, $3, 't', 'major', 'open', now())",
      [id, tenant, number],
    )
    await api.store.query(
      "INSERT INTO incident_signals (tenant, kind, signal_id, incident_id, service, summary, severity, started_at, neighbours) VALUES ($1, 'anomaly', $2, $3, $4, $5, 'major', now(), '[]')",
      [tenant, `anom-${id}`, id, service, `${service}: errors up, 9 where 1`],
    )
  }
})
afterAll(async () => {
  await api.close()
})
beforeEach(async () => {
  await api.store.query('DELETE FROM resolutions')
})

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE'
const call = async (method: Method, url: string, payload?: object, who = 'owner') => {
  const reply = await api.app.inject({ method, url, headers: bearer(who), ...(payload === undefined ? {} : { payload }) })
  return { status: reply.statusCode, said: reply.body === '' ? {} : reply.json() }
}
const WEBHOOK = '/api/v1/resolutions/webhook'
const whole = {
  incident_id: 'inc_1',
  service_id: 'payments',
  resolution: 'Rolled back.',
  resolved_by: 'sre@example.com',
  time_to_recovery_minutes: 14,
  tags: ['deploy'],
}
const pastOf = async (id: string, tenant = 'a') => (await createIncidents(api.store, () => 0).reference(tenant, id)).past

test('the webhook answers as it is promised, and what it was told is there for other incidents of the tenant', async () => {
  const { status, said } = await call('POST', WEBHOOK, whole)
  expect([status, said]).toEqual([
    200,
    {
      status: 'ok',
      stored: true,
      knowledge_base_id: expect.stringMatching(/^kb-[0-9a-z]{12}$/),
      undo: { possible: true, method: 'DELETE', path: `/api/v1/resolutions/${said.knowledge_base_id}` },
    },
  ])
  expect(await pastOf('inc_2')).toEqual([
    {
      id: 'inc_1',
      services: ['payments'],
      summaries: ['payments: errors up, 9 where 1'],
      templates: ['timeout after # ms'],
      resolution: 'Rolled back.',
    },
  ])
  expect(await pastOf('inc_3', 'b')).toEqual([])
  expect((await call('GET', '/api/v1/resolutions')).said.resolutions).toMatchObject([
    {
      knowledge_base_id: said.knowledge_base_id,
      incident_id: 'inc_1',
      source: 'webhook',
      resolved_by: 'sre@example.com',
      time_to_recovery_minutes: 14,
      tags: ['deploy'],
      services: ['payments'],
    },
  ])
  expect((await call('GET', '/api/v1/resolutions', undefined, 'other')).said.resolutions).toEqual([])
  expect((await call('DELETE', said.undo.path, undefined, 'other')).status).toBe(404)
  expect((await call('DELETE', said.undo.path)).status).toBe(204)
  expect(await pastOf('inc_2')).toEqual([])
})

test('an anomaly stands for its incident, an unknown one is refused', async () => {
  expect((await call('POST', WEBHOOK, { incident_id: 'anom-inc_1', resolution: 'Restarted.' })).status).toBe(200)
  expect(await pastOf('inc_2')).toMatchObject([{ id: 'inc_1', resolution: 'Restarted.' }])
  for (const id of ['nothing', 'inc_3', 'anom-inc_3'])
    expect([id, (await call('POST', WEBHOOK, { incident_id: id, resolution: 'x' })).said]).toMatchObject([id, { code: 'NOT_FOUND' }])
  expect((await call('POST', `${WEBHOOK}?dry_run=true`, { incident_id: 'inc_1', resolution: 'not really' })).said).toMatchObject({
    dryRun: true,
    changes: [{ action: 'STORE_RESOLUTION' }],
  })
  expect((await call('GET', '/api/v1/resolutions')).said.resolutions).toHaveLength(1)
})

test('the postmortem of a resolved incident is remembered in its newest words, and the webhook goes before it', async () => {
  await call('PUT', '/api/v1/incidents/inc_1/postmortem', { postmortem: 'The pool ran out.' })
  expect(await pastOf('inc_2')).toEqual([])
  await call('POST', '/api/v1/incidents/inc_1/resolve')
  expect(await pastOf('inc_2')).toMatchObject([{ id: 'inc_1', resolution: 'The pool ran out.', templates: ['timeout after # ms'] }])
  await call('PUT', '/api/v1/incidents/inc_1/postmortem', { postmortem: 'The pool was too small.' })
  expect(await pastOf('inc_2')).toMatchObject([{ id: 'inc_1', resolution: 'The pool was too small.' }])
  await call('POST', WEBHOOK, whole)
  await call('PUT', '/api/v1/incidents/inc_1/postmortem', { postmortem: 'Even later.' })
  expect(await pastOf('inc_2')).toMatchObject([{ id: 'inc_1', resolution: 'Rolled back.' }])
  await call('PUT', '/api/v1/incidents/inc_1/postmortem', { postmortem: '' })
  expect((await call('GET', '/api/v1/resolutions')).said.resolutions).toMatchObject([{ source: 'webhook' }])
})

test('a comment on a resolved incident is no cure of another', async () => {
  await call('POST', '/api/v1/incidents/inc_2/resolve')
  expect((await call('POST', '/api/v1/incidents/inc_2/updates', { status: 'resolved', body: 'coffee first' })).status).toBeLessThan(300)
  expect(await pastOf('inc_1')).toMatchObject([{ id: 'inc_2', resolution: '' }])
})
