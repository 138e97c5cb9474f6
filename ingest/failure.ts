// Why a request was refused, once for every protocol: each handler renders it in its own shape. What may pass is 429 or
// 503 with 1 to 3 s of Retry-After, never 500: clients drop their data on anything else. A spent cap lasts until midnight.
import type { Authentication } from './credentials.ts'

export type FailureCode =
  | 'UNAUTHENTICATED'
  | 'PAT_SCOPE_INSUFFICIENT'
  | 'NOT_FOUND'
  | 'METHOD_NOT_ALLOWED'
  | 'BODY_TOO_LARGE'
  | 'UNSUPPORTED_MEDIA_TYPE'
  | 'BAD_JSON'
  | 'BAD_PROTOBUF'
  | 'BAD_COMPRESSION'
  | 'VALIDATION_FAILED'
  | 'RATE_LIMITED'
  | 'PAT_DAILY_LIMIT_EXCEEDED'
  | 'OVERLOADED'

export interface Failure {
  readonly ok: false
  readonly status: 400 | 401 | 403 | 404 | 405 | 413 | 415 | 429 | 503
  readonly code: FailureCode
  readonly message: string
  readonly hint?: string
  readonly headers?: readonly (readonly [string, string])[]
  readonly close?: boolean
}

const MAX_RETRY_SECONDS = 3
const retryAfter = (ms: number): readonly (readonly [string, string])[] => [
  ['Retry-After', String(Math.min(MAX_RETRY_SECONDS, Math.max(1, Math.ceil(ms / 1000))))],
]

export const overloaded = (message: string, retryAfterMs = 1000, close = false): Failure => ({
  ok: false,
  status: 503,
  code: 'OVERLOADED',
  message,
  headers: retryAfter(retryAfterMs),
  close,
})

export const rateLimited = (message: string, retryAfterMs = MAX_RETRY_SECONDS * 1000): Failure => ({
  ok: false,
  status: 429,
  code: 'RATE_LIMITED',
  message,
  headers: retryAfter(retryAfterMs),
})

/** Until the next UTC day: exporters give up long before, which is what a cap means. */
export const capSpent = (message: string, retryAfterSeconds: number): Failure => ({
  ok: false,
  status: 429,
  code: 'PAT_DAILY_LIMIT_EXCEEDED',
  message,
  hint: 'wait for the next UTC day, or use a token with a larger dailyLogBytesLimit',
  headers: [['Retry-After', String(retryAfterSeconds)]],
})

const refusals: Record<Exclude<Exclude<Authentication, { ok: true }>['reason'], 'rate' | 'checking'>, string> = {
  missing: 'no token: send the header Authorization: Bearer <token>',
  unknown: 'the token is not known or was revoked',
  expired: 'the token has expired',
  scope: 'the token lacks the scope logs:write',
}

export const refusedToken = (reason: keyof typeof refusals): Failure =>
  reason === 'scope'
    ? { ok: false, status: 403, code: 'PAT_SCOPE_INSUFFICIENT', message: refusals.scope, hint: 'use a token with the scope logs:write' }
    : {
        ok: false,
        status: 401,
        code: 'UNAUTHENTICATED',
        message: refusals[reason],
        headers: [['WWW-Authenticate', 'Bearer realm="lapwing"']],
        hint: 'create one with: npm run -s token -- create',
      }

export const notFound = (message: string): Failure => ({ ok: false, status: 404, code: 'NOT_FOUND', message })

export const methodNotAllowed = (method: string, allowed: string): Failure => ({
  ok: false,
  status: 405,
  code: 'METHOD_NOT_ALLOWED',
  message: `${method} is not allowed here, ${allowed} is`,
  headers: [['Allow', allowed]],
})

/** `limit` names what was passed and the setting that moves it. The rest of the body is not kept. */
export const tooLarge = (limit: string, close = false): Failure => ({
  ok: false,
  status: 413,
  code: 'BODY_TOO_LARGE',
  message: limit,
  hint: 'send smaller batches',
  close,
})

export const unsupported = (message: string): Failure => ({ ok: false, status: 415, code: 'UNSUPPORTED_MEDIA_TYPE', message })

export const badRequest = (
  code: 'BAD_JSON' | 'BAD_PROTOBUF' | 'BAD_COMPRESSION' | 'VALIDATION_FAILED',
  message: string,
  hint?: string,
): Failure => ({ ok: false, status: 400, code, message, hint })
