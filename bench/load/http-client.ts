// A minimal keep-alive HTTP/1.1 client for load: one request at a time per connection, no redirects, no parsing beyond the
// status line and Content-Length. A generator that costs more than the server measures itself.
import { connect, type Socket } from 'node:net'

export interface LoadConnection {
  /** Resolves to the status, or 0 when the connection broke before an answer. */
  send(head: string, body: Uint8Array): Promise<number>
  /** What the last answer told to wait; 0 when it told nothing. */
  retryAfterMs(): number
  /** The next request opens it again. */
  close(): void
}

export const openConnection = (host: string, port: number): LoadConnection => {
  let socket: Socket | null = null
  let waiting: ((status: number) => void) | null = null
  let received: Buffer = Buffer.alloc(0)
  let retryAfterMs = 0

  const finish = (status: number): void => {
    const resolve = waiting
    waiting = null
    received = Buffer.alloc(0)
    resolve?.(status)
  }
  const close = (): void => {
    const left = socket
    socket = null
    left?.destroy()
    finish(0)
  }
  const onData = (chunk: Buffer): void => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk])
    const headEnd = received.indexOf('\r\n\r\n')
    if (headEnd < 0) return
    const head = received.toString('latin1', 0, headEnd)
    const length = /content-length: *(\d+)/i.exec(head)
    if (received.length >= headEnd + 4 + (length === null ? 0 : Number(length[1]))) {
      retryAfterMs = 1000 * Number(/retry-after: *(\d+)/i.exec(head)?.[1] ?? 0)
      finish(Number(head.slice(9, 12)))
    }
  }
  const open = (): Socket => {
    const made = connect({ host, port, noDelay: true })
    made.on('data', onData)
    made.on('error', () => made.destroy())
    made.on('close', () => {
      if (socket === made) close()
    })
    return made
  }
  return {
    send: (head, body) =>
      new Promise((resolve) => {
        socket ??= open()
        waiting = resolve
        retryAfterMs = 0
        socket.write(`${head}Content-Length: ${body.length}\r\n\r\n`, 'latin1')
        socket.write(body)
      }),
    retryAfterMs: () => retryAfterMs,
    close,
  }
}

export const requestHead = (path: string, host: string, token: string, contentType = 'application/x-protobuf'): string =>
  `POST ${path} HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${token}\r\nContent-Type: ${contentType}\r\n`
