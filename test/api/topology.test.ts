// What people say of their services over the API, and the graph that it becomes part of.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createTopology } from '../../api/services/service-declarations.ts'
import type { TopologyQuestion } from '../../streams/contracts/rca.ts'
import { bearer, NOW, openHarness, type Harness } from './harness.ts'

const PATH = '/api/v1/context/services'
const TOPOLOGY = '/api/v1/context/topology'
let api: Harness
let answered: { tenant: string; question: TopologyQuestion }[] = []
const edge = {
  from: 'checkout',
  to: 'payments',
  directed: true,
  kind: 'trace' as const,
  sources: ['trace' as const, 'declared' as const],
  calls: 12,
  errors: 3,
  firstSeen: '2026-01-31T11:00:00.000Z',
  lastSeen: '2026-01-31T12:00:00.000Z',
  evidence: [],
}
const service = {
  service: 'checkout',
  owner: 'team-shop',
  seen: true,
  declared: true,
  records: 10,
  errors: 1,
  firstSeen: null,
  lastSeen: null,
}
beforeAll(async () => {
  const never = async () => {
    throw new Error('not asked')
  }
  api = await openHarness(
    undefined,
    {},
    {
      rca: {
        correlations: async (_tenant, of) => ({ service_id: of, correlations: [] }),
        analysis: never,
        blast: never,
        graph: never,
        neighbours: never,
        topology: async (tenant, question) => {
          answered.push({ tenant, question })
          return tenant === 'a'
            ? { services: [service], edges: [edge], traces: { examined: 12, found: 12 }, truncated: false }
            : { services: [], edges: [], traces: { examined: 0, found: 0 }, truncated: false }
        },
      },
    },
  )
})
afterAll(async () => {
  await api.close()
})
beforeEach(async () => {
  answered = []
  await api.store.query('DELETE FROM service_declarations')
})
type Method = 'GET' | 'PUT' | 'DELETE'
const call = async (method: Method, url: string, payload?: object, who = 'owner') => {
  const reply = await api.app.inject({ method, url, headers: bearer(who), ...(payload === undefined ? {} : { payload }) })
  return {
    status: reply.statusCode,
    said: reply.body === '' ? {} : reply.json(),
    undo: reply.headers['x-undo'] === undefined ? null : JSON.parse(String(reply.headers['x-undo'])),
  }
}

test('owner and dependencies of a service are said, seen by their tenant alone, and known to the analysis', async () => {
  const { status, said } = await call('PUT', `${PATH}/checkout`, {
    owner: 'team-shop',
    description: 'takes orders',
    dependsOn: ['payments', 'stock', 'payments'],
  })
  expect([status, said]).toEqual([
    200,
    expect.objectContaining({
      service: 'checkout',
      owner: 'team-shop',
      description: 'takes orders',
      dependsOn: ['payments', 'stock'],
      updatedBy: 'a@example.test',
      undo: { possible: true, method: 'DELETE', path: `${PATH}/checkout` },
    }),
  ])
  expect((await call('GET', PATH)).said.services).toMatchObject([{ service: 'checkout', owner: 'team-shop' }])
  expect((await call('GET', `${PATH}/checkout`)).said).toMatchObject({ description: 'takes orders' })
  expect((await call('GET', PATH, undefined, 'other')).said).toEqual({ services: [] })
  for (const method of ['GET', 'DELETE'] as const)
    expect((await call(method, `${PATH}/checkout`, undefined, 'other')).said).toMatchObject({ code: 'NOT_FOUND' })
  const topology = createTopology(api.store)
  expect(await topology('a')).toEqual({
    owners: new Map([['checkout', 'team-shop']]),
    declared: [
      { from: 'checkout', to: 'payments' },
      { from: 'checkout', to: 'stock' },
    ],
  })
  expect(await topology('b')).toEqual({ owners: new Map(), declared: [] })
})

