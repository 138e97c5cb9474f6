import { exportJWK, exportSPKI, generateKeyPair, SignJWT, type CryptoKey, type JWK } from 'jose'
import { createHmac } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { EgressError, type Fetched } from '../../../api/egress/guarded-fetch.ts'
import { listAudit } from '../../../api/services/audit.ts'
import { createJwtVerifier } from '../../../api/services/jwt.ts'
import type { JwtConfig } from '../../../api/services/jwt-config.ts'
import { principalOfJwt } from '../../../api/services/jwt-members.ts'
import { createJwtSessions } from '../../../api/services/jwt-sessions.ts'
import { removeMember } from '../../../api/services/members.ts'
import { actorOf, openTestStore, type TestStore } from './open-test-store.ts'

const NOW = 1_800_000_000_000
const config: JwtConfig = {
  issuer: 'https://idp.example/',
  audience: 'lapwing',
  jwksUrl: 'https://idp.example/keys',
  algorithms: ['RS256', 'ES256'],
  tenantClaim: 'tenant',
}
interface Key {
  readonly kid: string
  readonly alg: string
  readonly privateKey: CryptoKey
  readonly publicKey: CryptoKey
  readonly jwk: JWK
}
const makeKey = async (kid: string, alg = 'ES256'): Promise<Key> => {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
  return { kid, alg, privateKey, publicKey, jwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } }
}
let first: Key
let second: Key
let rsa: Key
let served: () => Fetched
let asked = 0
beforeAll(async () => {
  ;[first, second, rsa] = await Promise.all([makeKey('first'), makeKey('second'), makeKey('rsa', 'RS256')])
})
beforeEach(() => {
  asked = 0
  served = () => ({ status: 200, body: JSON.stringify({ keys: [first.jwk, rsa.jwk] }) })
})
const verifier = (change: Partial<JwtConfig> = {}) =>
  createJwtVerifier({ ...config, ...change }, async () => {
    asked++
    return served()
  })
interface Made {
  readonly key?: Key
  readonly issuer?: string
  readonly audience?: string
  readonly expiresInS?: number
  readonly claims?: Record<string, unknown>
  readonly subject?: string
}
const make = ({
  key = first,
  issuer = config.issuer,
  audience = config.audience,
  expiresInS = 300,
  claims = {},
  subject = 'alice',
}: Made = {}): Promise<string> =>
  new SignJWT({ tenant: 'acme', scope: 'logs:read incidents:read', role: 'member', ...claims })
    .setProtectedHeader({ alg: key.alg, kid: key.kid })
    .setSubject(subject)
    .setIssuer(issuer)
    .setAudience(audience)
    .setIssuedAt(NOW / 1000)
    .setExpirationTime(NOW / 1000 + expiresInS)
    .sign(key.privateKey)
const unsigned = (header: object, payload: object): string =>
  [header, payload].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
const claims = { sub: 'alice', iss: config.issuer, aud: config.audience, tenant: 'acme', exp: NOW / 1000 + 300 }

