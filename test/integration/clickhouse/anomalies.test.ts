// Paging through anomalies of a real store while others are found: the API's own route over the real query.
import { afterAll, beforeAll, expect, it } from 'vitest'
import { similarAnomalies } from '../../../clickhouse/queries/anomalies.ts'
import { createApp, type App } from '../../../api/app.ts'
import type { ApiDeps } from '../../../api/ports.ts'
import { sha256 } from '../../../api/services/ids.ts'
import { openTestStore, type TestStore } from './store.ts'

const NOW = Math.floor(Date.now() / 1000) * 1000
const principal = {
  tenant: 'a',
  userId: 'u',
  email: 'u@a.test',
  role: 'owner' as const,
  tokenId: 'pat_1',
  scopes: ['*'],
  expiresAtMs: null,
}
const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined }
const row = (id: string, secondsAgo: number, tenant = 'a'): object => ({
  tenant,
  anomaly_id: id,
  kind: 'anomaly',
  service_id: 'cart',
  metric_name: 'log.rate',
  detected_at: ((NOW - secondsAgo * 1000) / 1000).toFixed(3),
  started_at: (NOW / 1000).toFixed(3),
  anomaly_score: 0.9,
  z_score: 4,
  version: 1,
})

let store: TestStore
let app: App
beforeAll(async () => {
  store = await openTestStore()
  // Nothing of these is in an incident or a maintenance window.
  const deps = {
    store: { query: async () => [] },
    clickhouse: store.clickhouse,
    clock: () => NOW,
    logger: quiet,
    credentials: () => ({ tokens: [[sha256('obs_x'), principal]], heartbeats: [] }),
  }
  app = await createApp(
    { listen: { host: '127.0.0.1', port: 0 }, version: '0', secretKey: 'k', metricsOpen: true, otlpBase: () => '' },
    deps as unknown as ApiDeps,
  )
  const put = (rows: object[]): Promise<void> => store.clickhouse.insertRows({ table: 'anomalies', rows })
  // Three of the same instant: time alone does not order them.
  await put([row('anom-1', 10), row('anom-2', 20), row('anom-3', 20), row('anom-4', 20), row('anom-5', 30), row('anom-b', 15, 'b')])
})
afterAll(async () => {
  await app.close()
  await store.dispose()
})

const page = async (token?: string) => {
  const reply = await app.inject({
    url: `/api/v1/anomalies?limit=2${token === undefined ? '' : `&page_token=${encodeURIComponent(token)}`}`,
    headers: { authorization: 'Bearer obs_x' },
  })
  expect(reply.statusCode, reply.body).toBe(200)
  return reply.json<{ anomalies: { anomaly_id: string }[]; total: number; page_token?: string }>()
}

it('anomalies that are stored between two pages neither repeat rows nor hide them', async () => {
  const first = await page()
  expect(first).toMatchObject({ total: 5, anomalies: [{ anomaly_id: 'anom-1' }, { anomaly_id: 'anom-4' }] })
  // Two before the first page's end, one of its very instant, one behind it.
  await store.clickhouse.insertRows({
    table: 'anomalies',
    rows: [row('anom-0', 5), row('anom-15', 15), row('anom-9', 20), row('anom-35', 25)],
  })
  const seen: string[] = []
  for (let token = first.page_token, pages = 0; token !== undefined && pages < 10; pages++) {
    const next = await page(token)
    seen.push(...next.anomalies.map((one) => one.anomaly_id))
    token = next.page_token
  }
  expect(seen).toEqual(['anom-3', 'anom-2', 'anom-35', 'anom-5'])
})

it('earlier anomalies of the same series on the same side are counted, and the last five named', async () => {
  const of = (id: string, secondsAgo: number, change: object = {}): object => ({
    ...row(id, secondsAgo),
    service_id: 'mail',
    direction: 1,
    ...change,
  })
  await store.clickhouse.insertRows({
    table: 'anomalies',
    rows: [
      ...Array.from({ length: 7 }, (_, i) => of(`anom-m${i}`, 100 + i)),
      of('anom-down', 101, { direction: -1 }),
      of('anom-errors', 101, { metric_name: 'log.error_rate' }),
      of('anom-later', 1),
      of('anom-theirs', 101, { tenant: 'b' }),
    ],
  })
  const [found] = await store.clickhouse.query(similarAnomalies, {
    tenant: 'a',
    service: 'mail',
    metric: 'log.rate',
    direction: 1,
    beforeMs: String(NOW - 100_000),
    id: 'anom-m0',
  })
  expect(found).toEqual({ total: '6', ids: ['anom-m1', 'anom-m2', 'anom-m3', 'anom-m4', 'anom-m5'] })
})
