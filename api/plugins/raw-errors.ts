// What Node answers below the routes: requests that are not HTTP, too slow or too large, in the same envelope as all others.
import { randomBytes } from 'node:crypto'
import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { apiError, errorCodes, type ErrorName } from '../errors.ts'

const rawError = (code: ErrorName): string => {
  const { status, meaning, hint } = errorCodes[code]
  const id = randomBytes(8).toString('hex')
  const body = JSON.stringify({ error: meaning, code, hint, request_id: id })
  return [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    `X-Request-Id: ${id}`,
    'Cache-Control: no-store',
    'Connection: close',
    '',
    body,
  ].join('\r\n')
}

const byNodeCode: Readonly<Record<string, ErrorName>> = {
  HPE_HEADER_OVERFLOW: 'HEADERS_TOO_LARGE',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 'BODY_TOO_LARGE',
  ERR_HTTP_REQUEST_TIMEOUT: 'REQUEST_TIMEOUT',
}

export const handleClientError = (error: NodeJS.ErrnoException, socket: Socket): void => {
  // Half an answer may be on the way already: a second one would be read as its body.
  const answering = (socket as Socket & { _httpMessage?: { headersSent: boolean } | null })._httpMessage?.headersSent === true
  if (!socket.writable || error.code === 'ECONNRESET' || answering) socket.destroy()
  else socket.end(rawError(byNodeCode[error.code ?? ''] ?? 'BAD_REQUEST'))
}

/** Node would answer these two with an empty body: they are let through to the routes, and refused there where they must be. */
export const letThrough = { requireHostHeader: false } as const
export const handleRawRequests = (app: FastifyInstance): void => {
  app.server.on('checkExpectation', (request, response) => {
    app.server.emit('request', request, response)
  })
  app.addHook('onRequest', async (request) => {
    if (request.raw.httpVersion === '1.1' && request.headers.host === undefined)
      throw apiError('BAD_REQUEST', 'HTTP/1.1 needs a Host header')
  })
}
