// The whole product with its control plane on a PostgreSQL server: tokens outlive a restart of the product, and the product an outage of the server.
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createProduct, until, type Product } from '../../../bench/load/product.ts'
import { createPostgresServer, findPostgresBinaries, type PostgresServer } from '../../support/postgres-server.ts'

let server: PostgresServer
let product: Product
beforeAll(async () => {
  server = await createPostgresServer(findPostgresBinaries()!)
  await server.start()
  product = createProduct({ env: { DATABASE_URL: server.url } })
  await product.start()
})
afterAll(async () => {
  await product.dispose()
  await server.dispose()
})

const json = (value: object): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(value),
})
const createToken = async (name: string): Promise<Response> => await product.api('/api/v1/me/tokens', json({ name, scopes: ['logs:*'] }))
const asToken = (token: string, init: RequestInit = {}): RequestInit => ({
  ...init,
  headers: { ...(init.headers as Record<string, string>), authorization: `Bearer ${token}` },
})
const ingest = (token: string, message: string): Promise<Response> =>
  fetch(`${product.addresses().otlp}/api/v1/logs/ingest`, asToken(token, json([{ service: 'shop', message }])))
const alert = (service: string): Promise<Response> =>
  fetch(
    `${product.addresses().alerts}/api/v1/alerts/webhook`,
    json({ version: '4', alerts: [{ status: 'firing', labels: { alertname: 'Down', service }, startsAt: new Date().toISOString() }] }),
  )
const incidentServices = async (): Promise<string[]> => {
  const { incidents } = (await (await product.api('/api/v1/incidents')).json()) as { incidents: { services: string[] }[] }
  return incidents.flatMap(({ services }) => services)
}
const messages = async (token: string): Promise<string[]> => {
  const response = await product.api('/api/v1/logs/search?service=shop', asToken(token))
  expect(response.status).toBe(200)
  return ((await response.json()) as { events: { message: string }[] }).events.map((event) => event.message)
}
let token = ''

it('a token that was made is good for sending and reading, also after a restart', async () => {
  const made = await createToken('shop')
  expect(made.status).toBe(201)
  token = ((await made.json()) as { token: string }).token
  expect((await ingest(token, 'before')).status).toBe(200)
  expect(await product.stop()).toBe(0)
  await product.start()
  expect((await ingest(token, 'after')).status).toBe(200)
  await until('both are found', 15_000, async () => (await messages(token)).length === 2)
})

it('while the server is away logs and alerts are taken, logs are read, changes are answered 503; when it is back the alert has its incident', async () => {
  await server.stop('immediate')
  expect((await createToken('lost')).status).toBe(503)
  expect((await ingest(token, 'during')).status).toBe(200)
  await until('it is found', 15_000, async () => (await messages(token)).includes('during'))
  expect((await alert('till')).status).toBe(200)
  expect(product.running()).toBe(true)
  await server.start()
  await until('a token can be made', 15_000, async () => (await createToken('found')).status === 201)
  await until('the alert has its incident', 30_000, async () => (await incidentServices()).join() === 'till')
  const { tokens } = (await (await product.api('/api/v1/me/tokens')).json()) as { tokens: { name: string }[] }
  expect(tokens.map(({ name }) => name)).not.toContain('lost')
})
