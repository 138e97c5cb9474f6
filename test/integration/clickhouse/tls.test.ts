// A ClickHouse behind TLS whose certificate no authority of the runtime has signed.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createClickHouse } from '../../../clickhouse/client.ts'
import { loadConfig } from '../../../config.ts'
import { createClosers } from '../../../process/closers.ts'
import { createLogger } from '../../../process/logger.ts'
import { openServers } from '../../../process/servers.ts'
import { hasOpenssl, makeCertificate } from '../../support/certificate.ts'
import { startTlsFront, type TlsFront } from '../../support/tls-front.ts'
import { openTestStore, type TestStore } from './store.ts'

const { cert, key } = hasOpenssl ? makeCertificate() : { cert: '', key: '' }
const dataDir = mkdtempSync(join(tmpdir(), 'lapwing-tls-store-'))
let store: TestStore
let front: TlsFront
beforeAll(async () => {
  store = await openTestStore()
  if (hasOpenssl) front = await startTlsFront(Number(new URL(store.local.url).port), { cert, key, asks: false })
})
afterAll(async () => {
  await front?.close()
  await store.dispose()
  rmSync(dataDir, { recursive: true, force: true })
})
const place = () => ({
  url: `https://localhost:${front.port}`,
  user: store.local.user,
  password: store.local.password,
  database: 'lapwing',
})

it.skipIf(!hasOpenssl)('is trusted by the authority that is given, by its name, and by no other', async () => {
  const trusting = createClickHouse({ ...place(), tlsCa: cert })
  await trusting.ensureDatabase()
  expect(await trusting.query({ name: 'all_tenants.one', sql: 'SELECT 1 AS one' }, {})).toEqual([{ one: 1 }])
  await trusting.close()
  for (const tlsCa of [null, makeCertificate().cert]) {
    const stranger = createClickHouse({ ...place(), tlsCa })
    await expect(stranger.ensureDatabase()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
    await stranger.close()
  }
})

it.skipIf(!hasOpenssl)('is told at the start with the setting that helps', async () => {
  const logger = createLogger('silent')
  const { onClose, close } = createClosers(logger)
  const config = loadConfig({
    LAPWING_DATA_DIR: dataDir,
    CLICKHOUSE_URL: place().url,
    CLICKHOUSE_USER: store.local.user,
    CLICKHOUSE_PASSWORD: store.local.password,
  })
  await expect(openServers(config, 'a test', logger, onClose)).rejects.toThrow(
    /^CLICKHOUSE_URL: .*give the authority's as CLICKHOUSE_TLS_CA or CLICKHOUSE_TLS_CA_FILE$/,
  )
  await close()
})
