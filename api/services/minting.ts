// What a credential may make: nothing that is bound by less than itself. A cap or a rate would be worth nothing if its token could
// make another, or several, each with one of its own; so a token that has one makes none.
import { apiError } from '../errors.ts'
import { toInstant } from '../instant.ts'
import type { Principal } from '../../streams/contracts/principal.ts'

/** @returns the expiry of what is made: no later than the maker's own. @throws ApiError PAT_SCOPE_INSUFFICIENT. */
export const mintedExpiry = (maker: Principal, wanted: string | undefined): string | undefined => {
  const bound = [
    ['dailyMutationLimit', maker.dailyMutationLimit],
    ['dailyLogBytesLimit', maker.dailyLogBytesLimit],
    ['rate_limit_rps', maker.rateLimitRps],
  ].find(([, limit]) => limit !== undefined && limit !== null)
  if (bound !== undefined)
    throw apiError(
      'PAT_SCOPE_INSUFFICIENT',
      `a token with ${bound[0]} cannot make tokens or keys: what it makes would not be bound by it; ask with one that has no limit`,
    )
  if (maker.expiresAtMs === null || (wanted !== undefined && toInstant(wanted) <= maker.expiresAtMs)) return wanted
  if (wanted === undefined) return new Date(maker.expiresAtMs).toISOString()
  // What is no time at all is told where times are read.
  if (Number.isNaN(toInstant(wanted))) return wanted
  throw apiError(
    'PAT_SCOPE_INSUFFICIENT',
    `the token that asks ends at ${new Date(maker.expiresAtMs).toISOString()}: what it makes may not last longer`,
  )
}
