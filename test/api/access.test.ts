// Who may call what, and that everything which is refused is refused in one envelope.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { errorCodes } from '../../api/errors.ts'
import { operations } from '../../api/operations.ts'
import { TransientError } from '../../streams/contracts/errors.ts'
import { addOwner, bearer, openHarness, type Harness } from './harness.ts'

let api: Harness
beforeAll(async () => {
  api = await openHarness()
})
afterAll(async () => {
  await api.close()
})

interface Reply {
  readonly statusCode: number
  readonly headers: Record<string, unknown>
  json(): Record<string, unknown>
}
const expectEnvelope = (reply: Reply, code: keyof typeof errorCodes): void => {
  const body = reply.json()
  expect(body.code).toBe(code)
  expect(reply.statusCode).toBe(errorCodes[code].status)
  expect(body.request_id).toBe(reply.headers['x-request-id'])
  expect(typeof body.error).toBe('string')
}
type Spec = { paths: Record<string, Record<string, { operationId?: string }>> }
const operationsOf = (spec: Spec): { id: string; method: string; path: string }[] =>
  Object.entries(spec.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, one]) => ({ id: one.operationId ?? '', method, path })),
  )

test('every operation of the table is served, and every route is in the table', async () => {
  const ids = operationsOf((await api.app.inject('/openapi.json')).json<Spec>())
    .filter((one) => one.method !== 'head')
    .map((one) => one.id)
  expect([...new Set(ids)].sort()).toEqual(Object.keys(operations).sort())
})

test('every operation that is not public refuses a call without a token and one without its scope', async () => {
  for (const { id, method, path } of operationsOf((await api.app.inject('/openapi.json')).json<Spec>())) {
    if ('public' in operations[id as keyof typeof operations]) continue
    const call = { method: method.toUpperCase() as 'GET', url: path.replace(/\{\w+\}/, 'x') }
    expectEnvelope(await api.app.inject(call), 'UNAUTHENTICATED')
    if (id !== 'getPermissions' && id !== 'mcp')
      expectEnvelope(await api.app.inject({ ...call, headers: bearer('writer') }), 'PAT_SCOPE_INSUFFICIENT')
  }
})

test('an expired and an unknown token are refused, X-API-Key is taken', async () => {
  expectEnvelope(await api.app.inject({ url: '/api/v1/monitors', headers: bearer('expired') }), 'UNAUTHENTICATED')
  expectEnvelope(await api.app.inject({ url: '/api/v1/monitors', headers: bearer('nobody') }), 'UNAUTHENTICATED')
  expect(
    (await api.app.inject({ url: '/api/v1/monitors', headers: { 'x-api-key': bearer('owner').authorization.slice(7) } })).statusCode,
  ).toBe(200)
})

test('a role below the one of the operation is refused although the scope is there', async () => {
  expectEnvelope(
    await api.app.inject({ method: 'POST', url: '/api/v1/monitors', headers: bearer('viewer'), payload: {} }),
    'ROLE_INSUFFICIENT',
  )
})

test('an agent deletes only with a token that has every scope', async () => {
  const call = { method: 'DELETE' as const, url: '/api/v1/monitors/mon_none' }
  expectEnvelope(await api.app.inject({ ...call, headers: { ...bearer('monitors'), 'x-agent-id': 'bot' } }), 'PAT_SCOPE_INSUFFICIENT')
  expectEnvelope(await api.app.inject({ ...call, headers: bearer('monitors') }), 'NOT_FOUND')
})

test('a token cannot make one that may do more', async () => {
  expectEnvelope(
    await api.app.inject({ method: 'POST', url: '/api/v1/me/tokens', headers: bearer('monitors'), payload: { name: 'n' } }),
    'PAT_SCOPE_INSUFFICIENT',
  )
})

test('a token makes none that is bound by less than itself', async () => {
  await addOwner(api.store)
  const make = (who: string, url: string, payload: object) => api.app.inject({ method: 'POST', url, headers: bearer(who), payload })
  for (const [url, payload] of [
    ['/api/v1/me/tokens', { name: 'n' }],
    ['/api/v1/me/tokens', { name: 'n', dailyMutationLimit: 1 }],
    ['/api/v1/apikeys', { name: 'n', scope: 'full' }],
  ] as const) {
    expectEnvelope(await make('capped', url, payload), 'PAT_SCOPE_INSUFFICIENT')
    expect((await make('ending', url, payload)).json<{ expiresAt?: string; expires_at?: string }>()).toMatchObject(
      url.endsWith('apikeys') ? { expires_at: '2099-01-01T00:00:00.000Z' } : { expiresAt: '2099-01-01T00:00:00.000Z' },
    )
  }
  expectEnvelope(await make('ending', '/api/v1/me/tokens', { name: 'n', expiresAt: '2099-01-02T00:00:00Z' }), 'PAT_SCOPE_INSUFFICIENT')
  expect(
    (await make('ending', '/api/v1/me/tokens', { name: 'n', expiresAt: '2098-12-31T00:00:00Z' })).json<{ expiresAt: string }>().expiresAt,
  ).toBe('2098-12-31T00:00:00.000Z')
})

