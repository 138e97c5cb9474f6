// Tokens and the first start: what is kept is a hash, what is revoked or expired authenticates no more.
import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { listAudit } from '../../../api/services/audit.ts'
import { bootstrap } from '../../../api/services/bootstrap.ts'
import { loadCredentials } from '../../../api/services/credentials.ts'
import { createToken, listTokens, revokeToken, type NewToken } from '../../../api/services/tokens.ts'
import { createTokenUses } from '../../../api/services/token-use.ts'
import type { Store } from '../../../api/store/store.ts'
import { actorOf, openTestStore, type TestStore } from './open-test-store.ts'

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
let opened: TestStore
let store: Store
beforeAll(async () => {
  opened = await openTestStore()
  store = opened.store
})
afterAll(async () => {
  await opened.close()
})

const make = (tenant: string, change: Partial<NewToken> = {}) =>
  createToken(store, { tenant, userId: `user_${tenant}`, name: 'ci', ...change }, actorOf(tenant))
const principalOf = async (token: string) => new Map((await loadCredentials(store)).tokens).get(sha256(token))

describe('tokens', () => {
  it('have the prefix and 256 bits, and the plaintext is nowhere in the store', async () => {
    const made = await make('acme', { scopes: ['logs:write'] })
    expect(made.token).toMatch(/^obs_[A-Za-z0-9_-]{43}$/)
    expect(made.token.startsWith(made.prefix)).toBe(true)
    const [row] = await store.query<Record<string, unknown>>('SELECT * FROM tokens WHERE id = $1', [made.id])
    expect(row.sha256).toBe(sha256(made.token))
    expect(JSON.stringify([row, await store.query('SELECT * FROM audit_log')])).not.toContain(made.token.slice(made.prefix.length))
  })

  it('grant everything unless scopes are named, and refuse scopes that do not exist', async () => {
    expect((await make('acme')).scopes).toEqual(['*'])
    await expect(make('acme', { scopes: ['logs:write', 'logs:everything'] })).rejects.toMatchObject({
      name: 'ApiError',
      code: 'VALIDATION_FAILED',
      fields: [{ path: 'scopes' }],
    })
  })

  it('refuse an expiry that is past or no time', async () => {
    for (const expiresAt of ['2020-01-01T00:00:00Z', 'tomorrow']) {
      await expect(make('acme', { expiresAt })).rejects.toMatchObject({ code: 'VALIDATION_FAILED', fields: [{ path: 'expiresAt' }] })
    }
  })

  it('become a principal of their tenant, and none once they have expired', async () => {
    const made = await make('globex', { scopes: ['logs:read'], expiresAt: new Date(Date.now() + 60_000).toISOString() })
    expect(await principalOf(made.token)).toEqual({
      tenant: 'globex',
      userId: 'user_globex',
      email: 'owner@globex.test',
      role: 'owner',
      tokenId: made.id,
      scopes: ['logs:read'],
      expiresAtMs: Date.parse(made.expiresAt!),
    })
    await store.query("UPDATE tokens SET expires_at = now() - interval '1 second' WHERE id = $1", [made.id])
    expect(await principalOf(made.token)).toBeUndefined()
  })

  it('die when revoked, and keep their row for the audit trail', async () => {
    const made = await make('acme', { name: 'short-lived' })
    await revokeToken(store, 'acme', made.id, actorOf('acme'))
    expect(await principalOf(made.token)).toBeUndefined()
    expect((await listTokens(store, 'acme')).map((one) => one.id)).not.toContain(made.id)
    expect(await store.query('SELECT 1 FROM tokens WHERE id = $1', [made.id])).toHaveLength(1)
    await expect(revokeToken(store, 'acme', made.id, actorOf('acme'))).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })

  it('die with the membership of their owner', async () => {
    await store.query("INSERT INTO users (id, email) VALUES ('user_leaving', 'leaving@acme.test')")
    await store.query("INSERT INTO memberships (tenant, user_id, role) VALUES ('acme', 'user_leaving', 'member')")
    const made = await createToken(store, { tenant: 'acme', userId: 'user_leaving', name: 'theirs' }, actorOf('acme'))
    expect(await principalOf(made.token)).toMatchObject({ role: 'member' })
    await store.query("DELETE FROM memberships WHERE user_id = 'user_leaving'")
    expect(await principalOf(made.token)).toBeUndefined()
  })

  it('are neither seen nor revoked from another tenant', async () => {
    const made = await make('acme')
    expect((await listTokens(store, 'globex')).map((one) => one.id)).not.toContain(made.id)
    await expect(revokeToken(store, 'globex', made.id, actorOf('globex'))).rejects.toMatchObject({ code: 'NOT_FOUND' })
    expect(await principalOf(made.token)).toBeDefined()
  })
})

