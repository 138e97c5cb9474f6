// How signals become incidents: near in the graph and in time joins, what ended resolves, what was said twice counts once.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createControlPlane } from '../../../api/services/control-plane.ts'
import { listAudit } from '../../../api/services/audit.ts'
import { createIncidents, type Incidents } from '../../../api/services/incidents.ts'
import type { SignalOpened } from '../../../streams/contracts/signals.ts'
import { actorOf, openTestStore, type TestStore } from './open-test-store.ts'

const MINUTE = 60_000
const START = Date.parse('2026-03-01T12:00:00Z')
const COOLDOWN = 5 * MINUTE

let test: TestStore
let plane: ReturnType<typeof createControlPlane>
let incidents: Incidents
let nowMs = START
let tenant = ''
let tenants = 0
beforeAll(async () => {
  test = await openTestStore([])
  plane = createControlPlane(test.store, { cooldownMs: COOLDOWN, clock: () => nowMs })
  incidents = createIncidents(test.store, () => nowMs)
})
afterAll(async () => {
  await test.close()
})
beforeEach(async () => {
  nowMs = START
  tenant = `tenant-${++tenants}`
  await test.store.query('INSERT INTO tenants (id, name) VALUES ($1, $1)', [tenant])
})

const signal = (id: string, change: Partial<SignalOpened> = {}): SignalOpened => ({
  tenant,
  kind: 'anomaly',
  id,
  service: 'payment',
  summary: 'payment: error rate high',
  severity: 'minor',
  startedAtMs: nowMs,
  neighbours: [],
  ...change,
})
const end = (id: string, change: { kind?: SignalOpened['kind'] } = {}) =>
  plane.resolved({ tenant, kind: 'anomaly', id, endedAtMs: nowMs, ...change })
const trail = async () => (await listAudit(test.store, tenant, { limit: 100 })).map(({ action }) => action).toReversed()
const all = () => incidents.list(tenant, { limit: 100 })
const only = async () => {
  const list = await all()
  expect(list).toHaveLength(1)
  return list[0]
}

