// A TCP proxy on loopback between us and a server, for what networks do: stand still for a while with every connection open,
// or drop them all. Bytes that were on their way when it paused arrive when it goes on, in order.
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

export interface TcpProxy {
  readonly port: number
  /** Nothing passes and nothing is accepted any more; no connection learns of it. */
  pause(): void
  resume(): void
  /** Every connection ends at once with a reset. */
  cut(): void
  close(): Promise<void>
}

export const openTcpProxy = async (target: { readonly port: number; readonly host?: string }, listenPort = 0): Promise<TcpProxy> => {
  const sockets = new Set<Socket>()
  let paused = false
  const join = (from: Socket, to: Socket): void => {
    sockets.add(from)
    from.on('data', (chunk) => {
      if (!to.write(chunk)) from.pause()
    })
    to.on('drain', () => {
      if (!paused) from.resume()
    })
    from.on('end', () => to.end())
    from.on('error', () => to.destroy())
    from.on('close', () => {
      sockets.delete(from)
      to.destroy()
    })
    if (paused) from.pause()
  }
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const upstream = connect({ host: target.host ?? '127.0.0.1', port: target.port, allowHalfOpen: true, noDelay: true })
    join(client, upstream)
    join(upstream, client)
  })
  server.listen(listenPort, '127.0.0.1')
  await once(server, 'listening')
  const cut = (): void => {
    for (const socket of sockets) socket.resetAndDestroy()
  }
  return {
    port: (server.address() as { port: number }).port,
    pause: () => {
      paused = true
      for (const socket of sockets) socket.pause()
    },
    resume: () => {
      paused = false
      for (const socket of sockets) socket.resume()
    },
    cut,
    close: async () => {
      cut()
      server.close()
      await once(server, 'close')
    },
  }
}
