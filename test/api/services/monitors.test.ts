// Heartbeat monitors: their ping token is never shown unasked, their state only moves forward, tenants do not meet.
import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { listAudit } from '../../../api/services/audit.ts'
import { createControlPlane } from '../../../api/services/control-plane.ts'
import { loadCredentials } from '../../../api/services/credentials.ts'
import { createSealer } from '../../../api/services/ids.ts'
import { createMonitorChecks, type MonitorChecks } from '../../../api/services/monitor-checks.ts'
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
let checks: MonitorChecks
beforeAll(async () => {
  opened = await openTestStore()
  store = opened.store
  monitors = createMonitors(store, createSealer('a secret key of the test'))
  checks = createMonitorChecks(store)
  plane = createControlPlane(store, { cooldownMs: 60_000, clock: Date.now })
})
afterAll(async () => {
  await opened.close()
})

const make = (name: string, change: Partial<Parameters<Monitors['create']>[1]> = {}) =>
  monitors.create('acme', { name, intervalSec: 60, ...change }, acme)
const targetOf = async (token: string) => new Map((await loadCredentials(store)).heartbeats).get(sha256(token))
const missedAt = (tenant: string, monitorId: string, id: string, startedAtMs: number, lastHitAtMs: number | null) =>
  plane.heartbeatMissed(
    { tenant, kind: 'heartbeat', id, service: monitorId, summary: 'missed', severity: 'major', startedAtMs, neighbours: [] },
    monitorId,
    lastHitAtMs,
  )
const watched = async (id: string) => (await plane.heartbeatMonitors()).find((one) => one.id === id)

