// The registry of error codes: status, meaning, what to do. Codes are never repurposed, only added.
// `problem` makes the error that carries one of them; nobody matches on message text.

export const errors = {
  VALIDATION_FAILED: { status: 400, meaning: 'The request does not match the schema of its operation.', hint: 'Correct what `fields` names; unknown fields are refused.' },
  BAD_JSON: { status: 400, meaning: 'The body is not valid JSON.', hint: 'Send one JSON value with Content-Type: application/json.' },
  BAD_REQUEST: { status: 400, meaning: 'The request is not valid HTTP for this operation.', hint: null },
  BAD_TIME_RANGE: { status: 400, meaning: 'The time range is empty or cannot be read.', hint: 'Times are RFC 3339 or now-<n><s|m|h|d>; the start must be before the end.' },
  CURSOR_MISMATCH: { status: 400, meaning: 'The cursor was not made for this request.', hint: 'Restart without a cursor, or repeat the filter of the first page.' },
  CURSOR_EXPIRED: { status: 400, meaning: 'The cursor is too old.', hint: 'Restart without a cursor.' },
  UNAUTHENTICATED: { status: 401, meaning: 'There is no valid credential: missing, unknown, expired or revoked.', hint: 'Send Authorization: Bearer obs_…' },
  PAT_SCOPE_INSUFFICIENT: { status: 403, meaning: 'The token lacks the scope of this operation.', hint: 'Use a token with the scope that the message names.' },
  ROLE_INSUFFICIENT: { status: 403, meaning: 'The role of the token’s user does not allow this operation.', hint: 'Ask an admin or the owner of the tenant.' },
  NOT_FOUND: { status: 404, meaning: 'There is no such resource in this tenant, or no such route.', hint: 'Routes are listed in /openapi.json.' },
  METHOD_NOT_ALLOWED: { status: 405, meaning: 'The path exists, the method does not.', hint: 'Use a method that the Allow header names.' },
  REQUEST_TIMEOUT: { status: 408, meaning: 'The request did not arrive in time.', hint: 'Send headers within 5 s and the whole request within 10 s.' },
  MONITOR_NAME_DUPLICATE: { status: 409, meaning: 'Another monitor of this tenant has this name.', hint: 'Choose another name, or PATCH the existing monitor.' },
  INCIDENT_RESOLVED: { status: 409, meaning: 'The incident is resolved: it cannot be acknowledged.', hint: null },
  BODY_TOO_LARGE: { status: 413, meaning: 'The body is larger than this API takes.', hint: 'Send at most 1 MiB; logs go to the ingest address.' },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, meaning: 'The body’s media type is not taken here.', hint: 'Send Content-Type: application/json.' },
  HEADERS_TOO_LARGE: { status: 431, meaning: 'The request’s headers are too large.', hint: 'Send at most 16 KiB of headers.' },
  INTERNAL: { status: 500, meaning: 'A fault of the server; it is logged under the request id.', hint: 'Try again; report the request_id if it stays.' },
  STORE_UNAVAILABLE: { status: 503, meaning: 'A store that this operation needs does not answer.', hint: 'Try again after Retry-After seconds.' },
  QUERY_TOO_EXPENSIVE: { status: 503, meaning: 'The query took too long or too much memory.', hint: 'Narrow the time range or add a service.' },
} as const satisfies Record<string, { status: number; meaning: string; hint: string | null }>

export type ApiErrorCode = keyof typeof errors

export interface FieldError { readonly path: string; readonly code: string; readonly message: string }

export interface Problem extends Error {
  readonly problem: ApiErrorCode
  readonly fields?: readonly FieldError[]
  readonly retryAfterMs?: number
}

export const problem = (code: ApiErrorCode, message: string, extra: { fields?: readonly FieldError[]; retryAfterMs?: number } = {}): Problem =>
  Object.assign(new Error(message), { problem: code, ...extra })

export const isProblem = (error: unknown): error is Problem =>
  error instanceof Error && 'problem' in error && typeof error.problem === 'string' && error.problem in errors

export const invalidField = (path: string, code: string, message: string): Problem =>
  problem('VALIDATION_FAILED', `${path}: ${message}`, { fields: [{ path, code, message }] })
