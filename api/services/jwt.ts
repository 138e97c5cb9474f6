// JWTs of the one issuer that is configured → what they claim. Signature, issuer, audience, expiry and algorithm are
// checked; keys come from its JWKS through the guard. The only file that imports jose.
import { createRemoteJWKSet, customFetch, errors, jwtVerify, type JWTPayload } from 'jose'
import { TransientError } from '../../streams/contracts/errors.ts'
import type { Role } from '../../streams/contracts/principal.ts'
import { EgressError, type GuardedFetch } from '../egress/guarded-fetch.ts'
import type { JwtConfig } from './jwt-config.ts'

export interface JwtClaims {
  readonly issuer: string
  readonly subject: string
  readonly tenant: string
  /** Only when the issuer says that it is verified. */
  readonly email: string | null
  /** Of a member who is new here; whoever is known has the role that is stored. */
  readonly role: Role
  readonly scopes: readonly string[]
  /** With the tolerance for clocks that differ. */
  readonly expiresAtMs: number
}
/** Null when the token is not good. @throws TransientError STORE_UNAVAILABLE when the keys cannot be had. */
export type JwtVerifier = (token: string, nowMs: number) => Promise<JwtClaims | null>

const CLOCK_TOLERANCE_S = 60
const ROLES: readonly string[] = ['viewer', 'member', 'admin', 'owner']

/** A name that a store can hold. */
const isName = (value: unknown): value is string =>
  typeof value === 'string' && value !== '' && value.length <= 255 && !value.includes('\0') && value.isWellFormed()

const toClaims = (payload: JWTPayload, config: JwtConfig): JwtClaims | null => {
  const { sub, exp, scope, scopes, role, email, email_verified: isVerified } = payload
  const tenant = payload[config.tenantClaim]
  if (!isName(sub) || !isName(tenant) || exp === undefined) return null
  const listed = Array.isArray(scopes) ? scopes : typeof scope === 'string' ? scope.split(' ') : []
  return {
    issuer: config.issuer,
    subject: sub,
    tenant,
    email: isName(email) && isVerified === true ? email : null,
    role: typeof role === 'string' && ROLES.includes(role) ? (role as Role) : 'viewer',
    scopes: listed.filter((one): one is string => typeof one === 'string' && one !== ''),
    expiresAtMs: (exp + CLOCK_TOLERANCE_S) * 1000,
  }
}

export const createJwtVerifier = (config: JwtConfig, fetch: GuardedFetch): JwtVerifier => {
  const keys = createRemoteJWKSet(new URL(config.jwksUrl), {
    cacheMaxAge: 600_000,
    cooldownDuration: 30_000,
    timeoutDuration: 5000,
    [customFetch]: async (url: string) => {
      const { status, body } = await fetch(url)
      return new Response(status === 204 || status === 304 ? null : body, { status })
    },
  })
  return async (token, nowMs) => {
    try {
      const { payload } = await jwtVerify(token, keys, {
        issuer: config.issuer,
        audience: config.audience,
        algorithms: [...config.algorithms],
        clockTolerance: CLOCK_TOLERANCE_S,
        requiredClaims: ['exp', 'sub'],
        currentDate: new Date(nowMs),
      })
      return toClaims(payload, config)
    } catch (error) {
      // Of the token, or of a key that the issuer does not have: final. That the issuer cannot be asked may pass.
      const mayPass =
        error instanceof EgressError ||
        error instanceof errors.JWKSTimeout ||
        (error instanceof errors.JOSEError && error.code === 'ERR_JOSE_GENERIC') ||
        error instanceof errors.JWKSInvalid
      if (mayPass) throw new TransientError('STORE_UNAVAILABLE', "the keys of the token's issuer cannot be had", 2000, { cause: error })
      return null
    }
  }
}