describe('caps of a token', () => {
  it('are kept, listed and told to the audit trail; there are none unless asked for', async () => {
    const made = await make('acme', { name: 'capped', dailyMutationLimit: 50, dailyLogBytesLimit: 5_000_000_000 })
    expect(made).toMatchObject({ dailyMutationLimit: 50, dailyLogBytesLimit: 5_000_000_000 })
    expect((await listTokens(store, 'acme')).find((one) => one.id === made.id)).toMatchObject({
      dailyMutationLimit: 50,
      dailyLogBytesLimit: 5_000_000_000,
    })
    expect((await listAudit(store, 'acme', { action: 'CREATE_TOKEN', limit: 1 }))[0].meta).toMatchObject({
      diff: { dailyMutationLimit: { to: 50 } },
    })
    expect(await make('acme')).toMatchObject({ dailyMutationLimit: null, dailyLogBytesLimit: null })
  })
})

describe('the last use of a token', () => {
  const lastUse = async (tenant: string, id: string) => (await listTokens(store, tenant)).find((one) => one.id === id)?.lastUsedAt
  const failed: unknown[] = []
  const createUses = (query: Store['query'] = store.query) =>
    createTokenUses({}, { store: { query }, onError: (error) => failed.push(error) })

  it('is written in one statement for all tokens, and only forward', async () => {
    const [one, other, unused] = [await make('acme'), await make('globex'), await make('acme')]
    const asked: string[] = []
    const uses = createUses(async (sql, params) => {
      asked.push(sql)
      return await store.query(sql, params)
    })
    for (const atMs of [3000, 5000, 4000]) uses.note({ tenant: 'acme', tokenId: one.id, atMs })
    uses.note({ tenant: 'globex', tokenId: other.id, atMs: 7000 })
    // Nothing of another tenant's token is written.
    uses.note({ tenant: 'acme', tokenId: 'pat_of_nobody', atMs: 1 })
    expect(asked).toEqual([])
    await uses.flush()
    await uses.flush()
    expect(asked).toHaveLength(1)
    expect([await lastUse('acme', one.id), await lastUse('globex', other.id), await lastUse('acme', unused.id)]).toEqual([
      '1970-01-01T00:00:05.000Z',
      '1970-01-01T00:00:07.000Z',
      null,
    ])
    uses.note({ tenant: 'acme', tokenId: one.id, atMs: 2000 })
    uses.note({ tenant: 'acme', tokenId: other.id, atMs: 9000 })
    await uses.close()
    expect([await lastUse('acme', one.id), await lastUse('globex', other.id)]).toEqual([
      '1970-01-01T00:00:05.000Z',
      '1970-01-01T00:00:07.000Z',
    ])
  })

  it('is kept for the next time when the store is away', async () => {
    const made = await make('acme')
    let away = true
    const uses = createUses(async (sql, params) => {
      if (away) throw new Error('away')
      return await store.query(sql, params)
    })
    uses.note({ tenant: 'acme', tokenId: made.id, atMs: 1000 })
    await uses.flush()
    expect(failed).toHaveLength(1)
    away = false
    await uses.close()
    expect(await lastUse('acme', made.id)).toBe('1970-01-01T00:00:01.000Z')
  })
})

