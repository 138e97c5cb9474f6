// Every listener with TLS: a client that trusts the certificate is served, and plain HTTP is not. The certificate is made by openssl; a
// machine without it skips them.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createProduct, type Product } from '../../bench/load/product.ts'
import { freePorts } from '../support/free-port.ts'
import { createMigratedProduct } from '../support/migrated-product.ts'
import { hasOpenssl, makeCertificate } from '../support/certificate.ts'

const directory = mkdtempSync(join(tmpdir(), 'lapwing-tls-'))
const [cert, key] = [join(directory, 'cert.pem'), join(directory, 'key.pem')]
let product: Product | undefined
let admin = ''
let ca = ''
beforeAll(async () => {
  if (!hasOpenssl) return
  const made = makeCertificate()
  ca = made.cert
  writeFileSync(cert, made.cert)
  writeFileSync(key, made.key)
  const [port] = await freePorts(1)
  admin = `https://127.0.0.1:${port}`
  product = await createMigratedProduct({
    env: {
      LAPWING_ADMIN_LISTEN: `127.0.0.1:${port}`,
      ...Object.fromEntries(
        ['OTLP', 'ALERTS', 'API', 'ADMIN'].flatMap((name) => [
          [`LAPWING_${name}_TLS_CERT`, cert],
          [`LAPWING_${name}_TLS_KEY`, key],
        ]),
      ),
    },
  })
  await product.start()
})
afterAll(async () => {
  await product?.dispose()
  rmSync(directory, { recursive: true, force: true })
})

const send = (url: string, method: string, body?: string): Promise<{ status: number; text: string }> =>
  new Promise((resolve, reject) => {
    const sent = request(
      url,
      { method, ca, headers: { authorization: `Bearer ${product!.token}`, 'content-type': 'application/json' } },
      (response) => {
        let text = ''
        response
          .on('data', (chunk: Buffer) => {
            text += chunk.toString()
          })
          .on('end', () => resolve({ status: response.statusCode!, text }))
      },
    )
    sent.on('error', reject)
    sent.end(body)
  })

it.skipIf(!hasOpenssl)('serves over TLS what it says it listens on, and nothing in plain text', async () => {
  const { otlp, alerts, api } = product!.addresses()
  expect([otlp, alerts, api].map((url) => url.slice(0, 8))).toEqual(['https://', 'https://', 'https://'])
  expect(await send(`${otlp}/api/v1/logs/ingest`, 'POST', '{"service":"s","message":"m"}')).toMatchObject({ status: 200 })
  expect(await send(`${alerts}/api/v1/alerts/webhook`, 'POST', '{"version":"4","alerts":[]}')).toMatchObject({ status: 200 })
  expect(await send(`${api}/health/ready`, 'GET')).toMatchObject({ status: 200 })
  expect(await send(`${admin}/metrics`, 'GET')).toMatchObject({ status: 200, text: expect.stringContaining('lapwing_') })
  for (const url of [otlp, alerts, api, admin])
    await expect(fetch(url.replace('https', 'http'), { signal: AbortSignal.timeout(3000) })).rejects.toThrow()
})

it.skipIf(!hasOpenssl)('certificate and key go together, and must be there', async () => {
  const wrong = createProduct({ env: { LAPWING_OTLP_TLS_CERT: cert, LAPWING_API_TLS_CERT: '/nowhere/cert.pem', LAPWING_API_TLS_KEY: key } })
  await expect(wrong.start()).rejects.toThrow(/LAPWING_OTLP_TLS_KEY: must be set beside LAPWING_OTLP_TLS_CERT[\s\S]*LAPWING_API_TLS_CERT/)
  await wrong.dispose()
})
