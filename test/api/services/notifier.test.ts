// Notifications over a real HTTP receiver: one for each incident that opens or resolves, in order, again until it is taken, signed.
import { createHmac } from 'node:crypto'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { parseAllowList, type AllowList } from '../../../api/egress/address.ts'
import { createGuardedFetch } from '../../../api/egress/guarded-fetch.ts'
import { createControlPlane } from '../../../api/services/control-plane.ts'
import { createIncidents } from '../../../api/services/incidents.ts'
import { createSoleOwner } from '../../../api/services/leases.ts'
import { startNotifier } from '../../../api/services/notifier.ts'
import { addEvent, dueEvents, pruneEvents, waitingEvents } from '../../../api/services/outbox.ts'
import type { Store } from '../../../api/store/store.ts'
import { until } from '../../../bench/load/product.ts'
import type { Leases } from '../../../streams/contracts/leases.ts'
import type { SignalOpened } from '../../../streams/contracts/signals.ts'
import { actorOf, openTestStore, type TestStore } from './open-test-store.ts'

const SECRET = 'a secret of 16 or more'
const COOLDOWN_MS = 300_000
const TIMEOUT_MS = 1000
interface Received {
  readonly headers: IncomingHttpHeaders
  readonly body: string
  readonly event: { id: string; type: string; text: string; data: { id: string; status: string } }
}
let opened: TestStore
let store: Store
let server: Server
let received: Received[] = []
/** A status; null: none, ever. */
let answer: (nth: number) => number | null = () => 200
let notifier: { close(): Promise<void> } | null = null
beforeAll(async () => {
  opened = await openTestStore()
  store = opened.store
  server = createServer((request, response) => {
    let body = ''
    request
      .on('data', (chunk: Buffer) => {
        body += chunk.toString()
      })
      .on('end', () => {
        received.push({ headers: request.headers, body, event: JSON.parse(body) as Received['event'] })
        const status = answer(received.length)
        if (status !== null) response.writeHead(status).end()
      })
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
})
afterAll(async () => {
  server.closeAllConnections()
  server.close()
  await opened.close()
})
beforeEach(() => {
  received = []
  answer = () => 200
})
afterEach(async () => {
  await notifier?.close()
  notifier = null
  await store.query('DELETE FROM outbox')
})

const start = (leases: Leases = createSoleOwner()): void => {
  const { port } = server.address() as AddressInfo
  const incidents = createIncidents(store, Date.now)
  notifier = startNotifier(
    { url: `http://127.0.0.1:${port}/hook`, secret: SECRET, pollMs: 10, againMs: 20 },
    {
      store,
      leases,
      fetch: createGuardedFetch({ allow: parseAllowList(`127.0.0.1:${port}`) as AllowList, timeoutMs: TIMEOUT_MS }),
      clock: Date.now,
      onError: () => undefined,
      incident: (tenant, id) => incidents.get(tenant, id).catch(() => null),
    },
  )
}
const plane = () => createControlPlane(store, { cooldownMs: COOLDOWN_MS, clock: Date.now })
let signals = 0
const signalOf = (service: string): SignalOpened => ({
  tenant: 'acme',
  kind: 'alert',
  id: `anom-${signals++}`,
  service,
  summary: `${service} fails`,
  severity: 'critical',
  startedAtMs: Date.now(),
  neighbours: [],
})
const types = (): string[] => received.map(({ event }) => event.type)

it('an incident that opens and resolves is told of twice, in words and as it is, signed in both ways', async () => {
  start()
  const signal = signalOf('checkout')
  await plane().opened(signal)
  await until('the opening is told', 5000, () => received.length === 1, 10)
  await plane().resolved({ tenant: 'acme', kind: 'alert', id: signal.id, endedAtMs: Date.now() })
  await until('the end is told', 5000, () => received.length === 2, 10)
  const [first, second] = received
  expect(types()).toEqual(['incident.opened', 'incident.resolved'])
  expect(first.event.text).toMatch(/^Incident #\d+ opened: checkout fails \(critical; checkout\)$/)
  expect(second.event.text).toContain('resolved by itself')
  expect(second.event.data).toMatchObject({ id: first.event.data.id, status: 'resolved', auto_resolved: true })
  for (const { headers, body, event } of received) {
    const at = headers['webhook-timestamp'] as string
    expect(headers['webhook-id']).toBe(event.id)
    expect(headers['webhook-signature']).toBe(`v1,${createHmac('sha256', SECRET).update(`${event.id}.${at}.${body}`).digest('base64')}`)
    expect(headers['x-24observe-signature']).toBe(`t=${at},v1=${createHmac('sha256', SECRET).update(`${at}.${body}`).digest('hex')}`)
    expect(headers['x-24observe-event']).toBe(event.type)
  }
  expect(first.event.id).not.toBe(second.event.id)
})

it('what is not taken is sent again under the same id, and what came after it waits', async () => {
  answer = (nth) => (nth <= 3 ? 500 : 200)
  const signal = signalOf('cart')
  await plane().opened(signal)
  await plane().resolved({ tenant: 'acme', kind: 'alert', id: signal.id, endedAtMs: Date.now() })
  const waiting = await waitingEvents(store)
  expect(waiting.count).toBe(2)
  expect(Math.abs(Date.now() - waiting.oldestAtMs!)).toBeLessThan(60_000)
  start()
  await until('both are taken', 5000, () => received.length === 5, 10)
  await until('both are marked', 5000, async () => (await waitingEvents(store)).count === 0, 10)
  expect(await waitingEvents(store)).toEqual({ count: 0, oldestAtMs: null })
  expect(types()).toEqual(['incident.opened', 'incident.opened', 'incident.opened', 'incident.opened', 'incident.resolved'])
  expect(new Set(received.slice(0, 4).map(({ event }) => event.id)).size).toBe(1)
  await new Promise((resolve) => {
    setTimeout(resolve, 100)
  })
  expect(received).toHaveLength(5)
})

it('a person who resolves an incident is told of too, once; a signal that joins it is not', async () => {
  start()
  const signal = signalOf('search')
  await plane().opened(signal)
  await plane().opened({ ...signalOf('search'), startedAtMs: signal.startedAtMs })
  const [{ id }] = await store.query<{ id: string }>(
    "SELECT id FROM incidents WHERE tenant = 'acme' AND status = 'open' AND title = 'search fails'",
  )
  const incidents = createIncidents(store, Date.now)
  await incidents.resolve('acme', id, actorOf('acme'))
  await incidents.resolve('acme', id, actorOf('acme'))
  await until('both are told', 5000, () => received.length === 2, 10)
  expect(types()).toEqual(['incident.opened', 'incident.resolved'])
  expect(received[1].event.text).not.toContain('by itself')
})

it('an event is of its transaction: what is rolled back is never told', async () => {
  start()
  await expect(
    store.transaction(async () => {
      await plane().opened(signalOf('rolled'))
      throw new Error('no')
    }),
  ).rejects.toThrow('no')
  await plane().opened(signalOf('kept'))
  await until('one is told', 5000, () => received.length >= 1, 10)
  expect(received.map(({ event }) => event.text)).toEqual([expect.stringContaining('kept fails')])
})

it('events of one incident are told in the order in which they were written, also those of one transaction', async () => {
  const written: string[] = []
  await store.transaction(async (sql) => {
    for (const type of Array.from({ length: 12 }, (_, index) => (index % 2 === 0 ? 'incident.opened' : ('incident.resolved' as const)))) {
      await addEvent(sql, { tenant: 'acme', type, resource: 'inc_order' })
      written.push(type)
    }
  })
  const told: string[] = []
  for (let due = await dueEvents(store, 20); due.length > 0; due = await dueEvents(store, 20)) {
    expect(due).toHaveLength(1)
    told.push(due[0].type)
    await store.query('DELETE FROM outbox WHERE id = $1', [due[0].id])
  }
  expect(told).toEqual(written)
})

it('what was sent and not seen to be taken is sent again by the next process, under the same id', async () => {
  answer = (nth) => (nth === 1 ? null : 200)
  await plane().opened(signalOf('killed'))
  const { port } = server.address() as AddressInfo
  const incidents = createIncidents(store, Date.now)
  // Dead with its request on the way: nothing of what it would have written is written.
  const dead: Store = {
    ...store,
    query: (text, values) => (text.startsWith('UPDATE outbox') ? new Promise(() => undefined) : store.query(text, values)),
  }
  const first = startNotifier(
    { url: `http://127.0.0.1:${port}/hook`, secret: SECRET, pollMs: 10 },
    {
      store: dead,
      leases: createSoleOwner(),
      fetch: createGuardedFetch({ allow: parseAllowList(`127.0.0.1:${port}`) as AllowList }),
      clock: Date.now,
      onError: () => undefined,
      incident: (tenant, id) => incidents.get(tenant, id),
    },
  )
  await until('it came', 5000, () => received.length === 1, 10)
  void first.close()
  start()
  await until('it came again', 5000, () => received.length === 2, 10)
  expect(received[1].event.id).toBe(received[0].event.id)
})

it('a receiver that does not answer holds neither the end of the process nor more than one request', async () => {
  answer = () => null
  for (const service of ['one', 'two', 'three', 'four'])
    await plane().opened({ ...signalOf(`hang-${service}`), startedAtMs: Date.now() - 3_600_000 })
  start()
  await until('one came', 5000, () => received.length === 1, 10)
  const begun = performance.now()
  await notifier!.close()
  expect(performance.now() - begun).toBeLessThan(TIMEOUT_MS * 1.8)
  expect(received).toHaveLength(1)
})

it('a process whose lease has another owner stops between two events', async () => {
  let held = true
  const leases: Leases = { ...createSoleOwner(), claim: async (name) => (held ? await createSoleOwner().claim(name) : null) }
  answer = () => {
    held = false
    return 200
  }
  await plane().opened(signalOf('lease-one'))
  await plane().opened({ ...signalOf('lease-two'), startedAtMs: Date.now() - 3_600_000 })
  start(leases)
  await until('one came', 5000, () => received.length === 1, 10)
  await new Promise((resolve) => {
    setTimeout(resolve, 150)
  })
  expect(received).toHaveLength(1)
})

it('nobody is to be told: events are kept for an hour, and not for good', async () => {
  for (const resource of ['inc_old', 'inc_new']) await addEvent(store, { tenant: 'acme', type: 'incident.opened', resource })
  await store.query("UPDATE outbox SET created_at = now() - interval '2 hours' WHERE resource = 'inc_old'")
  await pruneEvents(store, 24 * 7)
  expect(await store.query('SELECT 1 FROM outbox')).toHaveLength(2)
  notifier = startNotifier(null, {
    store,
    leases: createSoleOwner(),
    fetch: () => Promise.reject(new Error('nothing is sent')),
    incident: async () => null,
    clock: Date.now,
    onError: () => undefined,
  })
  await until('the old one is gone', 5000, async () => (await store.query('SELECT 1 FROM outbox')).length === 1, 10)
  expect(await store.query('SELECT resource FROM outbox')).toEqual([{ resource: 'inc_new' }])
})
