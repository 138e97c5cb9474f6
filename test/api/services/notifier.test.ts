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
import type { Store } from '../../../api/store/store.ts'
import { until } from '../../../bench/load/product.ts'
import type { SignalOpened } from '../../../streams/contracts/signals.ts'
import { actorOf, openTestStore, type TestStore } from './open-test-store.ts'

const SECRET = 'a secret of 16 or more'
const COOLDOWN_MS = 300_000
interface Received { readonly headers: IncomingHttpHeaders; readonly body: string; readonly event: { id: string; type: string; text: string; data: { id: string; status: string } } }
let opened: TestStore
let store: Store
let server: Server
let received: Received[] = []
let answer: (nth: number) => number = () => 200
let notifier: { close(): Promise<void> } | null = null
beforeAll(async () => {
  opened = await openTestStore()
  store = opened.store
  server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => { body += chunk.toString() }).on('end', () => {
      received.push({ headers: request.headers, body, event: JSON.parse(body) as Received['event'] })
      response.writeHead(answer(received.length)).end()
    })
  })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
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

const start = (): void => {
  const { port } = server.address() as AddressInfo
  const incidents = createIncidents(store, Date.now)
  notifier = startNotifier({ url: `http://127.0.0.1:${port}/hook`, secret: SECRET, pollMs: 10, againMs: 20 }, {
    store, leases: createSoleOwner(), fetch: createGuardedFetch({ allow: parseAllowList(`127.0.0.1:${port}`) as AllowList }), clock: Date.now, onError: () => undefined,
    incident: (tenant, id) => incidents.get(tenant, id).catch(() => null),
  })
}
const plane = () => createControlPlane(store, { cooldownMs: COOLDOWN_MS, clock: Date.now })
let signals = 0
const signalOf = (service: string): SignalOpened => ({ tenant: 'acme', kind: 'alert', id: `anom-${signals++}`, service, summary: `${service} fails`, severity: 'critical', startedAtMs: Date.now(), neighbours: [] })
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
  answer = (nth) => nth <= 3 ? 500 : 200
  const signal = signalOf('cart')
  await plane().opened(signal)
  await plane().resolved({ tenant: 'acme', kind: 'alert', id: signal.id, endedAtMs: Date.now() })
  start()
  await until('both are taken', 5000, () => received.length === 5, 10)
  expect(types()).toEqual(['incident.opened', 'incident.opened', 'incident.opened', 'incident.opened', 'incident.resolved'])
  expect(new Set(received.slice(0, 4).map(({ event }) => event.id)).size).toBe(1)
  await new Promise((resolve) => { setTimeout(resolve, 100) })
  expect(received).toHaveLength(5)
})

it('a person who resolves an incident is told of too, once; a signal that joins it is not', async () => {
  start()
  const signal = signalOf('search')
  await plane().opened(signal)
  await plane().opened({ ...signalOf('search'), startedAtMs: signal.startedAtMs })
  const [{ id }] = await store.query<{ id: string }>("SELECT id FROM incidents WHERE tenant = 'acme' AND status = 'open' AND title = 'search fails'")
  const incidents = createIncidents(store, Date.now)
  await incidents.resolve('acme', id, actorOf('acme'))
  await incidents.resolve('acme', id, actorOf('acme'))
  await until('both are told', 5000, () => received.length === 2, 10)
  expect(types()).toEqual(['incident.opened', 'incident.resolved'])
  expect(received[1].event.text).not.toContain('by itself')
})

it('an event is of its transaction: what is rolled back is never told', async () => {
  start()
  await expect(store.transaction(async () => {
    await plane().opened(signalOf('rolled'))
    throw new Error('no')
  })).rejects.toThrow('no')
  await plane().opened(signalOf('kept'))
  await until('one is told', 5000, () => received.length >= 1, 10)
  expect(received.map(({ event }) => event.text)).toEqual([expect.stringContaining('kept fails')])
})
