// Which errors of the registry an operation can answer with: read off its parameters, its method and its access, and a short list of what is particular.
import type { ErrorName } from '../errors.ts'
import type { Access, OperationId } from '../operations.ts'

export interface Described {
  readonly operationId: string
  readonly method: string
  readonly path: string
  readonly query: readonly string[]
  readonly hasBody: boolean
}

const particular: Readonly<Partial<Record<OperationId, readonly ErrorName[]>>> = {
  aggregateLogs: ['QUERY_TOO_LARGE'],
  listLogPatterns: ['QUERY_TOO_LARGE'],
  createMonitor: ['MONITOR_NAME_DUPLICATE'],
  patchMonitor: ['MONITOR_NAME_DUPLICATE'],
  createTenant: ['TENANT_DUPLICATE'],
  removeMember: ['LAST_OWNER'],
  ready: ['NOT_READY'],
  mcp: ['NOT_FOUND'],
  giveAnomalyFeedback: ['FEEDBACK_NOT_APPLICABLE'],
  resetDetectionSettings: ['NOT_FOUND'],
  storeResolution: ['NOT_FOUND'],
}

export const isMutating = (method: string): boolean => ['post', 'put', 'patch', 'delete'].includes(method.toLowerCase())
/** Spends a cap, takes an Idempotency-Key and a dry run. */
export const isChange = (method: string, access: Access): boolean =>
  isMutating(method) && !('public' in access) && access.changesNothing !== true
const has = (names: readonly string[], ...wanted: string[]): boolean => wanted.some((name) => names.includes(name))

export const errorsOf = (one: Described, access: Access): readonly ErrorName[] => {
  const takesInput = one.path.includes('{') || one.query.length > 0 || one.hasBody || isMutating(one.method) || !('public' in access)
  return [
    ...new Set<ErrorName>([
      'BAD_REQUEST',
      ...(takesInput ? (['VALIDATION_FAILED'] as const) : []),
      ...(isMutating(one.method) ? (['BAD_JSON'] as const) : []),
      ...(has(one.query, 'from', 'to', 'since', 'until') ? (['BAD_TIME_RANGE'] as const) : []),
      ...(has(one.query, 'cursor', 'page_token') ? (['CURSOR_MISMATCH', 'CURSOR_EXPIRED'] as const) : []),
      ...('public' in access ? [] : (['UNAUTHENTICATED', 'PAT_SCOPE_INSUFFICIENT', 'ROLE_INSUFFICIENT'] as const)),
      ...(one.path.includes('{') ? (['NOT_FOUND'] as const) : []),
      'REQUEST_TIMEOUT',
      ...(isChange(one.method, access)
        ? (['IDEMPOTENCY_KEY_TOO_LONG', 'IDEMPOTENCY_KEY_REPLAY_CONFLICT', 'IDEMPOTENCY_IN_PROGRESS', 'PAT_DAILY_LIMIT_EXCEEDED'] as const)
        : []),
      ...(one.path.startsWith('/health') ? [] : (['RATE_LIMITED'] as const)),
      ...(particular[one.operationId as OperationId] ?? []),
      ...(isMutating(one.method) ? (['BODY_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE'] as const) : []),
      'HEADERS_TOO_LARGE',
      'INTERNAL',
      'STORE_UNAVAILABLE',
      'OVERLOADED',
    ]),
  ]
}
