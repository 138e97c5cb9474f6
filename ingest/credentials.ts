// Who sent this, answered from memory: a snapshot is pushed in whole, tokens are known by their SHA-256 only.
// Unknown and malformed tokens take the same path as known ones.
import { hash } from 'node:crypto'
import { hasScope } from '../streams/contracts/principal.ts'
import { createRateLimiter } from '../streams/contracts/rate-limiter.ts'
import type { CredentialSnapshot, HeartbeatTarget, Principal, TokenUse } from '../streams/contracts/principal.ts'

export type Authentication =
  | { readonly ok: true; readonly principal: Principal }
  | { readonly ok: false; readonly reason: 'missing' | 'unknown' | 'expired' | 'scope' }
  | { readonly ok: false; readonly reason: 'rate'; readonly waitMs: number }

export interface Credentials {
  replace(snapshot: CredentialSnapshot): void
  /** `authorization` and `apiKey` are the two header values, empty when absent. */
  authenticate(authorization: string, apiKey: string, scope: string, nowMs: number): Authentication
  heartbeat(token: string): HeartbeatTarget | null
  /** The last use of every token that was used since this was last called. */
  takeUses(): TokenUse[]
}

const sha256 = (text: string): string => hash('sha256', text, 'hex')

/** Empty when neither header carries a token. */
const tokenOf = (authorization: string, apiKey: string): string => {
  const bearer = /^bearer[ \t]+(\S+)[ \t]*$/i.exec(authorization)
  return bearer?.[1] ?? apiKey.trim()
}

export const createCredentials = (): Credentials => {
  let tokens: ReadonlyMap<string, Principal> = new Map()
  const rates = createRateLimiter()
  let heartbeats: ReadonlyMap<string, HeartbeatTarget> = new Map()
  const usedAtMs = new Map<Principal, number>()
  return {
    replace: (snapshot) => {
      tokens = new Map(snapshot.tokens)
      heartbeats = new Map(snapshot.heartbeats)
    },
    authenticate: (authorization, apiKey, scope, nowMs) => {
      const token = tokenOf(authorization, apiKey)
      if (token === '') return { ok: false, reason: authorization === '' ? 'missing' : 'unknown' }
      const principal = tokens.get(sha256(token))
      if (principal === undefined) return { ok: false, reason: 'unknown' }
      if (principal.expiresAtMs !== null && principal.expiresAtMs <= nowMs) return { ok: false, reason: 'expired' }
      usedAtMs.set(principal, nowMs)
      if (!hasScope(principal.scopes, scope)) return { ok: false, reason: 'scope' }
      const waitMs = principal.rateLimitRps === undefined ? 0 : rates.take(principal.tokenId, principal.rateLimitRps, nowMs)
      return waitMs === 0 ? { ok: true, principal } : { ok: false, reason: 'rate', waitMs }
    },
    heartbeat: (token) => heartbeats.get(sha256(token)) ?? null,
    takeUses: () => {
      const uses = [...usedAtMs].map(([{ tenant, tokenId }, atMs]) => ({ tenant, tokenId, atMs }))
      usedAtMs.clear()
      return uses
    },
  }
}