test('who may not make a token or a monitor of a kind is told what would do', async () => {
  const made = await api.app.inject({
    method: 'POST',
    url: '/api/v1/me/tokens',
    headers: bearer('minter'),
    payload: { name: 'n', scopes: ['logs:read'] },
  })
  expect([made.statusCode, made.json()]).toEqual([
    403,
    expect.objectContaining({ code: 'PAT_SCOPE_INSUFFICIENT', required_scopes: ['logs:read'] }),
  ])
  const https = await api.app.inject({
    method: 'POST',
    url: '/api/v1/monitors',
    headers: bearer('owner'),
    payload: { name: 'n', type: 'https', url: 'https://example.com', intervalSec: 60 },
  })
  expect(https.json()).toMatchObject({
    code: 'VALIDATION_FAILED',
    fields: [{ path: 'type', allowed: ['heartbeat'], example: expect.stringContaining('"type":"heartbeat"') }],
  })
})

test('metrics need a token when they are not open', async () => {
  expectEnvelope(await api.app.inject('/metrics'), 'UNAUTHENTICATED')
  expect((await api.app.inject({ url: '/metrics', headers: bearer('owner') })).body).toBe('lapwing_up 1\n')
})

test('another method answers 405 with Allow, another path 404', async () => {
  const reply = await api.app.inject({ method: 'PUT', url: '/api/v1/monitors/x', headers: bearer('owner') })
  expectEnvelope(reply, 'METHOD_NOT_ALLOWED')
  expect(String(reply.headers.allow).split(/, */)).toEqual(expect.arrayContaining(['GET', 'PATCH', 'DELETE']))
  expectEnvelope(await api.app.inject('/api/v1/nothing'), 'NOT_FOUND')
})

test('bodies of a wrong type, size or syntax are refused by name', async () => {
  const post = (payload: string, type: string) =>
    api.app.inject({ method: 'POST', url: '/api/v1/monitors', headers: { ...bearer('owner'), 'content-type': type }, payload })
  expectEnvelope(await post('{', 'application/json'), 'BAD_JSON')
  expectEnvelope(await post('x', 'text/plain'), 'UNSUPPORTED_MEDIA_TYPE')
  expectEnvelope(await post(`"${'x'.repeat(1024 * 1024)}"`, 'application/json'), 'BODY_TOO_LARGE')
})

test('a body that two readers could understand differently is refused, and one that is too deep is no fault of ours', async () => {
  const post = (url: string, payload: string, headers = {}) =>
    api.app.inject({ method: 'POST', url, headers: { ...bearer('owner'), 'content-type': 'application/json', ...headers }, payload })
  const twice = await post('/api/v1/monitors', '{"name":"n","type":"heartbeat","intervalSec":60,"interval\\u0053ec":300}')
  expectEnvelope(twice, 'VALIDATION_FAILED')
  expect(twice.json()).toMatchObject({ fields: [{ path: 'intervalSec', code: 'duplicate_key', position: 48 }] })
  for (const deep of ['['.repeat(300_000), '{"a":'.repeat(150_000), `${'['.repeat(100_000)}${']'.repeat(100_000)}`]) {
    expectEnvelope(await post('/api/v1/monitors', deep), 'VALIDATION_FAILED')
    expect((await post('/mcp', deep)).json()).toMatchObject({ error: { code: -32700 } })
  }
  expectEnvelope(await post('/api/v1/monitors', '{"name":"n"}', { 'content-encoding': 'gzip' }), 'UNSUPPORTED_MEDIA_TYPE')
  expect((await post('/api/v1/monitors', '{"a":{"a":1},"b":[{"a":1},{"a":":"}],"c":"{\\"a\\":1,\\"a\\":2}"}')).json()).toMatchObject({
    fields: [{ code: expect.not.stringMatching('duplicate') }],
  })
  expect((await post('/api/v1/monitors', '{"name":')).json<{ error: string }>().error).toBe('The body is not JSON.')
})

test('problem+json is answered to who asks for it', async () => {
  const reply = await api.app.inject({ url: '/api/v1/monitors', headers: { accept: 'application/problem+json' } })
  expect(reply.headers['content-type']).toContain('application/problem+json')
  expect(reply.json()).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' })
})

test('a store that does not answer is 503 with Retry-After, a fault of ours tells nothing', async () => {
  const ask = () => api.app.inject({ url: '/api/v1/anomalies', headers: bearer('owner') })
  api.answer = () => {
    throw new TransientError('STORE_UNAVAILABLE', 'secret host is down', 2500)
  }
  const unavailable = await ask()
  expectEnvelope(unavailable, 'STORE_UNAVAILABLE')
  expect(unavailable.headers['retry-after']).toBe('3')
  api.answer = () => {
    throw new Error('secret detail')
  }
  const internal = await ask()
  expectEnvelope(internal, 'INTERNAL')
  expect(`${unavailable.body}${internal.body}`).not.toContain('secret')
  api.answer = () => []
})
