// One answer for each code of the registry, as a caller sees it. `GET /docs/errors` and the description of every route show them.
import { errorCodes, type ErrorName, type FieldError } from './errors.ts'

interface Example {
  readonly error: string
  readonly fields?: readonly FieldError[]
  readonly required_scopes?: readonly string[]
  readonly server_time?: string
  readonly retry_after_s?: number
  readonly status?: string
  readonly dependencies?: Readonly<Record<string, string>>
}

const examples: Readonly<Record<ErrorName, Example>> = {
  VALIDATION_FAILED: {
    error: 'querystring: stauts unknown field',
    fields: [
      {
        path: 'stauts',
        code: 'additionalProperties',
        message: 'unknown field',
        allowed: ['status', 'limit', 'cursor'],
        nearest: 'status',
        example: 'GET /api/v1/incidents?status=open',
      },
    ],
  },
  BAD_REQUEST: { error: 'HTTP/1.1 needs a Host header' },
  BAD_JSON: { error: 'The body is not JSON.' },
  BAD_TIME_RANGE: {
    error: 'from is not a time',
    fields: [
      {
        path: 'from',
        code: 'invalid_time',
        message: 'RFC 3339 with a zone (2026-01-31T12:00:00Z), now-15m, or a Unix time',
        example: 'from=now-1h',
      },
    ],
    server_time: '2026-01-31T12:00:00.000Z',
  },
  CURSOR_MISMATCH: { error: 'the cursor belongs to another query' },
  QUERY_TOO_LARGE: {
    error: 'the aggregate takes longer than 4 s',
    fields: [{ path: 'from', code: 'too_large', message: 'a shorter range', example: 'from=now-1h' }],
  },
  CURSOR_EXPIRED: { error: 'the cursor has expired' },
  IDEMPOTENCY_KEY_TOO_LONG: { error: 'The Idempotency-Key is longer than 255 characters.' },
  UNAUTHENTICATED: { error: 'the token is unknown, expired or revoked' },
  PAT_SCOPE_INSUFFICIENT: { error: 'the token lacks the scope incidents:write', required_scopes: ['incidents:write'] },
  ROLE_INSUFFICIENT: { error: "this needs the role member; the token's owner is viewer" },
  NOT_FOUND: { error: 'no incident inc_7f3d2a9c01be' },
  METHOD_NOT_ALLOWED: { error: 'PUT is not allowed here: GET, HEAD, POST' },
  REQUEST_TIMEOUT: { error: 'The request did not arrive in time.' },
  MONITOR_NAME_DUPLICATE: { error: 'a monitor named nightly-backup exists' },
  TENANT_DUPLICATE: { error: 'a tenant acme-corp exists' },
  LAST_OWNER: { error: 'user_owner is the only owner of the tenant' },
  FEEDBACK_NOT_APPLICABLE: { error: 'anom-7f3d2a9c01be is an alert of payments: its sender decides when it fires' },
  IDEMPOTENCY_KEY_REPLAY_CONFLICT: { error: 'the Idempotency-Key was used for another call' },
  IDEMPOTENCY_IN_PROGRESS: { error: 'a call with this Idempotency-Key is being carried out', retry_after_s: 1 },
  RATE_LIMITED: { error: 'the key may be used 1000 times a second' },
  BODY_TOO_LARGE: { error: 'The body is larger than 1 MiB.' },
  UNSUPPORTED_MEDIA_TYPE: { error: 'The body is not of a type that is taken.' },
  HEADERS_TOO_LARGE: { error: 'The headers are larger than 16 KiB.' },
  PAT_DAILY_LIMIT_EXCEEDED: { error: 'the token has made its 200 changes of this day', retry_after_s: 40_213 },
  INTERNAL: { error: 'something of ours went wrong' },
  STORE_UNAVAILABLE: { error: 'a store cannot be reached' },
  NOT_READY: { error: 'clickhouse is unreachable', status: 'unavailable', dependencies: { clickhouse: 'unreachable', ingest: 'ok' } },
  OVERLOADED: { error: 'a store has more to do than it can' },
}

/** The whole envelope, as it is sent. */
export const errorExample = (code: ErrorName): Record<string, unknown> => {
  const { error, fields, ...more } = examples[code]
  return { error, code, ...(fields === undefined ? {} : { fields }), hint: errorCodes[code].hint, request_id: '9f2c4b7a1d3e5f60', ...more }
}

export const errorCatalogue = (): Record<string, unknown>[] =>
  (Object.keys(errorCodes) as ErrorName[]).map((code) => ({
    code,
    ...errorCodes[code],
    retryable: [408, 429, 503].includes(errorCodes[code].status) || code === 'INTERNAL',
    example: errorExample(code),
  }))

const escape = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
/** For people: the address in `type` of a problem+json answer leads to its entry. */
export const errorPage = (): string => {
  const entries = (Object.keys(errorCodes) as ErrorName[]).map((code) => {
    const { status, meaning, hint } = errorCodes[code]
    return `<section id="${code}"><h2>${code} <small>${status}</small></h2><p>${escape(meaning)}</p><p><b>What to do:</b> ${escape(hint)}</p><pre>${escape(JSON.stringify(errorExample(code), null, 2))}</pre></section>`
  })
  const style =
    'body{font:16px/1.5 system-ui,sans-serif;max-width:48rem;margin:2rem auto;padding:0 1rem}pre{background:#f4f4f4;padding:.8rem;overflow:auto}small{color:#666}'
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>Errors of the API</title><style>${style}</style><h1>Errors of the API</h1>${entries.join('')}</html>`
}
