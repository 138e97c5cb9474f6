// The HTTP edge, the only file that knows uWebSockets.js: listeners, headers → plain values, one answer per request.
// The library answers by itself: 431 over 16 KB or about 98 headers, 505 to HTTP/1.0, 400 to chunk extensions; it sends
// 100-continue, resets a body slower than 16 KB/s after about 10 s, and closes a connection that is idle for 8 to 12 s.
import { env } from 'node:process'
import type { HttpRequest, HttpResponse, TemplatedApp, us_listen_socket } from 'uWebSockets.js'
import { PermanentError } from '../streams/contracts/errors.ts'
import type { Admission } from './admission.ts'
import { overloaded } from './failure.ts'
import { STALL_MS, readBody } from './http/body-reader.ts'
import type { Answer, Exchange, IngestRequest } from './http/exchange.ts'
import { createSlabs } from './http/slabs.ts'
import { statusLine } from './http/status-line.ts'
import type { Metrics } from './metrics.ts'
import { serve } from './routes.ts'
import type { Route, Router } from './routes.ts'

export interface ListenerConfig {
  readonly host: string
  readonly port: number
  /** Paths of PEM files; plain without. */ readonly tls?: { readonly cert: string; readonly key: string }
  /** Named when the port is taken. */ readonly setting: string
  readonly router: Router
}
export interface ServerConfig {
  readonly listeners: readonly ListenerConfig[]
  readonly stallMs?: number
}
export interface ServerDeps {
  readonly admission: Admission
  readonly metrics: Metrics
  readonly onFault: (error: unknown) => void
}

export interface Server {
  /** In the order of the listeners; the port is the real one. */
  readonly addresses: readonly { readonly host: string; readonly port: number }[]
  openRequests(): number
  /** No new connections; open ones are told to come back. */
  stopListening(): void
  /** Ends every connection. */
  close(): void
}

/** Without it a second process silently shares the port. The typings lack it, and listen with a host and options. */
const EXCLUSIVE_PORT = 1
type Listen = (host: string, port: number, options: number, done: (socket: us_listen_socket | false) => void) => void
/** Must be in the real environment before the library is loaded: it reads it once. Its default is 4 KB. */
const MAX_HEADERS_SIZE = '16384'
/** Told in every answer, and less than the library waits, which nothing can change: a client that believes it never sends on a connection
 * that is just being closed. */
const KEEP_ALIVE = 'timeout=7'
const REFUSED_WHILE_CLOSING = overloaded('shutting down', 1000, true)
const REFUSED_SOCKETS = overloaded('too many connections', 1000, true)

const text = new TextDecoder()

const toRequest = (res: HttpResponse, req: HttpRequest): IngestRequest => {
  const length = req.getHeader('content-length')
  return {
    method: req.getCaseSensitiveMethod(),
    path: req.getUrl(),
    contentType: req.getHeader('content-type'),
    contentEncoding: req.getHeader('content-encoding'),
    contentLength: /^\d{1,15}$/.test(length) ? Number(length) : null,
    authorization: req.getHeader('authorization'),
    apiKey: req.getHeader('x-api-key'),
    remoteAddress: text.decode(res.getRemoteAddressAsText()),
  }
}

const write = (res: HttpResponse, method: string, reply: NonNullable<Answer>): void => {
  res.cork(() => {
    res.writeStatus(statusLine(reply.status))
    if (reply.close !== true) res.writeHeader('Keep-Alive', KEEP_ALIVE)
    if (reply.contentType !== undefined) res.writeHeader('Content-Type', reply.contentType)
    for (const [name, value] of reply.headers ?? []) res.writeHeader(name, value)
    // Its length argument makes the library drop the connection at the next request, so the header is written by hand.
    if (method === 'HEAD' && reply.status !== 204) res.writeHeader('Content-Length', String(Buffer.byteLength(reply.body ?? '')))
    if (method === 'HEAD' || reply.status === 204) res.endWithoutBody()
    else res.end(reply.body ?? '', reply.close ?? false)
  })
}

