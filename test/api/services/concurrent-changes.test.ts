// Callers at the same time: each change sees the one before it. PGlite has one session and cannot go wrong here, a PostgreSQL server can.
import { afterAll, beforeAll, expect, it } from 'vitest'
import { listAudit } from '../../../api/services/audit.ts'
import { bootstrap } from '../../../api/services/bootstrap.ts'
import { createControlPlane } from '../../../api/services/control-plane.ts'
import { createSealer } from '../../../api/services/ids.ts'
import { createIncidents, type Incidents } from '../../../api/services/incidents.ts'
import { createMonitors, type Monitors } from '../../../api/services/monitors.ts'
import type { ControlPlane } from '../../../streams/contracts/control-plane.ts'
import type { SignalOpened } from '../../../streams/contracts/signals.ts'
import { actorOf, openTestStore, type TestStore } from './open-test-store.ts'

const NOW = Date.parse('2026-03-01T12:00:00Z')
const ROUNDS = 3
const acme = actorOf('acme')
let test: TestStore
let incidents: Incidents
let monitors: Monitors
let plane: ControlPlane
beforeAll(async () => {
  test = await openTestStore()
  incidents = createIncidents(test.store, () => NOW)
  monitors = createMonitors(test.store, createSealer('a secret key of the test'))
  plane = createControlPlane(test.store, { cooldownMs: 0, clock: () => NOW })
})
afterAll(async () => {
  await test.close()
})

const rounds = async (run: (round: number) => Promise<void>): Promise<void> => {
  for (let round = 0; round < ROUNDS; round++) await run(round)
}
const together = <T>(count: number, run: (n: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, n) => run(n)))
const trail = async (resource: string): Promise<string[]> =>
  (await listAudit(test.store, 'acme', { limit: 1000 })).filter((row) => row.resource === resource).map((row) => row.action)
const signal = (service: string, id: string): SignalOpened => ({
  tenant: 'acme',
  kind: 'anomaly',
  id,
  service,
  summary: `${service}: slow`,
  severity: 'minor',
  startedAtMs: NOW,
  neighbours: [],
})
const incidentOf = async (service: string) => {
  const found = (await incidents.list('acme', { limit: 1000 })).filter((one) => one.services.includes(service))
  expect(found).toHaveLength(1)
  return found[0]
}

it('an incident acknowledged by many at once is acknowledged once', () =>
  rounds(async (round) => {
    await plane.opened(signal(`ack-${round}`, `ack-${round}`))
    const { id } = await incidentOf(`ack-${round}`)
    await together(6, () => incidents.acknowledge('acme', id, acme))
    expect((await incidents.get('acme', id)).updates).toHaveLength(1)
    expect(await trail(`incident:${id}`)).toEqual(['ACKNOWLEDGE_INCIDENT', 'OPEN_INCIDENT'])
  }))

it('signals of one service at once open one incident', () =>
  rounds(async (round) => {
    await together(6, (n) => plane.opened(signal(`open-${round}`, `open-${round}-${n}`)))
    expect((await incidentOf(`open-${round}`)).signals).toHaveLength(6)
  }))

it('an acknowledgement is not lost to a signal that joins meanwhile, nor does it revive an incident that ends meanwhile', () =>
  rounds(async (round) => {
    const service = `both-${round}`
    await plane.opened(signal(service, `${service}-0`))
    const { id } = await incidentOf(service)
    await Promise.all([
      plane.opened(signal(service, `${service}-1`)),
      incidents.acknowledge('acme', id, acme),
      plane.opened(signal(service, `${service}-2`)),
    ])
    expect(await incidents.get('acme', id)).toMatchObject({ status: 'acknowledged', signals: [{}, {}, {}] })

    await plane.opened(signal(`${service}-end`, `${service}-end`))
    const ending = await incidentOf(`${service}-end`)
    await Promise.all([
      incidents.acknowledge('acme', ending.id, acme),
      plane.resolved({ tenant: 'acme', kind: 'anomaly', id: `${service}-end`, endedAtMs: NOW }),
    ])
    expect(await incidents.get('acme', ending.id)).toMatchObject({ status: 'resolved', autoResolved: true })
  }))

it('changes of different fields of a monitor at once are all kept', () =>
  rounds(async (round) => {
    const { id } = await monitors.create('acme', { name: `fields-${round}`, intervalSec: 60 }, acme)
    await Promise.all([
      monitors.patch('acme', id, { intervalSec: 120 }, acme),
      monitors.patch('acme', id, { heartbeatGraceSec: 7 }, acme),
      monitors.patch('acme', id, { alertLabels: { team: 'a' } }, acme),
    ])
    expect(await monitors.get('acme', id)).toMatchObject({ intervalSec: 120, heartbeatGraceSec: 7, alertLabels: { team: 'a' } })
  }))

it('a miss and a hit at once leave a monitor that is up, and no miss of it open', () =>
  rounds(async (round) => {
    const service = `missed-${round}`
    const { id } = await monitors.create('acme', { name: service, intervalSec: 60 }, acme)
    await plane.heartbeatHit('acme', id, NOW - 90_000)
    const miss: SignalOpened = { ...signal(service, `hb-${round}`), kind: 'heartbeat', startedAtMs: NOW - 10_000 }
    await Promise.all([
      plane.heartbeatMissed(miss, id, NOW - 90_000),
      plane.heartbeatHit('acme', id, NOW),
      plane.heartbeatMissed(miss, id, NOW - 90_000),
      plane.heartbeatHit('acme', id, NOW + 1),
    ])
    expect((await plane.heartbeatMonitors()).find((one) => one.id === id)).toMatchObject({
      status: 'up',
      lastHitAtMs: NOW + 1,
      missId: null,
    })
    const open = await test.store.query("SELECT 1 FROM incident_signals WHERE kind = 'heartbeat' AND signal_id = $1 AND ended_at IS NULL", [
      miss.id,
    ])
    expect(open).toEqual([])
  }))

it('a monitor deleted by many at once is deleted once, a name asked for by many is given once', () =>
  rounds(async (round) => {
    const codes = await together(5, (n) =>
      monitors.create('acme', { name: `name-${round}`, intervalSec: 60 + n }, acme).then(
        () => 'made',
        (error: { code: string }) => error.code,
      ),
    )
    expect(codes.toSorted()).toEqual([
      'MONITOR_NAME_DUPLICATE',
      'MONITOR_NAME_DUPLICATE',
      'MONITOR_NAME_DUPLICATE',
      'MONITOR_NAME_DUPLICATE',
      'made',
    ])
    const { id } = (await monitors.list('acme')).find((one) => one.name === `name-${round}`)!
    const deleted = await together(5, () =>
      monitors.remove('acme', id, acme).then(
        () => 'deleted',
        (error: { code: string }) => error.code,
      ),
    )
    expect(deleted.toSorted()).toEqual(['NOT_FOUND', 'NOT_FOUND', 'NOT_FOUND', 'NOT_FOUND', 'deleted'])
    expect(await trail(`monitor:${id}`)).toEqual(['DELETE_MONITOR', 'CREATE_MONITOR'])
  }))

it('processes that start at once make the first token once', async () => {
  const given = `obs_${'s'.repeat(43)}`
  const made = await together(6, () => bootstrap(test.store, { bootstrapToken: given }))
  expect(made.filter(({ token }) => token === given)).toHaveLength(1)
})
