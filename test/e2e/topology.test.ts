// Who calls whom, from records as they are sent to the picture of an incident, over HTTP alone: in one process, or in a cluster.
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { until } from '../../bench/load/product.ts'
import { openTarget, type Target } from '../support/target.ts'

let product: Target
beforeAll(async () => {
  product = await openTarget()
})
afterAll(async () => {
  await product.dispose()
})

const send = async (path: string, method: string, body: object): Promise<Response> =>
  fetch(`${product.addresses().api}${path}`, {
    method,
    headers: { authorization: `Bearer ${product.token}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
const read = async <T>(path: string): Promise<T> => {
  const answer = await product.api(path)
  expect(answer.status, await answer.clone().text()).toBe(200)
  return (await answer.json()) as T
}
/** One request: the caller says so before and behind what it calls. */
const resourceLogs = (service: string, traceId: string, times: readonly number[], severityNumber = 9): object => ({
  resource: { attributes: [{ key: 'service.name', value: { stringValue: service } }] },
  scopeLogs: [
    {
      logRecords: times.map((ms) => ({
        timeUnixNano: String(BigInt(ms) * 1_000_000n),
        severityNumber,
        body: { stringValue: 'request' },
        traceId,
      })),
    },
  ],
})

interface Topology {
  services: { service: string; owner: string | null; seen: boolean }[]
  edges: { from: string; to: string; kind: string; calls: number | null; errors: number | null; evidence: { link: string }[] }[]
}
interface Incident {
  id: string
  services: string[]
  links: { graph: string }
}

it('what was sent and what was declared is one graph, names owners in the blast radius, and is drawn', async () => {
  const [web, shop, bank, report] = ['web', 'shop', 'bank', 'report'].map((name) => `topology-${name}`)
  expect((await send(`/api/v1/context/services/${bank}`, 'PUT', { owner: 'team-money' })).status).toBe(200)
  expect((await send(`/api/v1/context/services/${report}`, 'PUT', { owner: 'team-finance', dependsOn: [bank] })).status).toBe(200)
  const start = Date.now() - 60_000
  const sent = await fetch(`${product.addresses().otlp}/v1/logs`, {
    method: 'POST',
    headers: { authorization: `Bearer ${product.token}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      resourceLogs: Array.from({ length: 12 }, (_, i) => {
        const [at, trace] = [start + i * 1000, randomBytes(16).toString('hex')]
        return [
          resourceLogs(web, trace, [at, at + 90]),
          resourceLogs(shop, trace, [at + 10, at + 80]),
          resourceLogs(bank, trace, [at + 30, at + 40], i % 3 === 0 ? 17 : 9),
        ]
      }).flat(),
    }),
  })
  expect(sent.status, await sent.clone().text()).toBe(200)
  const topology = (query = ''): Promise<Topology> => read(`/api/v1/context/topology?service=${bank}&depth=2${query}`)
  await until('the calls are seen', 20_000, async () => (await topology()).edges.length === 3)
  const { services, edges } = await topology()
  expect(edges.map(({ from, to, kind, calls, errors }) => [from, to, kind, calls, errors])).toEqual([
    [shop, bank, 'trace', 12, 4],
    [web, shop, 'trace', 12, 0],
    [report, bank, 'declared', null, null],
  ])
  expect(services.map((one) => [one.service, one.owner, one.seen])).toEqual(
    expect.arrayContaining([
      [bank, 'team-money', true],
      [report, 'team-finance', false],
      [web, null, true],
    ]),
  )
  for (const {
    evidence: [{ link }],
  } of edges)
    expect(JSON.stringify(await read(link))).toContain('topology-')
  expect((await topology('&to=now-30m')).edges.map((edge) => edge.kind)).toEqual(['declared'])

  const alert = {
    labels: { alertname: 'BankDown', service: bank, severity: 'critical' },
    annotations: { summary: 'bank does not answer' },
    status: 'firing',
    startsAt: new Date().toISOString(),
    endsAt: '0001-01-01T00:00:00Z',
  }
  await fetch(`${product.addresses().alerts}/api/v1/alerts/webhook`, {
    method: 'POST',
    headers: { authorization: `Bearer ${product.token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ version: '4', alerts: [alert] }),
  })
  const mine = async (): Promise<Incident | undefined> =>
    (await read<{ incidents: Incident[] }>('/api/v1/incidents?limit=200')).incidents.find((one) => one.services.includes(bank))
  await until('the incident is open', 20_000, async () => (await mine()) !== undefined)
  const incident = (await mine())!
  const blast = await read<{ root: string; impacted: { service: string; owner: string | null; path: string[] }[] }>(
    `/api/v1/context/incident/${incident.id}/blast`,
  )
  expect([blast.root, blast.impacted.map((one) => [one.service, one.owner, one.path])]).toEqual([
    bank,
    [
      [report, 'team-finance', [bank, report]],
      [shop, null, [bank, shop]],
      [web, null, [bank, shop, web]],
    ],
  ])
  const picture = await product.api(incident.links.graph)
  expect([picture.status, picture.headers.get('content-type')]).toEqual([200, 'image/svg+xml; charset=utf-8'])
  const svg = await picture.text()
  for (const text of [bank, report, shop, web, 'owner team-money', 'owner team-finance', '>12 traces<', '>declared<'])
    expect(svg).toContain(text)
})
