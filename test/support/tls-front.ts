// TLS in front of a server that has none; of PostgreSQL's kind, whose client asks in plain text before it begins.
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { TLSSocket } from 'node:tls'

export interface TlsFront {
  readonly port: number
  close(): Promise<void>
}
const SSL_REQUEST_BYTES = 8

export const startTlsFront = async (
  targetPort: number,
  { cert, key, asks }: { readonly cert: string; readonly key: string; readonly asks: boolean },
): Promise<TlsFront> => {
  const sockets = new Set<Socket>()
  const keep = (socket: Socket): Socket => {
    sockets.add(socket)
    socket.on('error', () => socket.destroy()).on('close', () => sockets.delete(socket))
    return socket
  }
  const begin = (socket: Socket): void => {
    const secure = keep(new TLSSocket(socket, { isServer: true, cert, key }))
    const target = keep(connect(targetPort, '127.0.0.1'))
    secure.on('close', () => target.destroy())
    target.on('close', () => secure.destroy())
    secure.pipe(target).pipe(secure)
  }
  const server = createServer((socket) => {
    keep(socket)
    if (!asks) return begin(socket)
    socket.once('readable', () => {
      if (socket.read(SSL_REQUEST_BYTES) === null) return socket.destroy()
      socket.write('S')
      begin(socket)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