describe('a signal', () => {
  it('whose words no database holds opens an incident like any other: nothing behind it has to wait', async () => {
    const name = 'pay\0ment\ud800'
    await plane.opened(signal('anom-nul', { kind: 'alert', service: name, summary: `${name}: down`, neighbours: [name] }))
    expect(await only()).toMatchObject({ title: 'pay\ufffdment\ufffd: down', services: ['pay\ufffdment\ufffd'], status: 'open' })
    await plane.opened(signal('anom-next', { kind: 'alert', service: 'cart', neighbours: [name] }))
    expect((await only()).services).toEqual(expect.arrayContaining(['cart']))
  })

  it('alone opens an incident that has its words, its severity and links to its analysis', async () => {
    await plane.opened(signal('anom-1', { severity: 'major' }))
    const incident = await only()
    expect(incident).toMatchObject({
      id: expect.stringMatching(/^inc_[0-9a-z]{12}$/),
      number: 1,
      title: 'payment: error rate high',
      severity: 'major',
      status: 'open',
      openedAt: new Date(START).toISOString(),
      autoResolved: false,
      services: ['payment'],
      updates: [],
      links: {
        analysis: `/api/v1/incidents/${incident.id}/analysis`,
        blast: `/api/v1/context/incident/${incident.id}/blast`,
        graph: `/api/v1/incidents/${incident.id}/graph.svg`,
      },
    })
    expect(incident.signals).toEqual([
      {
        kind: 'anomaly',
        id: 'anom-1',
        service: 'payment',
        summary: 'payment: error rate high',
        startedAt: new Date(START).toISOString(),
        endedAt: undefined,
      },
    ])
    expect(Object.keys(JSON.parse(JSON.stringify(incident)))).not.toContain('resolvedAt')
  })

  it('of a service of the incident joins it, and the severity is the worst of them', async () => {
    await plane.opened(signal('anom-1', { severity: 'major' }))
    await plane.opened(signal('anom-2', { severity: 'critical', summary: 'payment: slow' }))
    await plane.opened(signal('anom-3', { severity: 'minor' }))
    expect(await only()).toMatchObject({
      severity: 'critical',
      title: 'payment: error rate high',
      signals: [{ id: 'anom-1' }, { id: 'anom-2' }, { id: 'anom-3' }],
    })
  })

  it('of a neighbour joins, whichever of the two names the other', async () => {
    await plane.opened(signal('anom-1', { neighbours: ['ledger'] }))
    await plane.opened(signal('anom-2', { service: 'ledger' }))
    await plane.opened(signal('anom-3', { service: 'gateway', neighbours: ['payment'] }))
    expect((await only()).services).toEqual(['payment', 'ledger', 'gateway'])
  })

  it('far away in the graph opens an incident of its own, with the next number', async () => {
    await plane.opened(signal('anom-1', { neighbours: ['ledger'] }))
    await plane.opened(signal('anom-2', { service: 'search', neighbours: ['crawler'] }))
    expect((await all()).map((one) => [one.number, one.services]).sort()).toEqual([
      [1, ['payment']],
      [2, ['search']],
    ])
  })

  it('joins for as long as the incident has a signal that goes on', async () => {
    await plane.opened(signal('anom-1'))
    await plane.opened(signal('anom-2', { startedAtMs: START + 120 * MINUTE }))
    expect((await only()).signals).toHaveLength(2)
  })

  it('that began up to 15 minutes before the incident joins it, an older one does not', async () => {
    await plane.opened(signal('anom-1'))
    await plane.opened(signal('anom-2', { startedAtMs: START - 15 * MINUTE }))
    expect((await only()).signals).toHaveLength(2)
    await plane.opened(signal('anom-3', { startedAtMs: START - 15 * MINUTE - 1 }))
    expect(await all()).toHaveLength(2)
  })

  it('joins an incident that somebody has acknowledged, and leaves it acknowledged', async () => {
    await plane.opened(signal('anom-1'))
    await incidents.acknowledge(tenant, (await only()).id, actorOf('acme'))
    await plane.opened(signal('anom-2'))
    expect(await only()).toMatchObject({ status: 'acknowledged', signals: [{ id: 'anom-1' }, { id: 'anom-2' }] })
  })

  it('of one tenant never meets the incidents of another, though service, id and time are the same', async () => {
    const other = `${tenant}-other`
    await test.store.query('INSERT INTO tenants (id, name) VALUES ($1, $1)', [other])
    await plane.opened(signal('anom-1'))
    await plane.opened(signal('anom-1', { tenant: other }))
    const theirs = (await incidents.list(other, { limit: 10 }))[0]
    expect(theirs).toMatchObject({ number: 1, signals: [{ id: 'anom-1' }] })
    await plane.resolved({ tenant: other, kind: 'anomaly', id: 'anom-1', endedAtMs: nowMs })
    expect(await only()).toMatchObject({ status: 'open', signals: [{ id: 'anom-1', endedAt: undefined }] })
    await expect(incidents.get(tenant, theirs.id)).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await expect(incidents.resolve(tenant, theirs.id, actorOf('acme'))).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })
})

