import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createApiKey, listApiKeys, revokeApiKey } from '../../../api/services/api-keys.ts'
import { listAudit } from '../../../api/services/audit.ts'
import { loadCredentials } from '../../../api/services/credentials.ts'
import { sha256 } from '../../../api/services/ids.ts'
import { listMembers, removeMember } from '../../../api/services/members.ts'
import { createTenant, listTenants } from '../../../api/services/tenants.ts'
import { createToken, listTokens, revokeToken } from '../../../api/services/tokens.ts'
import type { Principal } from '../../../streams/contracts/principal.ts'
import { actorOf, openTestStore, type TestStore } from './open-test-store.ts'

const NOW = Date.now()
const key = { tenant: 'acme', userId: 'user_acme', name: 'shipper', scope: 'ingestion' as const, rateLimitRps: 1000, expiresAt: null }
let test: TestStore
beforeAll(async () => {
  test = await openTestStore()
})
afterAll(() => test.close())
const principalOf = async (token: string): Promise<Principal | undefined> =>
  new Map((await loadCredentials(test.store)).tokens).get(sha256(token))

describe('an API key', () => {
  it('is shown once, is kept as a hash, and authenticates with the scopes and the rate it was given', async () => {
    const made = await createApiKey(test.store, key, actorOf('acme'), NOW)
    expect(made).toMatchObject({
      key_id: expect.stringMatching(/^isage_key_[0-9a-z]{12}$/),
      api_key: expect.stringMatching(/^isage_[\w-]{43}$/),
      scope: 'ingestion',
      rate_limit_rps: 1000,
    })
    expect(await principalOf(made.api_key)).toMatchObject({
      tenant: 'acme',
      role: 'owner',
      tokenId: made.key_id,
      scopes: ['logs:write'],
      rateLimitRps: 1000,
    })
    const [listed] = await listApiKeys(test.store, 'acme')
    expect(listed).toMatchObject({ key_id: made.key_id, prefix: made.api_key.slice(0, 14) })
    expect(JSON.stringify(listed)).not.toContain(made.api_key.slice(14))
    expect(JSON.stringify(await listAudit(test.store, 'acme', { limit: 50 }))).not.toContain(made.api_key.slice(14))
  })

  it('is no personal access token: each list shows its own, and each kind is revoked by its own call', async () => {
    const made = await createApiKey(test.store, { ...key, name: 'other' }, actorOf('acme'), NOW)
    const token = await createToken(test.store, { tenant: 'acme', userId: 'user_acme', name: 'person' }, actorOf('acme'))
    expect((await listTokens(test.store, 'acme')).map((one) => one.id)).toEqual([token.id])
    await expect(revokeToken(test.store, 'acme', made.key_id, actorOf('acme'))).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await expect(revokeApiKey(test.store, 'acme', token.id, actorOf('acme'))).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })

  it('fails once revoked, by its own tenant only', async () => {
    const made = await createApiKey(test.store, { ...key, scope: 'readonly', rateLimitRps: null }, actorOf('acme'), NOW)
    await expect(revokeApiKey(test.store, 'globex', made.key_id, actorOf('globex'))).rejects.toMatchObject({ code: 'NOT_FOUND' })
    expect(await principalOf(made.api_key)).not.toHaveProperty('rateLimitRps')
    await revokeApiKey(test.store, 'acme', made.key_id, actorOf('acme'))
    expect(await principalOf(made.api_key)).toBeUndefined()
  })

  it('that would have expired already is refused', async () => {
    for (const expiresAt of ['yesterday', new Date(NOW - 1).toISOString()]) {
      await expect(createApiKey(test.store, { ...key, expiresAt }, actorOf('acme'), NOW)).rejects.toMatchObject({
        code: 'VALIDATION_FAILED',
      })
    }
  })
})

describe('a member who leaves', () => {
  it('takes his tokens and keys with him, in that tenant only', async () => {
    await createTenant(test.store, { id: 'initech', name: 'Initech', plan: 'pro', contactEmail: 'owner@initech.test' }, actorOf('acme'))
    const [owner] = await listMembers(test.store, 'initech')
    await test.store.query("INSERT INTO memberships (tenant, user_id, role) VALUES ('acme', $1, 'member')", [owner.userId])
    const there = await createToken(test.store, { tenant: 'initech', userId: owner.userId, name: 'there' }, actorOf('initech'))
    const here = await createToken(test.store, { tenant: 'acme', userId: owner.userId, name: 'here' }, actorOf('acme'))
    const hereKey = await createApiKey(test.store, { ...key, userId: owner.userId }, actorOf('acme'), NOW)
    expect(await principalOf(here.token)).toMatchObject({ role: 'member' })
    await removeMember(test.store, 'acme', owner.userId, actorOf('acme'))
    expect([await principalOf(here.token), await principalOf(hereKey.api_key)]).toEqual([undefined, undefined])
    expect(await principalOf(there.token)).toMatchObject({ tenant: 'initech', role: 'owner' })
    expect((await listMembers(test.store, 'acme')).map((one) => one.userId)).toEqual(['user_acme'])
    expect((await listAudit(test.store, 'acme', { limit: 1 }))[0]).toMatchObject({
      action: 'REMOVE_MEMBER',
      resource: `member:${owner.userId}`,
    })
    await expect(removeMember(test.store, 'acme', owner.userId, actorOf('acme'))).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })

  it('is never the last owner, not even when all go at once', async () => {
    await test.store.query("INSERT INTO users (id, email) VALUES ('user_second', 'second@globex.test')")
    await test.store.query("INSERT INTO memberships (tenant, user_id, role) VALUES ('globex', 'user_second', 'owner')")
    const left = await Promise.allSettled(
      ['user_globex', 'user_second'].map((user) => removeMember(test.store, 'globex', user, actorOf('globex'))),
    )
    expect(left.map((one) => one.status).sort()).toEqual(['fulfilled', 'rejected'])
    expect(left.find((one) => one.status === 'rejected')).toMatchObject({ reason: { code: 'LAST_OWNER' } })
  })
})

describe('a tenant', () => {
  it('is made once, with an owner', async () => {
    await createTenant(test.store, { id: 'hooli', name: 'Hooli', plan: 'pro', contactEmail: 'gavin@hooli.test' }, actorOf('acme'))
    await expect(
      createTenant(test.store, { id: 'hooli', name: 'Hooli 2', plan: 'pro', contactEmail: 'other@hooli.test' }, actorOf('acme')),
    ).rejects.toMatchObject({ code: 'TENANT_DUPLICATE' })
    expect(await listMembers(test.store, 'hooli')).toMatchObject([{ email: 'gavin@hooli.test', role: 'owner' }])
    expect((await listTenants(test.store)).map((one) => one.tenant_id)).toContain('hooli')
  })
})
