// Heartbeat monitors: their ping token is never shown unasked, their state only moves forward, tenants do not meet.
import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { listAudit } from '../../../api/services/audit.ts'
import { createControlPlane } from '../../../api/services/control-plane.ts'
import { loadCredentials } from '../../../api/services/credentials.ts'
import { createSealer } from '../../../api/services/ids.ts'
import { createMonitors, type Monitors } from '../../../api/services/monitors.ts'
import type { ControlPlane } from '../../../streams/contracts/control-plane.ts'
import type { Store } from '../../../api/store/store.ts'
import { actorOf, openTestStore, type TestStore } from './open-test-store.ts'

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
const acme = actorOf('acme')
let opened: TestStore
let store: Store
let monitors: Monitors
let plane: ControlPlane
beforeAll(async () => {
  opened = await openTestStore()
  store = opened.store
  monitors = createMonitors(store, createSealer('a secret key of the test'))
  plane = createControlPlane(store, { cooldownMs: 60_000, clock: Date.now })
})
afterAll(async () => { await opened.close() })

const make = (name: string, change: Partial<Parameters<Monitors['create']>[1]> = {}) => monitors.create('acme', { name, intervalSec: 60, ...change }, acme)
const targetOf = async (token: string) => new Map((await loadCredentials(store)).heartbeats).get(sha256(token))
const watched = async (id: string) => (await plane.heartbeatMonitors()).find((one) => one.id === id)

describe('heartbeat monitors', () => {
  it('start pending, for a service of their own name', async () => {
    const made = await make('nightly-backup')
    expect(made).toEqual({
      id: expect.stringMatching(/^mon_/), name: 'nightly-backup', type: 'heartbeat', service: 'nightly-backup', intervalSec: 60, heartbeatGraceSec: 30,
      alertLabels: null, status: 'pending', lastHitAt: null, createdAt: expect.any(String),
    })
    expect(await monitors.get('acme', made.id)).toEqual(made)
    expect(await monitors.list('acme')).toContainEqual(made)
  })

  it('named Watchdog are hit by the alert that always fires, unless told otherwise', async () => {
    const made = await make('Watchdog')
    expect(made.alertLabels).toEqual({ alertname: 'Watchdog' })
    expect((await watched(made.id))?.alertLabels).toEqual({ alertname: 'Watchdog' })
    expect((await monitors.patch('acme', made.id, { alertLabels: null }, acme)).alertLabels).toBeNull()
  })

  it('have names that are unique within a tenant, not across tenants', async () => {
    await make('unique')
    await expect(make('unique')).rejects.toMatchObject({ name: 'ApiError', code: 'MONITOR_NAME_DUPLICATE' })
    const other = await make('other')
    await expect(monitors.patch('acme', other.id, { name: 'unique' }, acme)).rejects.toMatchObject({ code: 'MONITOR_NAME_DUPLICATE' })
    await expect(monitors.create('globex', { name: 'unique', intervalSec: 60 }, actorOf('globex'))).resolves.toMatchObject({ name: 'unique' })
  })

  it('keep the ping token sealed, show it on request, and each showing is audited', async () => {
    const made = await make('sealed')
    const token = await monitors.secret('acme', made.id, acme)
    expect(token).toMatch(/^[0-9a-f]{64}$/)
    expect(await targetOf(token)).toEqual({ monitorId: made.id, tenant: 'acme' })
    expect(JSON.stringify(await store.query('SELECT * FROM monitors'))).not.toContain(token)
    expect((await listAudit(store, 'acme', { action: 'READ_MONITOR_SECRETS', limit: 5 }))[0].resource).toBe(`monitor:${made.id}`)
  })

  it('cannot be opened with another key, nor with the secret of another row', async () => {
    const [one, two] = [await make('row-one'), await make('row-two')]
    await expect(createMonitors(store, createSealer('another key')).secret('acme', one.id, acme)).rejects.toThrow()
    await store.query('UPDATE monitors SET token_sealed = (SELECT token_sealed FROM monitors WHERE id = $2) WHERE id = $1', [one.id, two.id])
    await expect(monitors.secret('acme', one.id, acme)).rejects.toThrow()
  })

  it('answer to the new token only after a rotation, which tells the audit trail no token', async () => {
    const made = await make('rotated')
    const before = await monitors.secret('acme', made.id, acme)
    await monitors.rotate('acme', made.id, acme)
    const after = await monitors.secret('acme', made.id, acme)
    expect(await targetOf(before)).toBeUndefined()
    expect(await targetOf(after)).toEqual({ monitorId: made.id, tenant: 'acme' })
    const trail = JSON.stringify(await listAudit(store, 'acme', { limit: 1000 }))
    expect(trail).not.toContain(before)
    expect(trail).not.toContain(after)
  })

  it('change only what a patch names, and the audit row has both values', async () => {
    const made = await make('patched', { service: 'billing', heartbeatGraceSec: 90 })
    expect(await monitors.patch('acme', made.id, { intervalSec: 300 }, acme)).toEqual({ ...made, intervalSec: 300 })
    const [row] = await listAudit(store, 'acme', { action: 'UPDATE_MONITOR', limit: 1 })
    expect(row).toMatchObject({ resource: `monitor:${made.id}`, meta: { diff: { intervalSec: { from: 60, to: 300 } } } })
  })

  it('take their default service along when renamed', async () => {
    const made = await make('before')
    expect(await monitors.patch('acme', made.id, { name: 'after' }, acme)).toMatchObject({ name: 'after', service: 'after' })
  })

  it('are gone when deleted: no look-up, no ping, no judgement', async () => {
    const made = await make('deleted')
    const token = await monitors.secret('acme', made.id, acme)
    await monitors.remove('acme', made.id, acme)
    await expect(monitors.get('acme', made.id)).rejects.toMatchObject({ code: 'NOT_FOUND' })
    expect(await targetOf(token)).toBeUndefined()
    expect(await watched(made.id)).toBeUndefined()
  })

  it('hand over their open miss when deleted, for its incident to end', async () => {
    const [quiet, missed] = [await make('quiet'), await make('missed')]
    await plane.heartbeatDown('acme', missed.id, 'hb-missed-1')
    expect(await monitors.remove('acme', quiet.id, acme)).toBeNull()
    expect(await monitors.remove('acme', missed.id, acme)).toBe('hb-missed-1')
  })

  it('do not exist for another tenant', async () => {
    const made = await make('private')
    const globex = actorOf('globex')
    const attempts = [
      () => monitors.get('globex', made.id), () => monitors.patch('globex', made.id, { intervalSec: 30 }, globex), () => monitors.remove('globex', made.id, globex),
      () => monitors.rotate('globex', made.id, globex), () => monitors.secret('globex', made.id, globex),
    ]
    for (const attempt of attempts) await expect(attempt()).rejects.toMatchObject({ code: 'NOT_FOUND' })
    expect((await monitors.list('globex')).map((one) => one.id)).not.toContain(made.id)
    await plane.heartbeatHit('globex', made.id, Date.now())
    await plane.heartbeatDown('globex', made.id, 'hb-x')
    expect(await monitors.get('acme', made.id)).toEqual(made)
  })
})

