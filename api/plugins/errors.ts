// Whatever goes wrong is answered in one envelope, with a code of the registry. What a 5xx was stays in our log; the caller
// gets its request id.
import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { TransientError } from '../../streams/contracts/errors.ts'
import type { Log } from '../deps.ts'
import { apiError, errorCodes, isApiError, type ApiError, type ErrorName } from '../errors.ts'

const byFastify: Readonly<Record<string, readonly [ErrorName, string]>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: ['UNSUPPORTED_MEDIA_TYPE', 'the body has to be application/json'],
  FST_ERR_CTP_BODY_TOO_LARGE: ['BODY_TOO_LARGE', 'the body is larger than 1 MiB'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: ['VALIDATION_FAILED', 'the body is not as long as Content-Length says'],
  FST_ERR_CTP_EMPTY_JSON_BODY: ['BAD_JSON', 'the body is empty'],
  FST_ERR_CTP_INVALID_JSON_BODY: ['BAD_JSON', 'the body is not valid JSON'],
  FST_ERR_BAD_URL: ['VALIDATION_FAILED', 'the path is not a valid URL'],
  FST_ERR_MAX_PARAM_LENGTH: ['NOT_FOUND', 'no such id'],
}
const byStatus: Readonly<Record<number, ErrorName>> = { 404: 'NOT_FOUND', 408: 'REQUEST_TIMEOUT', 413: 'BODY_TOO_LARGE', 415: 'UNSUPPORTED_MEDIA_TYPE', 431: 'HEADERS_TOO_LARGE', 503: 'OVERLOADED' }

const toApiError = (error: Error & { code?: string; statusCode?: number }): ApiError => {
  if (isApiError(error)) return error
  if (error instanceof TransientError) return apiError(error.code === 'STORE_OVERLOADED' ? 'OVERLOADED' : 'STORE_UNAVAILABLE', 'a store does not answer at the moment')
  const known = byFastify[error.code ?? '']
  if (known !== undefined) return apiError(known[0], known[1])
  const status = error.statusCode ?? 500
  if (error instanceof SyntaxError && status === 400) return apiError('BAD_JSON', 'the body is not valid JSON')
  const code = byStatus[status] ?? (status >= 400 && status < 500 ? 'VALIDATION_FAILED' : 'INTERNAL')
  return apiError(code, code === 'INTERNAL' ? 'something of ours went wrong' : errorCodes[code].meaning)
}

interface Envelope { readonly error: string; readonly code: ErrorName; readonly fields?: unknown; readonly hint: string; readonly request_id: string }
export const toEnvelope = (error: ApiError, requestId: string): Envelope => ({
  error: error.message, code: error.code, ...(error.fields === undefined ? {} : { fields: error.fields }), hint: errorCodes[error.code].hint, request_id: requestId,
})

const qualityOf = (accept: string, type: string): number => {
  const part = accept.split(',').map((one) => one.trim().toLowerCase()).find((one) => one.split(';')[0].trim() === type)
  const quality = /;\s*q=([\d.]+)/.exec(part ?? '')
  return part === undefined ? 0 : quality === null ? 1 : Number(quality[1])
}
const prefersProblem = (accept: string | undefined): boolean => {
  const problem = qualityOf(accept ?? '', 'application/problem+json')
  return problem > 0 && problem >= qualityOf(accept ?? '', 'application/json')
}

export const createErrorHandler = (log: Log) => (thrown: Error, request: FastifyRequest, reply: FastifyReply): void => {
  const error = toApiError(thrown)
  const { status, meaning } = errorCodes[error.code]
  if (status >= 500) log[status === 503 ? 'warn' : 'error']({ requestId: request.id, code: error.code, error: thrown.message, stack: thrown.stack }, 'request failed')
  if (status === 503) reply.header('retry-after', String(thrown instanceof TransientError ? Math.max(1, Math.ceil(thrown.retryAfterMs / 1000)) : 1))
  if (status === 401) reply.header('www-authenticate', 'Bearer realm="lapwing"')
  const envelope = toEnvelope(error, request.id)
  const problem = prefersProblem(request.headers.accept)
  reply.code(status).header('x-request-id', request.id).header('cache-control', 'no-store').type(problem ? 'application/problem+json' : 'application/json; charset=utf-8')
    .serializer((payload: unknown) => JSON.stringify(payload))
    .send(problem ? { type: 'about:blank', title: meaning, status, detail: error.message, ...envelope } : envelope)
}

/** For what is no HTTP, or not in time, there is no request yet: the answer is written on the socket. */
export const createClientErrorHandler = (createRequestId: () => string) => (error: Error & { code?: string }, socket: Socket): void => {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy()
  const code: ErrorName = error.code === 'HPE_HEADER_OVERFLOW' ? 'HEADERS_TOO_LARGE' : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 'REQUEST_TIMEOUT' : 'VALIDATION_FAILED'
  const { status, meaning } = errorCodes[code]
  const id = createRequestId()
  const body = JSON.stringify(toEnvelope(apiError(code, code === 'VALIDATION_FAILED' ? 'the request is not valid HTTP' : meaning), id))
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\nX-Request-Id: ${id}\r\nConnection: close\r\n\r\n${body}`)
}