describe('the audit trail', () => {
  it('tells who made and who revoked a token, to its own tenant only', async () => {
    const actor = actorOf('acme', { tokenId: 'pat_agent', agentId: 'agent-7', conversationId: 'run-9' })
    const made = await createToken(store, { tenant: 'acme', userId: 'user_acme', name: 'audited' }, actor)
    await revokeToken(store, 'acme', made.id, actor)
    const rows = await listAudit(store, 'acme', { patId: 'pat_agent', limit: 10 })
    expect(rows.map((row) => [row.action, row.resource, row.agentId, row.conversationId])).toEqual([
      ['REVOKE_TOKEN', `token:${made.id}`, 'agent-7', 'run-9'],
      ['CREATE_TOKEN', `token:${made.id}`, 'agent-7', 'run-9'],
    ])
    expect(rows[1].meta).toMatchObject({ ip: '127.0.0.1', ua: 'test', changedFields: ['name', 'scopes'] })
    expect(await listAudit(store, 'globex', { patId: 'pat_agent', limit: 10 })).toEqual([])
  })

  it('is narrowed by action, actor and time, and held to its limit', async () => {
    const all = await listAudit(store, 'acme', { limit: 100 })
    expect((await listAudit(store, 'acme', { action: 'REVOKE_TOKEN', limit: 100 })).map((row) => row.id)).toEqual(
      all.filter((row) => row.action === 'REVOKE_TOKEN').map((row) => row.id),
    )
    expect(await listAudit(store, 'acme', { actor: 'owner@acme.test', limit: 100 })).toHaveLength(all.length)
    expect(await listAudit(store, 'acme', { actor: 'nobody', limit: 100 })).toEqual([])
    expect(await listAudit(store, 'acme', { from: new Date(Date.now() + 60_000).toISOString(), limit: 100 })).toEqual([])
    expect(await listAudit(store, 'acme', { to: new Date(Date.now() - 3_600_000).toISOString(), limit: 100 })).toEqual([])
    expect(await listAudit(store, 'acme', { limit: 2 })).toEqual(all.slice(0, 2))
  })

  it('cannot be changed or deleted', async () => {
    await expect(store.query("UPDATE audit_log SET action = 'NOTHING'")).rejects.toThrow('append-only')
    await expect(store.query('DELETE FROM audit_log')).rejects.toThrow('append-only')
  })

  it('has no row of a change that was rolled back', async () => {
    const made = await make('acme')
    const before = (await listAudit(store, 'acme', { limit: 1000 })).length
    await expect(createToken(store, { tenant: 'acme', userId: 'user_acme', name: 'twin' }, actorOf('acme'), made.token)).rejects.toThrow()
    expect(await listAudit(store, 'acme', { limit: 1000 })).toHaveLength(before)
  })
})

describe('the first start', () => {
  it('makes one token, later starts make none, a given one is added once and stays revoked', async () => {
    const first = await bootstrap(store, { bootstrapToken: null })
    expect(first).toMatchObject({ tenant: 'default', token: expect.stringMatching(/^obs_/) })
    expect(await principalOf(first.token!)).toMatchObject({ tenant: 'default', role: 'super-admin', scopes: ['*'] })
    expect((await bootstrap(store, { bootstrapToken: null })).token).toBeNull()

    const given = `obs_${'g'.repeat(43)}`
    await bootstrap(store, { bootstrapToken: given })
    await bootstrap(store, { bootstrapToken: given })
    const tokens = await listTokens(store, 'default')
    expect(tokens).toHaveLength(2)
    const id = (await principalOf(given))!.tokenId
    await revokeToken(store, 'default', id, actorOf('default'))
    await bootstrap(store, { bootstrapToken: given })
    expect(await principalOf(given)).toBeUndefined()
  })
})
