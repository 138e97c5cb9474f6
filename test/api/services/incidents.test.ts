// What people and agents do with incidents: each change is told in the incident and in the audit trail, or not made at all.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { listAudit } from '../../../api/services/audit.ts'
import { createControlPlane } from '../../../api/services/control-plane.ts'
import { createIncidents, type Incidents } from '../../../api/services/incidents.ts'
import { actorOf, openTestStore, type TestStore } from './open-test-store.ts'

const START = Date.parse('2026-03-01T12:00:00Z')
const acme = actorOf('acme')
let test: TestStore
let incidents: Incidents
let nowMs = START
let made = 0
beforeAll(async () => {
  test = await openTestStore()
  incidents = createIncidents(test.store, () => nowMs)
})
afterAll(async () => {
  await test.close()
})

const open = async (tenant = 'acme'): Promise<string> => {
  const service = `service-${++made}`
  nowMs += 1000
  await createControlPlane(test.store, { cooldownMs: 0, clock: () => nowMs }).opened({
    tenant,
    kind: 'anomaly',
    id: `anom-${made}`,
    service,
    summary: `${service}: slow`,
    severity: 'minor',
    startedAtMs: nowMs,
    neighbours: [],
  })
  return (await incidents.list(tenant, { limit: 1 }))[0].id
}
const trail = async (id: string): Promise<string[]> =>
  (await listAudit(test.store, 'acme', { limit: 1000 }))
    .filter((row) => row.resource === `incident:${id}`)
    .map((row) => row.action)
    .toReversed()

describe('incidents', () => {
  it('are acknowledged and resolved once, by whoever did it', async () => {
    const id = await open()
    nowMs += 1000
    const acknowledged = await incidents.acknowledge('acme', id, acme)
    expect(acknowledged).toMatchObject({
      status: 'acknowledged',
      acknowledgedAt: new Date(nowMs).toISOString(),
      updates: [{ by: 'owner@acme.test', status: 'acknowledged' }],
    })
    nowMs += 1000
    expect(await incidents.acknowledge('acme', id, acme)).toEqual(acknowledged)
    const resolved = await incidents.resolve('acme', id, actorOf('acme', { agentId: 'agent-7' }))
    expect(resolved).toMatchObject({ status: 'resolved', autoResolved: false, resolvedAt: new Date(nowMs).toISOString() })
    expect(resolved.updates.at(-1)).toMatchObject({ by: 'agent-7', status: 'resolved' })
    expect(await incidents.resolve('acme', id, acme)).toEqual(resolved)
    expect(await incidents.acknowledge('acme', id, acme)).toEqual(resolved)
    expect(await trail(id)).toEqual(['OPEN_INCIDENT', 'ACKNOWLEDGE_INCIDENT', 'RESOLVE_INCIDENT'])
  })

  it('take updates in order, and a postmortem that can be written anew', async () => {
    const id = await open()
    await incidents.addUpdate('acme', id, { status: 'investigating', body: 'we are looking' }, acme)
    await incidents.addUpdate('acme', id, { body: 'found it' }, acme)
    await incidents.setPostmortem('acme', id, '# First', acme)
    const incident = await incidents.setPostmortem('acme', id, '# Second', acme)
    expect(incident.updates.map((one) => [one.status, one.body])).toEqual([
      ['investigating', 'we are looking'],
      [undefined, 'found it'],
    ])
    expect(incident).toMatchObject({ postmortem: '# Second', status: 'open' })
    expect(await trail(id)).toEqual(['OPEN_INCIDENT', 'UPDATE_INCIDENT', 'UPDATE_INCIDENT', 'SET_POSTMORTEM', 'SET_POSTMORTEM'])
  })

  it('stay as they were when the audit row cannot be written', async () => {
    const id = await open()
    const before = await incidents.get('acme', id)
    const silent = createIncidents(
      {
        ...test.store,
        transaction: (run) =>
          test.store.transaction((sql) =>
            run({ query: (text, params) => (text.includes('INTO audit_log') ? sql.query('SELECT 1 / 0') : sql.query(text, params)) }),
          ),
      },
      () => nowMs,
    )
    await expect(silent.acknowledge('acme', id, actorOf('acme'))).rejects.toThrow()
    await expect(silent.addUpdate('acme', id, { body: 'lost' }, actorOf('acme'))).rejects.toThrow()
    await expect(silent.setPostmortem('acme', id, 'lost', actorOf('acme'))).rejects.toThrow()
    expect(await incidents.get('acme', id)).toEqual(before)
  })

  it('are listed newest first, by status, and page on without a gap or a repeat', async () => {
    const ids = [await open('globex'), await open('globex'), await open('globex')].toReversed()
    await incidents.resolve('globex', ids[1], actorOf('globex'))
    expect((await incidents.list('globex', { limit: 10 })).map((one) => one.id)).toEqual(ids)
    expect((await incidents.list('globex', { status: 'open', limit: 10 })).map((one) => one.id)).toEqual([ids[0], ids[2]])
    const page = await incidents.list('globex', { limit: 2 })
    const last = page[1]
    expect((await incidents.list('globex', { limit: 2, before: { openedAt: last.openedAt, id: last.id } })).map((one) => one.id)).toEqual([
      ids[2],
    ])
  })

  it('cannot be read or changed from another tenant', async () => {
    const id = await open()
    const before = await incidents.get('acme', id)
    const globex = actorOf('globex')
    const attempts = [
      () => incidents.get('globex', id),
      () => incidents.acknowledge('globex', id, globex),
      () => incidents.resolve('globex', id, globex),
      () => incidents.addUpdate('globex', id, { body: 'x' }, globex),
      () => incidents.setPostmortem('globex', id, 'x', globex),
      () => incidents.reference('globex', id),
    ]
    for (const attempt of attempts) await expect(attempt()).rejects.toMatchObject({ name: 'ApiError', code: 'NOT_FOUND' })
    expect(await incidents.get('acme', id)).toEqual(before)
    expect((await incidents.list('globex', { limit: 100 })).map((one) => one.id)).not.toContain(id)
  })
})