describe('a JWT', () => {
  it('of the issuer says who, where and what for', async () => {
    for (const key of [first, rsa]) {
      expect(await verifier()(await make({ key, claims: { email: 'alice@example.test', email_verified: true } }), NOW)).toEqual({
        issuer: config.issuer,
        subject: 'alice',
        tenant: 'acme',
        email: 'alice@example.test',
        role: 'member',
        scopes: ['logs:read', 'incidents:read'],
        expiresAtMs: NOW + 360_000,
      })
    }
    expect(await verifier()(await make({ claims: { scopes: ['*'], role: 'super-admin', email: 'x@y.test' } }), NOW)).toMatchObject({
      scopes: ['*'],
      role: 'viewer',
      email: null,
    })
  })

  it.each<[string, () => Promise<string> | string]>([
    ['of another issuer', () => make({ issuer: 'https://evil.example/' })],
    ['for another audience', () => make({ audience: 'other' })],
    ['that has expired', () => make({ expiresInS: -61 })],
    ['that is not valid yet', () => make({ claims: { nbf: NOW / 1000 + 120 } })],
    ['without a subject', () => make({ subject: '' })],
    ['with a subject that no store can hold', () => make({ subject: 'ali\0ce' })],
    ['with a tenant that no store can hold', () => make({ claims: { tenant: 'ac\0me' } })],
    ['without a tenant', () => make({ claims: { tenant: undefined } })],
    ['with a tenant that is no text', () => make({ claims: { tenant: ['acme'] } })],
    ['signed by a key that the issuer does not have', () => make({ key: second })],
    ['with another key under a known name', () => make({ key: { ...second, kid: 'first' } })],
    ['without a signature', () => `${unsigned({ alg: 'none' }, claims)}.`],
    [
      'that takes the public key for a secret',
      async () => {
        const text = unsigned({ alg: 'HS256', kid: 'rsa' }, claims)
        return `${text}.${createHmac('sha256', await exportSPKI(rsa.publicKey))
          .update(text)
          .digest('base64url')}`
      },
    ],
    [
      'that was changed',
      async () => {
        const [header, , signature] = (await make()).split('.')
        return `${header}.${Buffer.from(JSON.stringify({ ...claims, sub: 'root' })).toString('base64url')}.${signature}`
      },
    ],
    ['in an algorithm that is not pinned', async () => make({ key: await makeKey('first', 'ES384') })],
    ['that is none', () => 'a.b.c'],
  ])('%s is refused', async (_what, token) => {
    expect(await verifier()(await token(), NOW)).toBeNull()
  })

  it('has its keys fetched once, and anew when an unknown one comes after a while', async () => {
    const verify = verifier()
    for (let n = 0; n < 5; n++) expect(await verify(await make(), NOW)).not.toBeNull()
    expect(asked).toBe(1)
    expect(await verify(await make({ key: second }), NOW)).toBeNull()
    expect(asked).toBe(1)
  })

  it('cannot be judged while the keys cannot be had: that may pass', async () => {
    for (const answer of [
      () => {
        throw new EgressError('the address cannot be reached')
      },
      () => ({ status: 500, body: '' }),
      () => ({ status: 200, body: '<html>' }),
    ]) {
      served = answer
      await expect(verifier()(await make(), NOW)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', retryAfterMs: 2000 })
    }
  })
})

describe('the member that a JWT stands for', () => {
  let test: TestStore
  beforeAll(async () => {
    test = await openTestStore()
  })
  afterAll(() => test.close())
  const actor = { ip: '', ua: 'test', requestId: '' }
  const of = (change: object = {}) =>
    principalOfJwt(
      test.store,
      {
        issuer: config.issuer,
        subject: 'alice',
        tenant: 'acme',
        email: null,
        role: 'member',
        scopes: ['logs:read'],
        expiresAtMs: NOW,
        ...change,
      },
      actor,
    )

  it('joins with his first token, once, however many come at once; from then on his row decides', async () => {
    const all = await Promise.all(Array.from({ length: 8 }, () => of()))
    expect(new Set(all.map((one) => one?.userId)).size).toBe(1)
    expect(all[0]).toMatchObject({ tenant: 'acme', role: 'member', scopes: ['logs:read'], tokenId: '', expiresAtMs: NOW })
    expect(await listAudit(test.store, 'acme', { action: 'JOIN_BY_JWT', limit: 10 })).toHaveLength(1)
    expect(await of({ role: 'owner' })).toMatchObject({ role: 'member' })
  })

  it('is another one in another tenant, and nobody in one that does not exist', async () => {
    expect(await of({ tenant: 'globex', role: 'viewer' })).toMatchObject({ tenant: 'globex', role: 'viewer', userId: (await of())!.userId })
    expect(await of({ tenant: 'nowhere' })).toBeNull()
  })

  it('stays out once he was removed', async () => {
    const gone = await of({ subject: 'bob' })
    await removeMember(test.store, 'acme', gone!.userId, actorOf('acme'))
    expect(await of({ subject: 'bob' })).toBeNull()
    expect(await of({ subject: 'bob', role: 'owner' })).toBeNull()
  })

  it('does not become somebody whose address his subject looks like; a verified address is that person', async () => {
    expect((await of({ subject: 'owner@acme.test' }))?.userId).not.toBe('user_acme')
    expect(await of({ subject: 'the-owner', email: 'owner@acme.test', role: 'viewer' })).toMatchObject({
      userId: 'user_acme',
      role: 'owner',
    })
  })
})

describe('what was verified', () => {
  it('is remembered for half a minute, not when it failed, and forgotten when members change', async () => {
    const test = await openTestStore()
    let nowMs = NOW
    let verified = 0
    const verify = verifier()
    const sessions = createJwtSessions({
      store: test.store,
      clock: () => nowMs,
      verify: async (token, at) => {
        verified++
        return verify(token, at)
      },
    })
    const token = await make()
    served = () => {
      throw new EgressError('the address cannot be reached')
    }
    await expect(sessions.authenticate(token)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
    served = () => ({ status: 200, body: JSON.stringify({ keys: [first.jwk] }) })
    const principal = await sessions.authenticate(token)
    await sessions.authenticate(token)
    expect([principal?.role, verified]).toEqual(['member', 2])
    nowMs += 31_000
    await sessions.authenticate(token)
    expect(verified).toBe(3)
    await removeMember(test.store, 'acme', principal!.userId, actorOf('acme'))
    sessions.forget()
    expect(await sessions.authenticate(token)).toBeNull()
    expect(await sessions.authenticate('obs_not-a-jwt')).toBeNull()
    await test.close()
  })
})