test('what was said is put back by the call that the change names, whatever the service is called', async () => {
  const name = 'a/b "c" ü?#%'
  const at = `${PATH}/${encodeURIComponent(name)}`
  const first = await call('PUT', at, { dependsOn: ['payments'] })
  const second = await call('PUT', at, { owner: 'team-shop' })
  expect((await call('GET', at)).said).toMatchObject({ service: name, owner: 'team-shop', dependsOn: [] })
  await call(second.said.undo.method, second.said.undo.path, second.said.undo.body)
  expect((await call('GET', at)).said).toMatchObject({ owner: null, dependsOn: ['payments'] })
  const gone = await call(first.said.undo.method, first.said.undo.path)
  expect([gone.status, (await call('GET', at)).status]).toEqual([204, 404])
  expect((await call(gone.undo.method, gone.undo.path, gone.undo.body)).said).toMatchObject({ service: name, dependsOn: ['payments'] })
  const longest = 'ü'.repeat(255)
  expect((await call('PUT', `${PATH}/${encodeURIComponent(longest)}`, { owner: 'x' })).said).toMatchObject({ service: longest })
})

test('a dry run says what would change and changes nothing; the real call is in the audit trail', async () => {
  expect((await call('PUT', `${PATH}/checkout?dry_run=true`, { owner: 'x' })).said).toMatchObject({
    dryRun: true,
    owner: 'x',
    changes: [{ action: 'DECLARE_SERVICE', resource: 'service:checkout', diff: { owner: { from: null, to: 'x' } } }],
  })
  expect((await call('GET', PATH)).said.services).toEqual([])
  await call('PUT', `${PATH}/checkout`, { owner: 'x' })
  expect((await call('DELETE', `${PATH}/checkout?dry_run=true`)).said).toMatchObject({
    dryRun: true,
    changes: [{ action: 'WITHDRAW_SERVICE' }],
  })
  await call('DELETE', `${PATH}/checkout`)
  expect((await call('GET', '/api/v1/audit-logs?limit=2')).said.auditLogs.map((one: { action: string }) => one.action)).toEqual([
    'WITHDRAW_SERVICE',
    'DECLARE_SERVICE',
  ])
})

test('what says nothing, or nonsense, or comes from who may only read is refused at its field', async () => {
  for (const [body, path] of [
    [{}, 'owner'],
    [{ dependsOn: [] }, 'owner'],
    [{ dependsOn: ['checkout'] }, 'dependsOn'],
    [{ owner: '' }, 'owner'],
    [{ team: 'x' }, 'team'],
    [{ dependsOn: [''] }, 'dependsOn.0'],
    [{ dependsOn: Array.from({ length: 201 }, (_, i) => `s${i}`) }, 'dependsOn'],
  ] as const) {
    expect([body, (await call('PUT', `${PATH}/checkout`, body)).said]).toMatchObject([
      body,
      { code: 'VALIDATION_FAILED', fields: [{ path }] },
    ])
  }
  expect((await call('PUT', `${PATH}/checkout`, { owner: 'x' }, 'viewer')).said).toMatchObject({ code: 'ROLE_INSUFFICIENT' })
  expect((await call('PUT', `${PATH}/checkout`, { owner: 'x' }, 'responder')).said).toMatchObject({
    code: 'PAT_SCOPE_INSUFFICIENT',
    required_scopes: ['context:write'],
  })
})

test('a tenant declares at most 2,000 services and 10,000 dependencies, and may still change those it has', async () => {
  await api.store.query(
    `INSERT INTO service_declarations (tenant, service, owner, depends_on, author) SELECT 'a', 's' || n, 'x', (SELECT jsonb_agg('t' || m) FROM generate_series(1, 5) m), 'x' FROM generate_series(1, 1999) n`,
  )
  expect((await call('PUT', `${PATH}/new`, { dependsOn: Array.from({ length: 6 }, (_, i) => `t${i}`) })).said).toMatchObject({
    code: 'VALIDATION_FAILED',
    fields: [{ path: 'dependsOn', code: 'too_many' }],
  })
  expect((await call('PUT', `${PATH}/new`, { owner: 'x' })).status).toBe(200)
  expect((await call('PUT', `${PATH}/newer`, { owner: 'x' })).said).toMatchObject({ fields: [{ path: 'service', code: 'too_many' }] })
  expect((await call('PUT', `${PATH}/s7`, { owner: 'y' })).status).toBe(200)
})