describe('an incident whose signals end', () => {
  it('resolves by itself with the last of them, and says so', async () => {
    await plane.opened(signal('anom-1'))
    await plane.opened(signal('anom-1', { kind: 'alert' }))
    await end('anom-1')
    expect(await only()).toMatchObject({ status: 'open', autoResolved: false })
    nowMs += MINUTE
    await end('anom-1', { kind: 'alert' })
    const incident = await only()
    expect(incident).toMatchObject({ status: 'resolved', autoResolved: true, resolvedAt: new Date(nowMs).toISOString() })
    expect(incident.updates).toEqual([{ at: new Date(nowMs).toISOString(), by: 'lapwing', status: 'resolved', body: expect.any(String) }])
  })

  it('resolved when the latest of them ended, in whatever order the ends arrive', async () => {
    await plane.opened(signal('anom-1'))
    await plane.opened(signal('anom-2'))
    await plane.resolved({ tenant, kind: 'anomaly', id: 'anom-1', endedAtMs: START + 10 * MINUTE })
    await plane.resolved({ tenant, kind: 'anomaly', id: 'anom-2', endedAtMs: START + 5 * MINUTE })
    expect((await only()).resolvedAt).toBe(new Date(START + 10 * MINUTE).toISOString())
  })

  it('does not flap faster than a cooldown that is longer than the time for joining', async () => {
    const slow = createControlPlane(test.store, { cooldownMs: 60 * MINUTE, clock: () => nowMs })
    await slow.opened(signal('anom-1'))
    await end('anom-1')
    nowMs += 50 * MINUTE
    await slow.opened(signal('anom-2'))
    expect(await only()).toMatchObject({ status: 'open' })
  })

  it('is the same incident when the trouble is back within the cooldown', async () => {
    await plane.opened(signal('anom-1'))
    await end('anom-1')
    nowMs += COOLDOWN
    await plane.opened(signal('anom-2'))
    const incident = await only()
    expect(incident).toMatchObject({ number: 1, status: 'open', autoResolved: false, signals: [{ id: 'anom-1' }, { id: 'anom-2' }] })
    expect(incident.resolvedAt).toBeUndefined()
    expect(incident.updates.map((update) => update.status)).toEqual(['resolved', 'open'])
    expect(await trail()).toEqual(['OPEN_INCIDENT', 'RESOLVE_INCIDENT', 'REOPEN_INCIDENT'])
  })

  it('stays open for a cooldown once it has come back, and then resolves by itself, once', async () => {
    await plane.opened(signal('anom-1'))
    await end('anom-1')
    const back = (nowMs += MINUTE)
    await plane.opened(signal('anom-2'))
    nowMs += MINUTE
    await end('anom-2')
    nowMs = back + COOLDOWN - 1
    await plane.opened(signal('anom-3'))
    await end('anom-3')
    expect([await plane.resolveAfterCooldown(), (await only()).status]).toEqual([0, 'open'])
    nowMs += 1
    expect(await Promise.all([plane.resolveAfterCooldown(), plane.resolveAfterCooldown()])).toEqual(expect.arrayContaining([1, 0]))
    const incident = await only()
    expect(incident).toMatchObject({ status: 'resolved', autoResolved: true, resolvedAt: new Date(nowMs).toISOString() })
    expect(incident.updates.map((update) => update.status)).toEqual(['resolved', 'open', 'resolved'])
    expect(await trail()).toEqual(['OPEN_INCIDENT', 'RESOLVE_INCIDENT', 'REOPEN_INCIDENT', 'RESOLVE_INCIDENT'])
  })

  it('that came back in a backfill is over by its own time: the next day is another incident', async () => {
    const DAY = 24 * 60 * MINUTE
    const past = (id: string, startedAtMs: number) => plane.opened(signal(id, { startedAtMs }))
    const ended = (id: string, endedAtMs: number) => plane.resolved({ tenant, kind: 'anomaly', id, endedAtMs })
    const monday = START - 7 * DAY
    await past('mon-1', monday)
    await ended('mon-1', monday + MINUTE)
    await past('mon-2', monday + 3 * MINUTE)
    await ended('mon-2', monday + 4 * MINUTE)
    await past('tue-1', monday + DAY)
    await ended('tue-1', monday + DAY + MINUTE)
    expect((await all()).map((one) => [one.number, one.status, one.signals.length, one.resolvedAt]).toReversed()).toEqual([
      [1, 'resolved', 2, new Date(monday + 3 * MINUTE + COOLDOWN).toISOString()],
      [2, 'resolved', 1, new Date(monday + DAY + MINUTE).toISOString()],
    ])
  })

  it('that has come back resolves with its last signal when the cooldown is over before that ends', async () => {
    await plane.opened(signal('anom-1'))
    await end('anom-1')
    await plane.opened(signal('anom-2'))
    nowMs += COOLDOWN
    expect([await plane.resolveAfterCooldown(), (await only()).status]).toEqual([0, 'open'])
    nowMs += MINUTE
    await end('anom-2')
    expect(await only()).toMatchObject({ status: 'resolved', resolvedAt: new Date(nowMs).toISOString() })
  })

  it('that is held open is joined for as long as the cooldown lasts, and not resolved twice when somebody resolves it', async () => {
    const slow = createControlPlane(test.store, { cooldownMs: 60 * MINUTE, clock: () => nowMs })
    await slow.opened(signal('anom-1'))
    await end('anom-1')
    await slow.opened(signal('anom-2'))
    await slow.resolved({ tenant, kind: 'anomaly', id: 'anom-2', endedAtMs: nowMs })
    nowMs += 50 * MINUTE
    await slow.opened(signal('anom-3'))
    expect((await only()).signals).toHaveLength(3)
    await incidents.resolve(tenant, (await only()).id, actorOf('acme'))
    nowMs += 60 * MINUTE
    await slow.resolved({ tenant, kind: 'anomaly', id: 'anom-3', endedAtMs: nowMs })
    expect([await slow.resolveAfterCooldown(), await only()]).toMatchObject([0, { status: 'resolved', autoResolved: false }])
  })

  it('is over when the trouble is back after the cooldown', async () => {
    await plane.opened(signal('anom-1'))
    await end('anom-1')
    nowMs += COOLDOWN + 1
    await plane.opened(signal('anom-2'))
    expect((await all()).map((one) => [one.number, one.status])).toEqual([
      [2, 'open'],
      [1, 'resolved'],
    ])
  })
})

