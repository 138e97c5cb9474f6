// Health and metrics of a process that has no API, or on an address of their own: for its supervisor and for Prometheus, on loopback
// unless told otherwise.
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Listen } from '../config.ts'
import { PermanentError } from '../streams/contracts/errors.ts'

export interface AdminDeps {
  readonly version: string
  /** 'ok' or what is wrong, by dependency that this role's job needs. */
  readonly ready: () => Promise<Record<string, string>>
  readonly metrics: () => Promise<string>
}

const send = (response: ServerResponse, status: number, body: object | string): void => {
  const isText = typeof body === 'string'
  response.writeHead(status, {
    'content-type': isText ? 'text/plain; version=0.0.4; charset=utf-8' : 'application/json; charset=utf-8',
    ...(status === 503 ? { 'retry-after': '1' } : {}),
  })
  response.end(isText ? body : JSON.stringify(body))
}

const answer = async (path: string, deps: AdminDeps): Promise<readonly [number, object | string]> => {
  switch (path) {
    case '/health/live':
      return [200, { status: 'ok' }]
    case '/health':
      return [200, { status: 'ok', version: deps.version }]
    case '/version':
      return [200, { name: 'lapwing', version: deps.version }]
    case '/metrics':
      return [200, await deps.metrics()]
    case '/health/ready': {
      const dependencies = await deps.ready()
      const isReady = Object.values(dependencies).every((state) => state === 'ok')
      return isReady ? [200, { status: 'ok', dependencies }] : [503, { status: 'unavailable', dependencies }]
    }
    default:
      return [404, { error: 'there are /health, /health/live, /health/ready, /metrics and /version' }]
  }
}

/** @throws PermanentError PORT_BUSY. */
export const startAdmin = async (
  listen: Listen,
  deps: AdminDeps,
): Promise<{ readonly address: { host: string; port: number }; close(): Promise<void> }> => {
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (request.method !== 'GET' && request.method !== 'HEAD') return send(response, 405, { error: 'only GET' })
    send(response, ...(await answer(new URL(request.url ?? '/', 'http://localhost').pathname, deps)))
  }
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    handle(request, response).catch((error: unknown) => {
      send(response, 500, { error: error instanceof Error ? error.message : 'failed' })
    })
  }
  const { tls } = listen
  const server: Server =
    tls === undefined ? createServer(onRequest) : createTlsServer({ cert: readFileSync(tls.cert), key: readFileSync(tls.key) }, onRequest)
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const why = error.code === 'EADDRINUSE' ? 'is held by another program' : `cannot be listened on (${error.code})`
      reject(new PermanentError('PORT_BUSY', `${listen.host}:${listen.port} ${why}; LAPWING_ADMIN_LISTEN moves health and metrics`))
    })
    server.listen(listen.port, listen.host, resolve)
  })
  return {
    address: { host: listen.host, port: (server.address() as AddressInfo).port },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
