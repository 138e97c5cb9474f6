// An MCP endpoint for programs that cannot send a token: our API, and before it a door that adds one and passes everything else as it came.
import { createServer, request as httpRequest, type Server } from 'node:http'
import { bearer, openHarness, type Harness } from '../../api/harness.ts'

export interface Endpoint {
  readonly url: string
  readonly harness: Harness
  close(): Promise<void>
}

const openDoor = (port: number): Promise<Server> =>
  new Promise((resolve) => {
    const door = createServer((incoming, outgoing) => {
      const passed = httpRequest(
        { host: '127.0.0.1', port, method: incoming.method, path: incoming.url, headers: { ...incoming.headers, ...bearer('owner') } },
        (answer) => {
          outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
          answer.pipe(outgoing)
        },
      )
      passed.on('error', () => {
        outgoing.destroy()
      })
      outgoing.on('close', () => {
        passed.destroy()
      })
      incoming.pipe(passed)
    })
    door.listen(0, '127.0.0.1', () => {
      resolve(door)
    })
  })

export const openEndpoint = async (extendMcp?: (server: never) => void): Promise<Endpoint> => {
  const harness = await openHarness(undefined, { requestsPerMinute: 1_000_000 }, { extendMcp })
  await harness.app.listen({ host: '127.0.0.1', port: 0 })
  const door = await openDoor((harness.app.server.address() as { port: number }).port)
  return {
    url: `http://localhost:${(door.address() as { port: number }).port}/mcp`,
    harness,
    close: async () => {
      door.closeAllConnections()
      await new Promise((resolve) => {
        door.close(resolve)
      })
      await harness.close()
    },
  }
}