describe('the state of a monitor', () => {
  it('goes up with a hit, down with a miss, and up again', async () => {
    const { id } = await make('stateful', { service: 'billing' })
    await plane.heartbeatHit('acme', id, 1_000_000)
    expect(await watched(id)).toMatchObject({ status: 'up', lastHitAtMs: 1_000_000, missId: null, service: 'billing', intervalMs: 60_000, graceMs: 30_000 })
    await plane.heartbeatDown('acme', id, `hb-${id}-1090000`)
    expect(await watched(id)).toMatchObject({ status: 'down', missId: `hb-${id}-1090000` })
    await plane.heartbeatHit('acme', id, 1_200_000)
    expect(await watched(id)).toMatchObject({ status: 'up', lastHitAtMs: 1_200_000, missId: null })
  })

  it('is not moved by a hit that is not newer than the newest one', async () => {
    const { id } = await make('monotone')
    await plane.heartbeatHit('acme', id, 2_000_000)
    await plane.heartbeatDown('acme', id, 'hb-open')
    for (const replayed of [1_500_000, 2_000_000]) await plane.heartbeatHit('acme', id, replayed)
    expect(await watched(id)).toMatchObject({ status: 'down', lastHitAtMs: 2_000_000, missId: 'hb-open' })
  })
})

describe('the state of an alert', () => {
  const state = { status: 'firing', anomalyId: 'anom-1', startsAt: '2026-01-01T00:00:00Z', service: 'payment', lastSeenAtMs: 5000, position: '0:10:0' } as const

  it('is the one that was saved last, per tenant and fingerprint', async () => {
    expect(await plane.alertState('acme', 'f1')).toBeNull()
    await plane.saveAlertState('acme', 'f1', state)
    await plane.saveAlertState('acme', 'f1', { ...state, lastSeenAtMs: 6000, position: '0:11:0' })
    expect(await plane.alertState('acme', 'f1')).toEqual({ ...state, lastSeenAtMs: 6000, position: '0:11:0' })
    expect(await plane.alertState('globex', 'f1')).toBeNull()
  })

  it('is stale while it fires unseen, not when resolved', async () => {
    await plane.saveAlertState('acme', 'seen', { ...state, lastSeenAtMs: 9000 })
    await plane.saveAlertState('globex', 'unseen', { ...state, lastSeenAtMs: 1000 })
    await plane.saveAlertState('acme', 'over', { ...state, status: 'resolved', lastSeenAtMs: 1000 })
    expect((await plane.staleAlerts(5000)).map((one) => [one.tenant, one.fingerprint])).toEqual([['globex', 'unseen']])
  })
})
