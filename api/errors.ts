// The one registry of error codes that the API answers with. Codes are never repurposed, only added.

export interface ErrorKind {
  readonly status: number
  readonly meaning: string
  readonly hint: string
}

export const errorCodes = {
  VALIDATION_FAILED: {
    status: 400,
    meaning: 'The request does not have the shape that the route takes.',
    hint: 'See fields: each names a path and what is expected there; GET /openapi.json has every shape.',
  },
  BAD_REQUEST: {
    status: 400,
    meaning: 'The request is not HTTP/1.1 that can be read.',
    hint: 'Send it with an HTTP client; the request line, the headers or the chunks are malformed.',
  },
  BAD_JSON: { status: 400, meaning: 'The body is not JSON.', hint: 'Send one JSON value with Content-Type: application/json.' },
  BAD_TIME_RANGE: {
    status: 400,
    meaning: 'from is after to or in the future, or one of them is not a time.',
    hint: 'Use RFC 3339 with a zone, now-15m or a Unix time; server_time says what time it is here.',
  },
  CURSOR_MISMATCH: { status: 400, meaning: 'The cursor belongs to another query.', hint: 'Start again without cursor.' },
  QUERY_TOO_LARGE: {
    status: 400,
    meaning: 'The query reads more than fits into its time.',
    hint: 'Ask for a shorter time range, or narrow it: service, words and attribute = value are looked up in an index.',
  },
  CURSOR_EXPIRED: { status: 400, meaning: 'The cursor is older than an hour.', hint: 'Start again without cursor.' },
  IDEMPOTENCY_KEY_TOO_LONG: {
    status: 400,
    meaning: 'The Idempotency-Key is longer than 255 characters.',
    hint: 'Use a UUID: one for each call that is meant, the same one for its retries.',
  },
  UNAUTHENTICATED: {
    status: 401,
    meaning: 'No valid token came with the request.',
    hint: 'Send Authorization: Bearer obs_…; `npm run -s token -- create` makes one.',
  },
  PAT_SCOPE_INSUFFICIENT: {
    status: 403,
    meaning: 'The token lacks a scope that the operation needs.',
    hint: 'Use a token with the scope that the message names.',
  },
  ROLE_INSUFFICIENT: {
    status: 403,
    meaning: 'The owner of the token has too low a role in the tenant.',
    hint: 'Ask an admin of the tenant.',
  },
  NOT_FOUND: {
    status: 404,
    meaning: 'There is no such thing in this tenant.',
    hint: 'List first, then use an id from the list; GET /openapi.json names every path.',
  },
  METHOD_NOT_ALLOWED: { status: 405, meaning: 'The path exists, not with this method.', hint: 'See the Allow header.' },
  REQUEST_TIMEOUT: { status: 408, meaning: 'The request did not arrive in time.', hint: 'Send it again, whole.' },
  MONITOR_NAME_DUPLICATE: {
    status: 409,
    meaning: 'A monitor of that name exists.',
    hint: 'Choose another name, or change the one that exists.',
  },
  TENANT_DUPLICATE: { status: 409, meaning: 'A tenant of that id exists.', hint: 'Choose another tenant_id.' },
  LAST_OWNER: { status: 409, meaning: 'The tenant would be left without an owner.', hint: 'Make another member an owner first.' },
  FEEDBACK_NOT_APPLICABLE: {
    status: 409,
    meaning: 'The anomaly is an alert: nothing here judges it.',
    hint: 'Silence or change the rule where the alert comes from, or open a maintenance window.',
  },
  IDEMPOTENCY_KEY_REPLAY_CONFLICT: {
    status: 409,
    meaning: 'The Idempotency-Key was used for another call within 24 hours.',
    hint: 'Use a new key for a new call; repeat a call with the very same path, query and body.',
  },
  IDEMPOTENCY_IN_PROGRESS: {
    status: 409,
    meaning: 'A call with this Idempotency-Key is being carried out.',
    hint: 'Send the same call again after Retry-After seconds: it gets the answer of the first.',
  },
  BODY_TOO_LARGE: { status: 413, meaning: 'The body is larger than 1 MiB.', hint: 'Send less at once.' },
  UNSUPPORTED_MEDIA_TYPE: {
    status: 415,
    meaning: 'The body is not of a type that is taken.',
    hint: 'Send Content-Type: application/json.',
  },
  HEADERS_TOO_LARGE: { status: 431, meaning: 'The headers are larger than 16 KiB.', hint: 'Send fewer or shorter headers.' },
  RATE_LIMITED: {
    status: 429,
    meaning: 'More requests came than the key, or its address, may send.',
    hint: 'Wait Retry-After seconds and spread the requests out; slow down when X-RateLimit-Remaining is below a tenth of X-RateLimit-Limit.',
  },
  PAT_DAILY_LIMIT_EXCEEDED: {
    status: 429,
    meaning: 'The token has spent its cap of this UTC day.',
    hint: 'Wait for Retry-After seconds, or use another token; dry_run=true and repeats under an Idempotency-Key spend nothing.',
  },
  INTERNAL: { status: 500, meaning: 'Something of ours went wrong.', hint: 'Report the request_id.' },
  STORE_UNAVAILABLE: {
    status: 503,
    meaning: 'A store cannot be reached.',
    hint: 'Try again after Retry-After seconds; GET /health/ready names it.',
  },
  NOT_READY: {
    status: 503,
    meaning: 'A part of the product does not work yet, or no more.',
    hint: 'See dependencies; try again after Retry-After seconds.',
  },
  OVERLOADED: { status: 503, meaning: 'More is asked than can be answered now.', hint: 'Try again after Retry-After seconds.' },
} as const satisfies Record<string, ErrorKind>

export type ErrorName = keyof typeof errorCodes
/** `example` is a call that would do; `nearest` is the allowed value that was probably meant. */
export interface FieldError {
  readonly path: string
  readonly code: string
  readonly message: string
  readonly allowed?: readonly unknown[]
  readonly nearest?: string
  readonly example?: string
  /** Of a text: where in it, and what stands there. */ readonly position?: number
  readonly found?: string
}
export interface ApiError extends Error {
  readonly code: ErrorName
  readonly fields?: readonly FieldError[]
  readonly more?: object
  readonly retryAfterSeconds?: number
}

/** `more` is told beside what every error tells. */
export const apiError = (code: ErrorName, message: string, fields?: readonly FieldError[], more?: object): ApiError =>
  Object.assign(new Error(message), {
    name: 'ApiError',
    code,
    ...(fields === undefined ? {} : { fields }),
    ...(more === undefined ? {} : { more }),
  }) as ApiError
/** For what passes: a repeat after that many seconds may do better. */
export const retryLater = (code: ErrorName, message: string, seconds: number): ApiError => {
  const retryAfterSeconds = Math.max(1, Math.ceil(seconds))
  return Object.assign(apiError(code, message, undefined, { retry_after_s: retryAfterSeconds }), { retryAfterSeconds })
}
export const isApiError = (error: unknown): error is ApiError => error instanceof Error && error.name === 'ApiError'
