// Loopback ports that nothing listened on at the moment of asking, for programs that do not tell which port they took.
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'

/** All different: they are held together before they are let go. */
export const freePorts = async (count: number): Promise<number[]> => {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map((server) => once(server, 'listening')))
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  await Promise.all(
    servers.map((server) => {
      server.close()
      return once(server, 'close')
    }),
  )
  return ports
}
export const freePort = async (): Promise<number> => (await freePorts(1))[0]