test('declarations are listed page by page and by owner', async () => {
  for (const [name, owner] of [
    ['b', 'x'],
    ['a', 'x'],
    ['C', 'y'],
    ['c', 'x'],
  ])
    await call('PUT', `${PATH}/${name}`, { owner })
  const names = async (query: string) => {
    const { said } = await call('GET', `${PATH}?${query}`)
    return [said.services.map((one: { service: string }) => one.service), said.nextCursor] as const
  }
  const [first, cursor] = await names('owner=x&limit=2')
  expect([first, await names(`owner=x&limit=2&cursor=${cursor}`)]).toEqual([
    ['a', 'b'],
    [['c'], undefined],
  ])
  expect((await call('GET', `${PATH}?owner=y&cursor=${cursor}`)).said).toMatchObject({ code: 'CURSOR_MISMATCH' })
  expect((await names(''))[0]).toEqual(['C', 'a', 'b', 'c'])
})

test('one service at a glance has its owner and who says to depend on it', async () => {
  await call('PUT', `${PATH}/payments`, { owner: 'team-money' })
  await call('PUT', `${PATH}/checkout`, { dependsOn: ['payments'] })
  expect((await call('GET', '/api/v1/context/service/payments')).said.declared).toEqual({
    owner: 'team-money',
    description: null,
    dependsOn: [],
    dependedOnBy: ['checkout'],
  })
  expect((await call('GET', '/api/v1/context/service/payments', undefined, 'other')).said.declared).toEqual({
    owner: null,
    description: null,
    dependsOn: [],
    dependedOnBy: [],
  })
})

test('the description says that first and last of services and edges are within the range', async () => {
  const { paths } = (await api.app.inject('/openapi.json')).json()
  const { services, edges } = paths[TOPOLOGY].get.responses['200'].content['application/json'].schema.properties
  for (const { items } of [services, edges])
    expect([items.properties.firstSeen.description, items.properties.lastSeen.description]).toEqual([
      expect.stringContaining('within the range'),
      expect.stringContaining('within the range'),
    ])
})

test('the graph is asked for the last hour of the tenant, without correlation, unless told otherwise', async () => {
  const { said } = await call('GET', TOPOLOGY)
  expect(answered).toEqual([{ tenant: 'a', question: { service: null, depth: 1, fromMs: NOW - 3_600_000, toMs: NOW, correlation: false } }])
  expect(said).toEqual({
    range: { from: new Date(NOW - 3_600_000).toISOString(), to: new Date(NOW).toISOString() },
    services: [service],
    edges: [edge],
    traces: { examined: 12, found: 12 },
    truncated: false,
  })
  await call('GET', `${TOPOLOGY}?service=checkout&depth=2&from=now-2h&to=now-1h&correlation=true`)
  expect(answered[1].question).toEqual({ service: 'checkout', depth: 2, fromMs: NOW - 7_200_000, toMs: NOW - 3_600_000, correlation: true })
  expect((await call('GET', TOPOLOGY, undefined, 'other')).said).toMatchObject({ services: [], emptyReason: 'no_data_in_range' })
  expect((await call('GET', `${TOPOLOGY}?from=now-2d`)).said).toMatchObject({ code: 'BAD_TIME_RANGE' })
  expect((await call('GET', TOPOLOGY, undefined, 'responder')).said).toMatchObject({ code: 'PAT_SCOPE_INSUFFICIENT' })
})