/** Requests on their way, and whether new ones are still taken. */
interface Traffic {
  openRequests: number
  closing: boolean
}

/** Of bodies between two requests. */
const MAX_KEPT_BYTES = 16 * 1024 * 1024

const createReceiver = (traffic: Traffic, stallMs: number, deps: ServerDeps) => {
  const slabs = createSlabs(MAX_KEPT_BYTES)
  const answer = (route: Route, exchange: Exchange): Answer | Promise<Answer> => {
    const refusal = traffic.closing ? REFUSED_WHILE_CLOSING : deps.admission.socketsFull() ? REFUSED_SOCKETS : null
    if (refusal === null) return serve(route, exchange)
    if (route.signal !== null) deps.metrics.refused(route.signal, refusal.code)
    return route.fail(exchange.request, refusal)
  }
  return (router: Router) =>
    (res: HttpResponse, req: HttpRequest): void => {
      const startedAt = performance.now()
      const request = toRequest(res, req)
      const route = router(request.path)
      let gone = false
      let onGone = (): void => {}
      res.onAborted(() => {
        gone = true
        onGone()
      })
      traffic.openRequests++
      const finish = (reply: Answer): void => {
        traffic.openRequests--
        if (route.signal !== null) deps.metrics.answered(route.signal, performance.now() - startedAt)
        if (!gone && reply !== null) write(res, request.method, reply)
      }
      const fault = (error: unknown): void => {
        deps.onFault(error)
        finish(route.fail(request, overloaded('this request could not be processed')))
      }
      try {
        const result = answer(route, {
          request,
          readBody: (maxBytes, lease) =>
            readBody(
              {
                onData: (handler) => {
                  res.onData(handler)
                },
                onGone: (handler) => {
                  onGone = handler
                },
              },
              { contentLength: request.contentLength, maxBytes, stallMs },
              lease,
              slabs,
            ),
        })
        if (result instanceof Promise) result.then(finish, fault)
        else finish(result)
      } catch (error) {
        fault(error)
      }
    }
}

export const startServer = async (config: ServerConfig, deps: ServerDeps): Promise<Server> => {
  env.UWS_HTTP_MAX_HEADERS_SIZE = MAX_HEADERS_SIZE
  const uws = await import('uWebSockets.js')
  const traffic: Traffic = { openRequests: 0, closing: false }
  const receive = createReceiver(traffic, config.stallMs ?? STALL_MS, deps)
  const apps: TemplatedApp[] = []
  const sockets: us_listen_socket[] = []
  const listen = (listener: ListenerConfig): Promise<us_listen_socket> =>
    new Promise((resolve, reject) => {
      const { tls } = listener
      const app = tls === undefined ? uws.App() : uws.SSLApp({ cert_file_name: tls.cert, key_file_name: tls.key })
      apps.push(app)
      app.filter((_res, count) => {
        if (count > 0) deps.admission.socketOpened()
        else deps.admission.socketClosed()
      })
      app.any('/*', receive(listener.router))
      ;(app.listen as unknown as Listen).call(app, listener.host, listener.port, EXCLUSIVE_PORT, (socket) => {
        if (socket !== false) resolve(socket)
        else
          reject(
            new PermanentError(
              'PORT_BUSY',
              `${listener.setting}: cannot listen on ${listener.host}:${listener.port}, another program has the port or the address is not this machine's`,
            ),
          )
      })
    })
  const stopListening = (): void => {
    traffic.closing = true
    for (const socket of sockets.splice(0)) uws.us_listen_socket_close(socket)
  }
  const addresses: { host: string; port: number }[] = []
  try {
    for (const listener of config.listeners) {
      const socket = await listen(listener)
      sockets.push(socket)
      addresses.push({ host: listener.host, port: uws.us_socket_local_port(socket) })
    }
  } catch (error) {
    stopListening()
    throw error
  }
  return {
    addresses,
    openRequests: () => traffic.openRequests,
    stopListening,
    close: () => {
      for (const app of apps) app.close()
    },
  }
}
