// What every body-taking handler checks first, from headers alone: who calls, and how the body is encoded.
import type { Compression } from '../../streams/contracts/envelope.ts'
import { parseContentEncoding } from '../../streams/inflate.ts'
import type { Credentials } from '../credentials.ts'
import { overloaded, rateLimited, refusedToken, unsupported } from '../failure.ts'
import type { Failure } from '../failure.ts'
import type { IngestRequest } from '../http/exchange.ts'
import { ENCODINGS } from '../http/media-type.ts'
import type { Caller } from '../intake.ts'
import type { Cap } from '../log-budget.ts'

export const SCOPE = 'logs:write'
export const DEFAULT_TENANT = 'default'

export type Identified =
  | { readonly ok: true; readonly caller: Caller; /** Of the token's log bytes; null without one. */ readonly cap: Cap | null }
  | Failure
export type Encoded = { readonly ok: true; readonly compression: Compression } | Failure

/** `anonymous`: a request without any credential belongs to the default tenant; a wrong one is refused all the same. */
export const identify = (request: IngestRequest, credentials: Credentials, nowMs: number, anonymous: boolean): Identified => {
  if (anonymous && request.authorization === '' && request.apiKey === '')
    return { ok: true, caller: { tenant: DEFAULT_TENANT, tokenId: '' }, cap: null }
  const result = credentials.authenticate(request.authorization, request.apiKey, SCOPE, nowMs)
  if (result.ok) {
    const { tenant, tokenId, dailyLogBytesLimit: limitBytes = null } = result.principal
    return { ok: true, caller: { tenant, tokenId }, cap: limitBytes === null || tokenId === '' ? null : { tenant, tokenId, limitBytes } }
  }
  if (result.reason === 'checking') return overloaded('the token is being checked')
  return result.reason === 'rate'
    ? rateLimited('the key sends more requests a second than it may', result.waitMs)
    : refusedToken(result.reason)
}

export const compressionOf = (request: IngestRequest): Encoded => {
  const compression = parseContentEncoding(request.contentEncoding)
  return compression === null
    ? unsupported(`Content-Encoding ${JSON.stringify(request.contentEncoding.slice(0, 100))} is not one of ${ENCODINGS}`)
    : { ok: true, compression }
}
