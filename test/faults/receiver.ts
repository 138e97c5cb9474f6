// Where a cluster tells of incidents: what came, by incident, type and id. It refuses one in five, so that sending again is the rule.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Receiver {
  /** Settings of the processes that send here. */
  readonly env: Readonly<Record<string, string>>
  /** How many different events of an incident came, by type; one that came again is the same. */
  eventsOf(incidentId: string): Readonly<Record<string, number>>
  close(): Promise<void>
}

const REFUSES_EVERY = 5

export const openReceiver = async (): Promise<Receiver> => {
  const ids = new Map<string, Map<string, Set<string>>>()
  let requests = 0
  const server = createServer((request, response) => {
    let body = ''
    request
      .on('data', (chunk: Buffer) => {
        body += chunk.toString()
      })
      .on('end', () => {
        requests += 1
        if (requests % REFUSES_EVERY === 0) {
          response.writeHead(500).end()
          return
        }
        const event = JSON.parse(body) as { id: string; type: string; data: { id: string } }
        const types = ids.get(event.data.id) ?? new Map<string, Set<string>>()
        ids.set(event.data.id, types)
        types.set(event.type, (types.get(event.type) ?? new Set()).add(event.id))
        response.writeHead(200).end()
      })
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  return {
    env: {
      LAPWING_NOTIFY_URL: `http://127.0.0.1:${port}/`,
      LAPWING_NOTIFY_SECRET: 'of the fault suite alone',
      LAPWING_EGRESS_ALLOW: `127.0.0.1:${port}`,
    },
    eventsOf: (incidentId) => Object.fromEntries([...(ids.get(incidentId) ?? [])].map(([type, of]) => [type, of.size])),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
