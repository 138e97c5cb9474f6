// A JWT of the configured issuer, end to end: the API takes it, ingest takes it after a second, a removed member is refused.
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { until, type Product } from '../../bench/load/product.ts'
import { createMigratedProduct } from '../support/migrated-product.ts'

let product: Product
let token: string
const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true })
const idp = createServer((_request, response) => {
  void exportJWK(publicKey).then((jwk) => response.end(JSON.stringify({ keys: [{ ...jwk, kid: 'k', alg: 'ES256' }] })))
})
beforeAll(async () => {
  await new Promise<void>((resolve) => {
    idp.listen(0, '127.0.0.1', resolve)
  })
  const { port } = idp.address() as AddressInfo
  const issuer = `http://127.0.0.1:${port}`
  product = await createMigratedProduct({
    env: { LAPWING_JWT_ISSUER: issuer, LAPWING_JWT_AUDIENCE: 'lapwing', LAPWING_EGRESS_ALLOW: `127.0.0.1:${port}` },
  })
  await product.start()
  token = await new SignJWT({ tenant: 'default', scope: 'logs:write logs:read', role: 'member' })
    .setProtectedHeader({ alg: 'ES256', kid: 'k' })
    .setSubject('collector')
    .setIssuer(issuer)
    .setAudience('lapwing')
    .setIssuedAt()
    .setExpirationTime('5m')
    .sign(privateKey)
})
afterAll(async () => {
  await product.dispose()
  idp.closeAllConnections()
  idp.close()
})
const asJwt = (): Record<string, string> => ({ authorization: `Bearer ${token}` })
const ingest = (): Promise<Response> =>
  fetch(`${product.addresses().otlp}/api/v1/logs/ingest`, {
    method: 'POST',
    headers: { ...asJwt(), 'content-type': 'application/json' },
    body: JSON.stringify({ service: 'jwt', message: 'hello' }),
  })

it('is taken by ingest once it was checked, and by the API within its scopes', async () => {
  const first = await ingest()
  expect([first.status, first.headers.get('retry-after')]).toEqual([503, '1'])
  await until('ingest takes it', 10_000, async () => (await ingest()).status === 200)
  await until('it is found', 10_000, async () => {
    const found = await fetch(`${product.addresses().api}/api/v1/logs/search?service=jwt`, { headers: asJwt() })
    return ((await found.json()) as { events: unknown[] }).events.length > 0
  })
  expect((await fetch(`${product.addresses().api}/api/v1/incidents`, { headers: asJwt() })).status).toBe(403)
})

it('of a removed member is refused at once, everywhere', async () => {
  const { members } = (await (await product.api('/api/v1/me/members')).json()) as { members: { userId: string; role: string }[] }
  const { userId } = members.find((one) => one.role === 'member')!
  expect((await product.api(`/api/v1/me/members/${userId}`, { method: 'DELETE' })).status).toBe(204)
  expect((await fetch(`${product.addresses().api}/api/v1/logs/search`, { headers: asJwt() })).status).toBe(401)
  await until('ingest refuses it', 10_000, async () => (await ingest()).status === 401)
})
