// A local socket in the data directory (mode 0600) through which commands reach a running server: one JSON line in, one
// JSON line out. Whoever may read the data directory is the operator; the network never reaches it.
import { createHash } from 'node:crypto'
import { chmodSync, rmSync } from 'node:fs'
import { createConnection, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface ControlRequest {
  readonly command: string
  readonly [key: string]: unknown
}
export type ControlReply = { readonly ok: true; readonly result: unknown } | { readonly ok: false; readonly error: string }
export type ControlHandler = (request: ControlRequest) => Promise<unknown>

const MAX_REQUEST_CHARS = 64 * 1024
const MAX_REPLY_CHARS = 8 * 1024 * 1024

/** A socket path holds about 100 bytes: a longer one moves to the temporary directory, named by its hash. */
export const controlSocketPath = (dataDir: string): string => {
  const path = join(dataDir, 'control.sock')
  if (Buffer.byteLength(path) <= 100) return path
  return join(tmpdir(), `lapwing-${createHash('sha256').update(dataDir).digest('hex').slice(0, 16)}.sock`)
}

const readLine = (socket: Socket, maxChars: number, onLine: (line: string) => void): void => {
  let text = ''
  socket.setEncoding('utf8')
  socket.on('data', (chunk: string) => {
    text += chunk
    const end = text.indexOf('\n')
    if (end >= 0) onLine(text.slice(0, end))
    else if (text.length > maxChars) socket.destroy(new Error('a line of the control socket is too long'))
  })
}

/** The caller holds the data directory's lock, so a socket file that is there is a dead one's. */
export const openControlSocket = async (dataDir: string, handle: ControlHandler): Promise<{ close(): Promise<void> }> => {
  const path = controlSocketPath(dataDir)
  rmSync(path, { force: true })
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy())
    readLine(socket, MAX_REQUEST_CHARS, (line) => {
      const answer = (reply: ControlReply): void => {
        socket.end(`${JSON.stringify(reply)}\n`)
      }
      Promise.resolve()
        .then(() => handle(JSON.parse(line) as ControlRequest))
        .then(
          (result) => answer({ ok: true, result }),
          (error: unknown) => answer({ ok: false, error: error instanceof Error ? error.message : 'failed' }),
        )
    })
  })
  const old = process.umask(0o177)
  try {
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(path, resolve))
  } finally {
    process.umask(old)
  }
  chmodSync(path, 0o600)
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        rmSync(path, { force: true })
      }),
  }
}

/** Null when no server listens there. */
export const callControlSocket = (dataDir: string, request: ControlRequest): Promise<ControlReply | null> =>
  new Promise((resolve, reject) => {
    const socket = createConnection(controlSocketPath(dataDir))
    socket.setTimeout(30_000, () => {
      socket.destroy()
      reject(new Error('the running server did not answer within 30 s'))
    })
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') resolve(null)
      else reject(error)
    })
    socket.on('connect', () => socket.write(`${JSON.stringify(request)}\n`))
    readLine(socket, MAX_REPLY_CHARS, (line) => {
      resolve(JSON.parse(line) as ControlReply)
      socket.destroy()
    })
  })
