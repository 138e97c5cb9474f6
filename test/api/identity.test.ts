// API keys, permissions, tenants and members as they are called.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bearer, openHarness, type Harness } from './harness.ts'

let api: Harness
beforeAll(async () => {
  api = await openHarness()
  await api.store.query("INSERT INTO users (id, email) VALUES ('user_a', 'a@example.test')")
  await api.store.query("INSERT INTO memberships (tenant, user_id, role) VALUES ('a', 'user_a', 'owner')")
})
afterAll(async () => {
  await api.close()
})
const call = (method: 'GET' | 'POST' | 'DELETE', url: string, who: string, payload?: object) =>
  api.app.inject({ method, url, headers: bearer(who), ...(payload === undefined ? {} : { payload }) })

test('permissions follow the role, and the scopes of the token are told beside them', async () => {
  expect((await call('GET', '/api/v1/rbac/permissions', 'viewer')).json()).toEqual({
    tenant_id: 'a',
    user_id: 'user_a',
    role: 'viewer',
    level: 1,
    permissions: ['read'],
    scopes: ['*'],
  })
  expect((await call('GET', '/api/v1/rbac/permissions', 'owner')).json()).toMatchObject({
    level: 4,
    permissions: ['read', 'write', 'manage_keys', 'manage_users'],
  })
  expect((await call('GET', '/api/v1/rbac/permissions', 'writer')).json()).toMatchObject({ scopes: ['logs:write'] })
})

test('an API key is made, listed by its prefix, and revoked', async () => {
  const made = await call('POST', '/api/v1/apikeys', 'owner', {
    name: 'Production Ingestion',
    scope: 'ingestion',
    rate_limit_rps: 1000,
    expires_at: '2027-01-01T00:00:00Z',
  })
  expect([made.statusCode, made.json()]).toEqual([
    201,
    expect.objectContaining({
      api_key: expect.stringMatching(/^isage_/),
      scope: 'ingestion',
      rate_limit_rps: 1000,
      expires_at: '2027-01-01T00:00:00.000Z',
    }),
  ])
  const { key_id: id, api_key: secret } = made.json<{ key_id: string; api_key: string }>()
  expect(made.json()).toMatchObject({ undo: { possible: true, method: 'DELETE', path: `/api/v1/apikeys/${id}` } })
  const listed = await call('GET', '/api/v1/apikeys', 'owner')
  expect(listed.json()).toMatchObject({ api_keys: [{ key_id: id, name: 'Production Ingestion' }] })
  expect(listed.body).not.toContain(secret)
  expect((await call('DELETE', `/api/v1/apikeys/${id}`, 'other')).statusCode).toBe(404)
  const before = api.refreshed
  expect((await call('DELETE', `/api/v1/apikeys/${id}`, 'owner')).statusCode).toBe(204)
  expect(api.refreshed).toBe(before + 1)
  expect((await call('GET', '/api/v1/apikeys', 'owner')).json()).toEqual({ api_keys: [] })
})

test('a key cannot do more than the token that makes it, and its shape is held', async () => {
  expect((await call('POST', '/api/v1/apikeys', 'monitors', { name: 'x', scope: 'full' })).json()).toMatchObject({
    code: 'PAT_SCOPE_INSUFFICIENT',
  })
  expect((await call('POST', '/api/v1/apikeys', 'owner', { name: 'x', scope: 'everything' })).json()).toMatchObject({
    code: 'VALIDATION_FAILED',
    fields: [{ path: 'scope', code: 'invalid_literal' }],
  })
  expect((await call('POST', '/api/v1/apikeys', 'owner', { name: 'x', scope: 'full', rate_limit_rps: 0 })).statusCode).toBe(400)
  expect((await call('POST', '/api/v1/apikeys', 'viewer', { name: 'x', scope: 'full' })).json()).toMatchObject({
    code: 'ROLE_INSUFFICIENT',
  })
})

test('tenants are for the super-admin: made, and listed with what they sent', async () => {
  api.answer = ({ name }) => (name === 'all_tenants.events_this_month' ? [{ tenant: 'a', events: '142000000' }] : [])
  expect((await call('GET', '/api/v1/tenants', 'owner')).json()).toMatchObject({ code: 'ROLE_INSUFFICIENT' })
  const payload = { tenant_id: 'acme-corp', name: 'Acme Corporation', plan: 'pro', contact_email: 'ops@acme.test' }
  expect((await call('POST', '/api/v1/tenants', 'root', payload)).json()).toEqual({
    undo: { possible: false, reason: expect.stringContaining('no call deletes a tenant') },
    tenant_id: 'acme-corp',
    created_at: expect.stringMatching(/^\d{4}-.*Z$/),
  })
  expect((await call('POST', '/api/v1/tenants', 'root', payload)).statusCode).toBe(409)
  expect((await call('POST', '/api/v1/tenants', 'root', { ...payload, tenant_id: 'Not An Id' })).json()).toMatchObject({
    fields: [{ path: 'tenant_id' }],
  })
  expect((await call('GET', '/api/v1/tenants', 'root')).json()).toMatchObject({
    tenants: expect.arrayContaining([
      expect.objectContaining({ tenant_id: 'a', events_this_month: 142_000_000 }),
      expect.objectContaining({ tenant_id: 'acme-corp', plan: 'pro', events_this_month: 0 }),
    ]),
  })
})

test('members are listed, and the only owner stays', async () => {
  expect((await call('GET', '/api/v1/me/members', 'owner')).json()).toMatchObject({
    members: [{ userId: 'user_a', email: 'a@example.test', role: 'owner' }],
  })
  expect((await call('DELETE', '/api/v1/me/members/user_a', 'owner')).json()).toMatchObject({ code: 'LAST_OWNER' })
  expect((await call('DELETE', '/api/v1/me/members/nobody', 'owner')).statusCode).toBe(404)
  expect((await call('DELETE', '/api/v1/me/members/user_a', 'monitors')).json()).toMatchObject({ code: 'PAT_SCOPE_INSUFFICIENT' })
  await api.store.query("INSERT INTO users (id, email) VALUES ('user_leaving', 'leaving@example.test')")
  await api.store.query("INSERT INTO memberships (tenant, user_id, role) VALUES ('a', 'user_leaving', 'member')")
  const left = await call('DELETE', '/api/v1/me/members/user_leaving', 'owner')
  expect([left.statusCode, JSON.parse(String(left.headers['x-undo']))]).toEqual([
    204,
    { possible: false, reason: expect.stringContaining('stays removed') },
  ])
})