describe('an alert that fires again under the same id', () => {
  it('reopens its incident, which resolves once it is over and the cooldown too', async () => {
    await plane.opened(signal('anom-1', { kind: 'alert' }))
    await end('anom-1', { kind: 'alert' })
    await plane.opened(signal('anom-1', { kind: 'alert' }))
    expect(await only()).toMatchObject({ number: 1, status: 'open', autoResolved: false, signals: [{ id: 'anom-1', endedAt: undefined }] })
    expect((await trail()).at(-1)).toBe('REOPEN_INCIDENT')
    await end('anom-1', { kind: 'alert' })
    expect(await only()).toMatchObject({ status: 'open', signals: [{ endedAt: expect.any(String) }] })
    nowMs += COOLDOWN
    await plane.resolveAfterCooldown()
    expect(await only()).toMatchObject({ status: 'resolved', autoResolved: true })
  })

  it('leaves alone what somebody resolved', async () => {
    await plane.opened(signal('anom-1', { kind: 'alert' }))
    await incidents.resolve(tenant, (await only()).id, actorOf('acme'))
    await end('anom-1', { kind: 'alert' })
    await plane.opened(signal('anom-1', { kind: 'alert' }))
    expect(await only()).toMatchObject({ status: 'resolved', autoResolved: false })
  })
})

describe('an incident that somebody resolved', () => {
  it('is not reopened by its own signal, nor marked as resolved by itself when that ends', async () => {
    await plane.opened(signal('anom-1'))
    const resolved = await incidents.resolve(tenant, (await only()).id, actorOf('acme'))
    expect(resolved).toMatchObject({ status: 'resolved', autoResolved: false, resolvedAt: new Date(nowMs).toISOString() })
    await plane.opened(signal('anom-1'))
    await end('anom-1')
    expect(await only()).toMatchObject({ ...resolved, signals: [{ id: 'anom-1', endedAt: expect.any(String) }] })
  })

  it('is not joined by the next signal: that is a new incident', async () => {
    await plane.opened(signal('anom-1'))
    await incidents.resolve(tenant, (await only()).id, actorOf('acme'))
    await plane.opened(signal('anom-2'))
    expect((await all()).map((one) => one.status).sort()).toEqual(['open', 'resolved'])
  })
})

describe('what is said twice', () => {
  it('opens once, joins once, numbers once', async () => {
    for (let round = 0; round < 2; round++) {
      await plane.opened(signal('anom-1'))
      await plane.opened(signal('anom-2'))
    }
    expect((await only()).signals).toHaveLength(2)
    await plane.opened(signal('far', { service: 'search' }))
    expect((await all()).map((one) => one.number).sort()).toEqual([1, 2])
  })

  it('after the end changes nothing', async () => {
    await plane.opened(signal('anom-1'))
    await end('anom-1')
    const before = await only()
    nowMs += MINUTE
    await plane.opened(signal('anom-1'))
    await end('anom-1')
    expect(await only()).toEqual(before)
  })

  it('at the same moment is one incident', async () => {
    await Promise.all([plane.opened(signal('anom-1')), plane.opened(signal('anom-1')), plane.opened(signal('anom-2'))])
    expect((await only()).signals).toHaveLength(2)
  })

  it('an end that comes before its beginning leaves nothing open', async () => {
    await end('anom-1')
    await plane.opened(signal('anom-1'))
    await plane.opened(signal('anom-1'))
    expect((await all()).filter((one) => one.status !== 'resolved')).toEqual([])
  })
})
