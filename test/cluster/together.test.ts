// What only several processes can show: any of them does for any other, what one changes holds in all within a second, and each
// says by itself that it can do its job.
import { expect, it } from 'vitest'
import { until } from '../../bench/load/product.ts'
import { openTarget, type ClusterDescription } from '../support/target.ts'

const described = JSON.parse(process.env.LAPWING_TEST_CLUSTER!) as ClusterDescription
const target = await openTarget()
const of = (role: string) => described.members.filter((member) => member.role === role)
const json = (body: object, token = target.token): RequestInit => ({
  method: 'POST',
  headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
  body: JSON.stringify(body),
})
const send = async (otlp: string, service: string, message: string, token?: string): Promise<number> =>
  (await fetch(`${otlp}/api/v1/logs/ingest`, json({ service, message }, token))).status
const search = async (api: string, service: string, token = target.token): Promise<{ status: number; messages: string[] }> => {
  const response = await fetch(`${api}/api/v1/logs/search?service=${service}`, { headers: { authorization: `Bearer ${token}` } })
  const { events = [] } = (await response.json()) as { events?: { message: string }[] }
  return { status: response.status, messages: events.map(({ message }) => message).sort() }
}

it('each process answers for itself: alive, ready, its version and its metrics', async () => {
  for (const { admin, name } of described.members) {
    for (const path of ['/health/live', '/health/ready', '/health', '/version', '/metrics'])
      expect([name, path, (await fetch(`${admin}${path}`)).status]).toEqual([name, path, 200])
  }
})

it('what any ingest took is found at any API', async () => {
  for (const { otlp, name } of of('ingest')) expect(await send(otlp, 'anywhere', name)).toBe(200)
  for (const { api } of of('api'))
    await until(
      'both are found',
      15_000,
      async () =>
        (await search(api, 'anywhere')).messages.join() ===
        of('ingest')
          .map(({ name }) => name)
          .sort()
          .join(),
    )
})

it('a token that one API made is good everywhere, and one that another revoked is good nowhere within a second', async () => {
  const [first, second] = of('api')
  const { id, token } = (await (await fetch(`${first.api}/api/v1/me/tokens`, json({ name: 'everywhere', scopes: ['logs:*'] }))).json()) as {
    id: string
    token: string
  }
  await until('it is good everywhere', 3000, async () => {
    const ingests = await Promise.all(of('ingest').map(({ otlp }) => send(otlp, 'token', 'made', token)))
    const apis = await Promise.all(of('api').map(({ api }) => search(api, 'token', token)))
    return ingests.every((status) => status === 200) && apis.every(({ status }) => status === 200)
  })
  expect(
    (await fetch(`${second.api}/api/v1/me/tokens/${id}`, { method: 'DELETE', headers: { authorization: `Bearer ${target.token}` } }))
      .status,
  ).toBe(204)
  const revokedAt = Date.now()
  await until(
    'it is good nowhere',
    1000,
    async () => {
      const ingests = await Promise.all(of('ingest').map(({ otlp }) => send(otlp, 'token', 'revoked', token)))
      const apis = await Promise.all(of('api').map(({ api }) => search(api, 'token', token)))
      return ingests.every((status) => status === 401) && apis.every(({ status }) => status === 401)
    },
    20,
  )
  expect(Date.now() - revokedAt).toBeLessThan(1500)
})

it('an Idempotency-Key is one for both', async () => {
  const change = { ...json({ name: 'once', type: 'heartbeat', intervalSec: 3600 }) }
  change.headers = { ...change.headers, 'idempotency-key': 'together-once' }
  const answers = await Promise.all(
    Array.from({ length: 20 }, async (_, n) => {
      for (;;) {
        const response = await fetch(`${of('api')[n % of('api').length].api}/api/v1/monitors`, change)
        const body = await response.text()
        if (response.status === 201) return body
        expect(JSON.parse(body)).toMatchObject({ code: 'IDEMPOTENCY_IN_PROGRESS' })
      }
    }),
  )
  expect(new Set(answers).size).toBe(1)
})

it('both workers have partitions', async () => {
  const texts = await Promise.all(of('worker').map(async ({ admin }) => await (await fetch(`${admin}/metrics`)).text()))
  for (const text of texts) expect(Number(/^lapwing_consumer_assigned_partitions (\d+)/m.exec(text)?.[1])).toBeGreaterThan(0)
})

it('the rate of a key is one over both ingest processes', async () => {
  const RATE = 20
  const made = await fetch(`${of('api')[0].api}/api/v1/apikeys`, json({ name: 'one rate', scope: 'ingestion', rate_limit_rps: RATE }))
  const { api_key: key } = (await made.json()) as { api_key: string }
  await until('the key is good everywhere', 3000, async () =>
    (await Promise.all(of('ingest').map(({ otlp }) => send(otlp, 'rate', 'first', key)))).every((status) => status === 200),
  )
  const startedAt = performance.now()
  let taken = 0
  await Promise.all(
    of('ingest').map(async ({ otlp }) => {
      while (performance.now() - startedAt < 6000) {
        const status = await send(otlp, 'rate', 'more', key)
        expect([200, 429]).toContain(status)
        if (status === 200) taken++
      }
    }),
  )
  const seconds = (performance.now() - startedAt) / 1000
  // Twice the rate, if each counted on its own; a second's worth at once in each, and half of one before they have heard of each other.
  expect(taken).toBeLessThanOrEqual(RATE * (seconds + 2 * 1.5))
  expect(taken).toBeGreaterThanOrEqual(RATE * (seconds - 3))
})
