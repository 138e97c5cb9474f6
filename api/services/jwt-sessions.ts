// JWT → principal, for API and ingest alike. What was verified is remembered for a while; every change of credentials or
// members empties the memory, so that who leaves is refused at once.
import { looksLikeJwt, type Principal } from '../../streams/contracts/principal.ts'
import type { Store } from '../store/store.ts'
import { sha256 } from './ids.ts'
import type { JwtVerifier } from './jwt.ts'
import { principalOfJwt } from './jwt-members.ts'

export interface JwtSessions {
  /** Null when it is no JWT, or not a good one. @throws TransientError when issuer or store cannot be asked. */
  authenticate(token: string): Promise<Principal | null>
  forget(): void
}

const REMEMBER_MS = 30_000
const MAX_REMEMBERED = 10_000
const ACTOR = { ip: '', ua: 'JWT', requestId: '' }

export const createJwtSessions = (deps: {
  readonly store: Store
  readonly verify: JwtVerifier
  readonly clock: () => number
}): JwtSessions => {
  const known = new Map<string, { readonly principal: Promise<Principal | null>; readonly untilMs: number }>()
  const look = async (token: string, nowMs: number): Promise<Principal | null> => {
    const claims = await deps.verify(token, nowMs)
    return claims === null ? null : await principalOfJwt(deps.store, claims, ACTOR)
  }
  return {
    authenticate: async (token) => {
      if (!looksLikeJwt(token)) return null
      const nowMs = deps.clock()
      const hash = sha256(token)
      let found = known.get(hash)
      if (found === undefined || found.untilMs <= nowMs) {
        if (known.size >= MAX_REMEMBERED) known.delete(known.keys().next().value as string)
        const principal = look(token, nowMs)
        found = { principal, untilMs: nowMs + REMEMBER_MS }
        known.set(hash, found)
        principal.catch(() => {
          known.delete(hash)
        })
      }
      return await found.principal
    },
    forget: () => {
      known.clear()
    },
  }
}
