// What begins in a maintenance window opens nothing; what outlasts it opens then, once.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createControlPlane } from '../../../api/services/control-plane.ts'
import { createIncidents } from '../../../api/services/incidents.ts'
import { createMaintenance, type Maintenance } from '../../../api/services/maintenance.ts'
import { mutedIn, windowsOfSignals } from '../../../api/services/muted-signals.ts'
import type { SignalKind, SignalOpened } from '../../../streams/contracts/signals.ts'
import { actorOf, openTestStore, type TestStore } from './open-test-store.ts'

const MINUTE = 60_000
const START = Date.parse('2026-03-01T12:00:00Z')
let kept: TestStore
let maintenance: Maintenance
let plane: ReturnType<typeof createControlPlane>
let nowMs = START
let tenant = ''
let count = 0
beforeAll(async () => {
  kept = await openTestStore([])
  plane = createControlPlane(kept.store, { cooldownMs: 0, clock: () => nowMs })
  maintenance = createMaintenance(kept.store, () => nowMs)
})
afterAll(async () => {
  await kept.close()
})
beforeEach(async () => {
  nowMs = START
  tenant = `tenant-${++count}`
  await kept.store.query('INSERT INTO tenants (id, name) VALUES ($1, $1)', [tenant])
})

const iso = (ms: number): string => new Date(ms).toISOString()
const signal = (id: string, change: Partial<SignalOpened> = {}): SignalOpened => ({
  tenant,
  kind: 'anomaly',
  id,
  service: 'payment',
  summary: `payment: ${id}`,
  severity: 'major',
  startedAtMs: nowMs,
  neighbours: [],
  ...change,
})
const end = (id: string, kind: SignalKind = 'anomaly') => plane.resolved({ tenant, kind, id, endedAtMs: nowMs })
const plan = (minutes: number, services?: string[]) =>
  maintenance.plan(tenant, { services, endsAt: iso(nowMs + minutes * MINUTE) }, actorOf(tenant))
const incidents = async () =>
  (await createIncidents(kept.store, () => nowMs).list(tenant, { limit: 10 })).map((one) => ({
    status: one.status,
    signals: one.signals.map(({ id }) => id),
    openedAt: one.openedAt,
  }))
const events = () => kept.store.query('SELECT type FROM outbox WHERE tenant = $1', [tenant])

test('anomalies, alerts and missed heartbeats in a window are recorded, open no incident and tell nobody', async () => {
  const { id } = await plan(60, ['payment'])
  for (const kind of ['anomaly', 'alert', 'heartbeat'] as const) await plane.opened(signal(`of-${kind}`, { kind }))
  expect([await incidents(), await events()]).toEqual([[], []])
  expect((await mutedIn(kept.store, tenant, id, 10)).map((one) => [one.kind, one.id])).toEqual([
    ['alert', 'of-alert'],
    ['anomaly', 'of-anomaly'],
    ['heartbeat', 'of-heartbeat'],
  ])
  expect(await windowsOfSignals(kept.store, tenant, ['of-alert', 'other'])).toEqual(new Map([['of-alert', id]]))
  expect(await windowsOfSignals(kept.store, 'globex', ['of-alert'])).toEqual(new Map())
})

test('another service, another tenant and another time are not in the window', async () => {
  await plan(60, ['payment'])
  await plane.opened(signal('other', { service: 'cart' }))
  await plane.opened(signal('long before', { startedAtMs: nowMs - 6 * MINUTE }))
  expect((await incidents()).map((one) => one.signals)).toEqual(expect.arrayContaining([['other'], ['long before']]))
  const mine = tenant
  tenant = `${mine}-neighbour`
  await kept.store.query('INSERT INTO tenants (id, name) VALUES ($1, $1)', [tenant])
  await plane.opened(signal('theirs'))
  expect(await incidents()).toHaveLength(1)
})

test('what began a little before and is found in the window is in it, and a window without services is of all', async () => {
  await plan(60)
  await plane.opened(signal('just before', { startedAtMs: nowMs - 4 * MINUTE, service: 'cart' }))
  await plane.opened(signal('in it'))
  expect(await incidents()).toEqual([])
})

test('what is over before the window ends never opens; what is still wrong opens once at its end, as of its beginning', async () => {
  await plan(30, ['payment'])
  await plane.opened(signal('short'))
  await plane.opened(signal('long'))
  nowMs += 10 * MINUTE
  await end('short')
  expect(await plane.openAfterMaintenance()).toBe(0)
  nowMs += 20 * MINUTE
  expect(await Promise.all([plane.openAfterMaintenance(), plane.openAfterMaintenance()])).toEqual(expect.arrayContaining([1, 0]))
  expect(await incidents()).toEqual([{ status: 'open', signals: ['long'], openedAt: iso(START) }])
  expect(await events()).toEqual([{ type: 'incident.opened' }])
  await plane.opened(signal('long', { startedAtMs: START }))
  await end('long')
  expect((await incidents()).map((one) => one.status)).toEqual(['resolved'])
})

test('ending a window early hands on what is still wrong, and a window that goes on takes it over', async () => {
  const first = await plan(60, ['payment'])
  await plane.opened(signal('wrong'))
  const second = await plan(120)
  nowMs += MINUTE
  expect((await maintenance.end(tenant, first.id, actorOf(tenant))).status).toBe('over')
  expect([await plane.openAfterMaintenance(), (await mutedIn(kept.store, tenant, second.id, 9)).map(({ id }) => id)]).toEqual([
    0,
    ['wrong'],
  ])
  await maintenance.end(tenant, second.id, actorOf(tenant))
  expect([await plane.openAfterMaintenance(), (await incidents()).map((one) => one.signals)]).toEqual([1, [['wrong']]])
})

test('an alert that fires again in the window is still wrong at its end', async () => {
  await plan(30)
  await plane.opened(signal('alert', { kind: 'alert' }))
  nowMs += MINUTE
  await end('alert', 'alert')
  await plane.opened(signal('alert', { kind: 'alert', startedAtMs: START }))
  nowMs += 30 * MINUTE
  expect([await plane.openAfterMaintenance(), (await incidents()).length]).toEqual([1, 1])
})
