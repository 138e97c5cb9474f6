// Who sent this, answered from memory: a snapshot is pushed in whole, tokens are known by their SHA-256 only.
// Unknown and malformed tokens take the same path as known ones.
import { hash } from 'node:crypto'
import { hasScope } from '../streams/contracts/principal.ts'
import { createRateLimiter, type RateLimiter } from '../streams/contracts/rate-limiter.ts'
import { createJwtMemory } from './jwt-memory.ts'
import type { CredentialSnapshot, HeartbeatTarget, Principal, TokenUse } from '../streams/contracts/principal.ts'

export type Authentication =
  | { readonly ok: true; readonly principal: Principal }
  | { readonly ok: false; readonly reason: 'missing' | 'unknown' | 'checking' | 'expired' | 'scope' }
  | { readonly ok: false; readonly reason: 'rate'; readonly waitMs: number }

export interface Credentials {
  replace(snapshot: CredentialSnapshot): void
  /** What is known is too old to go by: every token is one that is being checked, until the next snapshot. */
  suspend(): void
  /** `authorization` and `apiKey` are the two header values, empty when absent. */
  authenticate(authorization: string, apiKey: string, scope: string, nowMs: number): Authentication
  /** What the main thread found out about a JWT; 'unknown' when it could not. */
  learnJwt(hash: string, found: Principal | null | 'unknown', nowMs: number): void
  heartbeat(token: string): HeartbeatTarget | null
  /** The last use of every token that was used since this was last called. */
  takeUses(): TokenUse[]
  /** What others hear of, and what they say, of tokens with a rate of their own. */
  readonly rates: Pick<RateLimiter, 'takeReport' | 'learn'>
}

const sha256 = (text: string): string => hash('sha256', text, 'hex')

/** Empty when neither header carries a token. */
const tokenOf = (authorization: string, apiKey: string): string => {
  const bearer = /^bearer[ \t]+(\S+)[ \t]*$/i.exec(authorization)
  return bearer?.[1] ?? apiKey.trim()
}

/** @param askJwt absent when no issuer of JWTs is configured. */
export const createCredentials = (askJwt: ((token: string, hash: string) => void) | null = null): Credentials => {
  const jwts = createJwtMemory(askJwt)
  let tokens: ReadonlyMap<string, Principal> = new Map()
  const rates = createRateLimiter()
  let heartbeats: ReadonlyMap<string, HeartbeatTarget> = new Map()
  const usedAtMs = new Map<Principal, number>()
  let isSuspended = false
  return {
    suspend: () => {
      isSuspended = true
    },
    replace: (snapshot) => {
      isSuspended = false
      tokens = new Map(snapshot.tokens)
      heartbeats = new Map(snapshot.heartbeats)
      jwts.forget()
    },
    learnJwt: jwts.learn,
    authenticate: (authorization, apiKey, scope, nowMs) => {
      const token = tokenOf(authorization, apiKey)
      if (token === '') return { ok: false, reason: authorization === '' ? 'missing' : 'unknown' }
      if (isSuspended) return { ok: false, reason: 'checking' }
      const hash = sha256(token)
      const principal = tokens.get(hash) ?? jwts.lookUp(token, hash, nowMs)
      if (typeof principal === 'string') return { ok: false, reason: principal === 'checking' ? 'checking' : 'unknown' }
      if (principal.expiresAtMs !== null && principal.expiresAtMs <= nowMs) return { ok: false, reason: 'expired' }
      usedAtMs.set(principal, nowMs)
      if (!hasScope(principal.scopes, scope)) return { ok: false, reason: 'scope' }
      const waitMs = principal.rateLimitRps === undefined ? 0 : rates.take(principal, principal.rateLimitRps, nowMs)
      return waitMs === 0 ? { ok: true, principal } : { ok: false, reason: 'rate', waitMs }
    },
    heartbeat: (token) => heartbeats.get(sha256(token)) ?? null,
    takeUses: () => {
      const uses = [...usedAtMs].map(([{ tenant, tokenId }, atMs]) => ({ tenant, tokenId, atMs }))
      usedAtMs.clear()
      return uses
    },
    rates,
  }
}