describe('heartbeat monitors', () => {
  it('start pending, for a service of their own name', async () => {
    const made = await make('nightly-backup')
    expect(made).toEqual({
      id: expect.stringMatching(/^mon_/),
      name: 'nightly-backup',
      type: 'heartbeat',
      service: 'nightly-backup',
      intervalSec: 60,
      heartbeatGraceSec: 30,
      alertLabels: null,
      tags: [],
      status: 'pending',
      lastHitAt: null,
      createdAt: expect.any(String),
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
    await expect(monitors.create('globex', { name: 'unique', intervalSec: 60 }, actorOf('globex'))).resolves.toMatchObject({
      name: 'unique',
    })
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
    await store.query('UPDATE monitors SET token_sealed = (SELECT token_sealed FROM monitors WHERE id = $2) WHERE id = $1', [
      one.id,
      two.id,
    ])
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
    expect(await missedAt('acme', missed.id, 'hb-missed-1', 1_000_000, null)).toBe(true)
    expect(await monitors.remove('acme', quiet.id, acme)).toBeNull()
    expect(await monitors.remove('acme', missed.id, acme)).toBe('hb-missed-1')
  })

  it('do not exist for another tenant', async () => {
    const made = await make('private')
    const globex = actorOf('globex')
    const attempts = [
      () => monitors.get('globex', made.id),
      () => monitors.patch('globex', made.id, { intervalSec: 30 }, globex),
      () => monitors.remove('globex', made.id, globex),
      () => monitors.rotate('globex', made.id, globex),
      () => monitors.secret('globex', made.id, globex),
    ]
    for (const attempt of attempts) await expect(attempt()).rejects.toMatchObject({ code: 'NOT_FOUND' })
    expect((await monitors.list('globex')).map((one) => one.id)).not.toContain(made.id)
    await plane.heartbeatHit('globex', made.id, Date.now())
    expect(await missedAt('globex', made.id, 'hb-x', 1_000_000, null)).toBe(false)
    expect(await monitors.get('acme', made.id)).toEqual(made)
  })
})

describe('the state of a monitor', () => {
  it('goes up with a hit, down with a miss, and up again', async () => {
    const { id } = await make('stateful', { service: 'billing' })
    await plane.heartbeatHit('acme', id, 1_000_000)
    expect(await watched(id)).toMatchObject({
      status: 'up',
      lastHitAtMs: 1_000_000,
      missId: null,
      service: 'billing',
      intervalMs: 60_000,
      graceMs: 30_000,
    })
    await missedAt('acme', id, `hb-${id}-1090000`, 1_090_000, 1_000_000)
    expect(await watched(id)).toMatchObject({ status: 'down', missId: `hb-${id}-1090000` })
    await plane.heartbeatHit('acme', id, 1_200_000)
    expect(await watched(id)).toMatchObject({ status: 'up', lastHitAtMs: 1_200_000, missId: null })
  })

  it('is not moved by a hit that is not newer than the newest one', async () => {
    const { id } = await make('monotone')
    await plane.heartbeatHit('acme', id, 2_000_000)
    await missedAt('acme', id, 'hb-open', 2_090_000, 2_000_000)
    for (const replayed of [1_500_000, 2_000_000]) await plane.heartbeatHit('acme', id, replayed)
    expect(await watched(id)).toMatchObject({ status: 'down', lastHitAtMs: 2_000_000, missId: 'hb-open' })
  })
})

describe('a miss', () => {
  const signalOf = async (id: string) =>
    (
      await store.query<{ ended_at: Date | null }>(
        "SELECT ended_at FROM incident_signals WHERE tenant = 'acme' AND kind = 'heartbeat' AND signal_id = $1",
        [id],
      )
    ).map((row) => row.ended_at?.getTime() ?? null)

  it('opens its signal and the next hit ends it, each with the state of its monitor', async () => {
    const { id } = await make('signalled')
    await plane.heartbeatHit('acme', id, 1_000_000)
    for (const again of [1, 2]) expect([again, await missedAt('acme', id, 'hb-signalled', 1_090_000, 1_000_000)]).toEqual([again, true])
    expect(await signalOf('hb-signalled')).toEqual([null])
    await plane.heartbeatHit('acme', id, 1_200_000)
    await plane.heartbeatHit('acme', id, 1_300_000)
    expect(await signalOf('hb-signalled')).toEqual([1_200_000])
  })

  it('is none when a hit came since the one that it was judged by', async () => {
    const { id } = await make('overtaken')
    await plane.heartbeatHit('acme', id, 1_000_000)
    await plane.heartbeatHit('acme', id, 1_080_000)
    for (const judgedBy of [null, 1_000_000]) expect(await missedAt('acme', id, 'hb-overtaken', 1_090_000, judgedBy)).toBe(false)
    expect(await watched(id)).toMatchObject({ status: 'up', missId: null })
    expect([await signalOf('hb-overtaken'), (await checks.list('acme', id, 10, null)).filter(({ status }) => status === 'down')]).toEqual([
      [],
      [],
    ])
  })

  it('leaves nothing behind when its signal cannot be opened', async () => {
    const { id } = await make('torn')
    await store.query("ALTER TABLE incident_signals ADD CONSTRAINT torn CHECK (signal_id <> 'hb-torn')")
    await expect(missedAt('acme', id, 'hb-torn', 1_090_000, null)).rejects.toThrow()
    await store.query('ALTER TABLE incident_signals DROP CONSTRAINT torn')
    expect(await watched(id)).toMatchObject({ status: 'pending', missId: null })
    expect(await checks.list('acme', id, 10, null)).toEqual([])
  })
})

describe('tags', () => {
  it('are kept, changed and listed by: every one of them must be there', async () => {
    const both = await make('tagged-both', { tags: ['prod', 'billing'] })
    const one = await make('tagged-one', { tags: ['prod'] })
    const names = async (...tags: string[]) => (await monitors.list('acme', tags)).map((each) => each.name)
    expect(await names('prod')).toEqual(['tagged-both', 'tagged-one'])
    expect(await names('prod', 'billing')).toEqual(['tagged-both'])
    expect(await names('pro')).toEqual([])
    expect(await monitors.patch('acme', one.id, { tags: ['billing'] }, acme)).toMatchObject({
      tags: ['billing'],
      intervalSec: one.intervalSec,
    })
    expect(await monitors.patch('acme', both.id, { intervalSec: 300 }, acme)).toMatchObject({ tags: ['prod', 'billing'] })
    expect(await monitors.list('globex', ['billing'])).toEqual([])
  })
})

describe('the checks of a monitor', () => {
  const T0 = Date.UTC(2026, 0, 31)
  const MINUTE = 60_000
  const at = (minutes: number): string => new Date(T0 + minutes * MINUTE).toISOString()
  const hit = (id: string, minutes: number) => plane.heartbeatHit('acme', id, T0 + minutes * MINUTE)
  const miss = async (id: string, minutes: number) =>
    missedAt('acme', id, `hb-${id}-${minutes}`, T0 + minutes * MINUTE, (await watched(id))!.lastHitAtMs)
  const born = async (id: string, minutes: number) => {
    await store.query('UPDATE monitors SET created_at = $2 WHERE id = $1', [id, at(minutes)])
  }

  it('are its hits and misses, newest first, once each however often they come', async () => {
    const { id } = await make('checked')
    for (const again of [1, 2]) {
      expect(again).toBeGreaterThan(0)
      await hit(id, 0)
      await hit(id, 1)
      await miss(id, 3)
      await hit(id, 7)
    }
    expect(await checks.list('acme', id, 10, null)).toEqual([
      { at: at(7), status: 'up' },
      { at: at(3), status: 'down', endedAt: at(7), signalId: `hb-${id}-3` },
      { at: at(1), status: 'up' },
      { at: at(0), status: 'up' },
    ])
    expect((await checks.list('acme', id, 2, { at: at(3), ok: false })).map((one) => one.at)).toEqual([at(1), at(0)])
    await expect(checks.list('globex', id, 10, null)).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })

  it('add up to uptime since it was made, while a miss goes on too', async () => {
    const { id } = await make('measured')
    await born(id, 0)
    for (const minutes of [0, 2, 4]) await hit(id, minutes)
    await miss(id, 10)
    expect(await checks.stats('acme', id, T0 + 20 * MINUTE)).toEqual({
      monitorId: id,
      uptimePercent: { day: 50, week: 50, month: 50 },
      hits: 3,
      misses: 1,
      lastHitAt: at(4),
      averageIntervalSec: 120,
    })
    await hit(id, 20)
    expect((await checks.stats('acme', id, T0 + 40 * MINUTE)).uptimePercent.day).toBe(75)
    await expect(checks.stats('globex', id, T0)).rejects.toMatchObject({ code: 'NOT_FOUND' })
    expect(
      (await checks.timeline('acme', id, { fromMs: T0 - 10 * MINUTE, toMs: T0 + 30 * MINUTE }, 4)).map((one) => [
        one.from,
        one.uptimePercent,
        one.misses,
      ]),
    ).toEqual([
      [at(-10), null, 0],
      [at(0), 100, 0],
      [at(10), 0, 1],
      [at(20), 100, 0],
    ])
  })

  it('are kept in bounds: about a thousand hits, misses of 90 days', async () => {
    const { id } = await make('long-lived')
    await store.query(
      "INSERT INTO monitor_checks (tenant, monitor_id, at, ok) SELECT 'acme', $1, $2::timestamptz + n * interval '1 minute', true FROM generate_series(1, 1300) AS n",
      [id, at(0)],
    )
    await store.query(
      "INSERT INTO monitor_checks (tenant, monitor_id, at, ok) SELECT 'acme', $1, $2::timestamptz - n * interval '1 day', false FROM generate_series(80, 100) AS n",
      [id, at(0)],
    )
    await store.query('UPDATE monitors SET hits = 1399 WHERE id = $1', [id])
    await hit(id, 1301)
    const counts = await store.query<{ ok: boolean; n: number }>(
      'SELECT ok, count(*)::int AS n FROM monitor_checks WHERE monitor_id = $1 GROUP BY ok ORDER BY ok',
      [id],
    )
    expect(counts).toEqual([
      { ok: false, n: 10 },
      { ok: true, n: 1000 },
    ])
  })

  it('go with their monitor', async () => {
    const { id } = await make('short-lived')
    await hit(id, 0)
    await monitors.remove('acme', id, acme)
    await hit(id, 1)
    await missedAt('acme', id, `hb-${id}-3`, T0 + 3 * MINUTE, T0)
    expect(await store.query('SELECT 1 FROM monitor_checks WHERE monitor_id = $1', [id])).toEqual([])
  })
})

describe('the state of an alert', () => {
  const state = {
    status: 'firing',
    anomalyId: 'anom-1',
    startsAt: '2026-01-01T00:00:00Z',
    service: 'payment',
    lastSeenAtMs: 5000,
    position: '0:10:0',
  } as const

  it('is the one that was saved last, per tenant and fingerprint', async () => {
    expect(await plane.alertState('acme', 'f1')).toBeNull()
    await plane.saveAlertState('acme', 'f1', state)
    await plane.saveAlertState('acme', 'f1', { ...state, lastSeenAtMs: 6000, position: '0:11:0' })
    expect(await plane.alertState('acme', 'f1')).toEqual({ ...state, lastSeenAtMs: 6000, position: '0:11:0' })
    expect(await plane.alertState('globex', 'f1')).toBeNull()
  })

  it('is not set back by one that was judged before a later alert was applied: not by its own end either', async () => {
    const at = (position: string, status: 'firing' | 'resolved' = 'firing') =>
      plane.saveAlertState('acme', 'late', { ...state, status, position })
    const now = async () => {
      const saved = await plane.alertState('acme', 'late')
      return `${saved!.position} ${saved!.status}`
    }
    await at('0:9:3')
    await at('0:10:0')
    expect(await now()).toBe('0:10:0 firing')
    for (const earlier of ['0:9:3', '0:9:999', '0:2:0']) await at(earlier, 'resolved')
    expect(await now()).toBe('0:10:0 firing')
    await at('0:10:0', 'resolved')
    expect(await now()).toBe('0:10:0 resolved')
    await at('1:2:0')
    expect(await now()).toBe('1:2:0 firing')
  })

  it('is stale while it fires unseen for too long or longer than it is active for, not when resolved', async () => {
    await plane.saveAlertState('acme', 'seen', { ...state, lastSeenAtMs: 9000 })
    await plane.saveAlertState('globex', 'unseen', { ...state, lastSeenAtMs: 1000 })
    await plane.saveAlertState('acme', 'over', { ...state, status: 'resolved', lastSeenAtMs: 1000 })
    await plane.saveAlertState('acme', 'ended', { ...state, lastSeenAtMs: 12_000, activeForMs: 2999 })
    await plane.saveAlertState('acme', 'active', { ...state, lastSeenAtMs: 12_000, activeForMs: 3000 })
    const stale = async (atMs: number, unseenForMs: number): Promise<string[]> =>
      (await plane.staleAlerts(atMs, unseenForMs)).map((one) => `${one.tenant}/${one.fingerprint}`).sort()
    expect(await stale(15_000, 10_000)).toEqual(['acme/ended', 'globex/unseen'])
    expect(await stale(15_000, 2000)).toContain('acme/active')
  })
})
