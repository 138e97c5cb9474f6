// JWTs as ingest knows them. It cannot check one: the main thread can, and is asked in the background while the client is
// told to come again in a second. What was learnt holds for a minute and is asked anew before it ends, and for ten while
// nobody can answer, as other tokens do; a change of credentials empties the memory.
import { looksLikeJwt, type Principal } from '../streams/contracts/principal.ts'

export type JwtState = Principal | 'checking' | 'refused'

export interface JwtMemory {
  lookUp(token: string, hash: string, nowMs: number): JwtState
  /** What the main thread found; 'unknown' when it could not find out. */
  learn(hash: string, found: Principal | null | 'unknown', nowMs: number): void
  forget(): void
}

const HOLDS_MS = 60_000
const ASKS_ANEW_MS = 30_000
const HOLDS_UNANSWERED_MS = 600_000
const ASKS_AGAIN_MS = 1000
const MAX_KNOWN = 10_000
/** Who makes up tokens costs the main thread no more than this many checks at once. */
const MAX_ASKED = 64

interface Known {
  readonly principal: Principal | null
  readonly learntMs: number
  /** When it was last asked about in vain. */ unansweredMs: number
}

export const createJwtMemory = (ask: ((token: string, hash: string) => void) | null): JwtMemory => {
  const known = new Map<string, Known>()
  const asked = new Set<string>()
  const askOnce = (token: string, hash: string): void => {
    if (ask === null || asked.has(hash) || asked.size >= MAX_ASKED) return
    asked.add(hash)
    ask(token, hash)
  }
  return {
    lookUp: (token, hash, nowMs) => {
      if (ask === null || !looksLikeJwt(token)) return 'refused'
      const found = known.get(hash)
      const ageMs = found === undefined ? Infinity : nowMs - found.learntMs
      const unansweredMs = found === undefined ? Infinity : nowMs - found.unansweredMs
      if (ageMs > ASKS_ANEW_MS && unansweredMs > ASKS_AGAIN_MS) askOnce(token, hash)
      // A refusal is not prolonged: its sender comes again.
      const isUnanswered = found?.principal != null && unansweredMs <= HOLDS_MS
      if (found === undefined || ageMs > (isUnanswered ? HOLDS_UNANSWERED_MS : HOLDS_MS)) return 'checking'
      return found.principal ?? 'refused'
    },
    learn: (hash, found, nowMs) => {
      asked.delete(hash)
      if (found === 'unknown') {
        const before = known.get(hash)
        if (before !== undefined) before.unansweredMs = nowMs
        return
      }
      known.delete(hash)
      if (known.size >= MAX_KNOWN) known.delete(known.keys().next().value as string)
      known.set(hash, { principal: found, learntMs: nowMs, unansweredMs: -Infinity })
    },
    forget: () => {
      known.clear()
    },
  }
}
