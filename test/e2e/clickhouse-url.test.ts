// One process over a ClickHouse that somebody else started: everything else stays embedded, and what it may not do there is said by name.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { until } from '../../bench/load/product.ts'
import { createMigratedProduct } from '../support/migrated-product.ts'
import { startLocalClickHouse, type LocalClickHouse } from '../../clickhouse/local/local.ts'

const directory = mkdtempSync(join(tmpdir(), 'lapwing-url-'))
let server: LocalClickHouse
beforeAll(async () => {
  server = await startLocalClickHouse({
    directory,
    listen: { host: '127.0.0.1', port: 0 },
    maxMemoryBytes: 1024 ** 3,
    readerPassword: null,
    database: 'lapwing',
    log: { info: () => {}, warn: () => {} },
  })
})
afterAll(async () => {
  await server?.close()
  rmSync(directory, { recursive: true, force: true })
})
const envOf = (more: Record<string, string> = {}): Record<string, string> => ({
  CLICKHOUSE_URL: server.url,
  CLICKHOUSE_USER: server.user,
  CLICKHOUSE_PASSWORD: server.password,
  ...more,
})

it('stores and finds records in the ClickHouse that CLICKHOUSE_URL names, and starts no child', async () => {
  const product = await createMigratedProduct({ env: envOf() })
  try {
    await product.start()
    expect(product.addresses()).toMatchObject({ clickhousePid: null })
    const answer = await fetch(`${product.addresses().otlp}/api/v1/logs/ingest`, {
      method: 'POST',
      body: '{"service":"shop","message":"over the wire"}',
      headers: { authorization: `Bearer ${product.token}`, 'content-type': 'application/json' },
    })
    expect(answer.status).toBe(200)
    await until('the record is found', 20_000, async () =>
      (await (await product.api('/api/v1/logs/search?q=wire')).text()).includes('over the wire'),
    )
    expect((await product.api('/health/ready')).status).toBe(200)
  } finally {
    await product.dispose()
  }
})

it.concurrent.each([
  [
    'a database that the user may not create',
    { CLICKHOUSE_DATABASE: 'elsewhere' },
    /CLICKHOUSE_URL: the user app may not create the database elsewhere: create it, or GRANT CREATE DATABASE/,
  ],
  [
    'a cluster that the server does not know',
    { LAPWING_CLICKHOUSE_CLUSTER: 'nowhere' },
    /LAPWING_CLICKHOUSE_CLUSTER: the server knows no cluster nowhere/,
  ],
  ['a wrong password', { CLICKHOUSE_PASSWORD: 'not the one' }, /CLICKHOUSE_URL: /],
])('is told at the start of %s', async (_what, env, said) => {
  const product = await createMigratedProduct({ env: envOf(env) })
  await expect(product.start()).rejects.toThrow(said)
  await product.dispose()
})
