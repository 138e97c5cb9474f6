// Fifty of sixty services fall at once, and nothing is known of who calls whom: one incident with fifty members, not fifty incidents.
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startWatchdog } from '../../analytics/watchdog/watchdog.ts'
import { createControlPlane } from '../../api/services/control-plane.ts'
import { createIncidents } from '../../api/services/incidents.ts'
import type { Store } from '../../api/store/store.ts'
import { openMigratedStore } from '../support/migrated-store.ts'
import { openTestStore, silent, type TestStore } from './clickhouse/store.ts'

const BUCKET_MS = 10_000
const SERVICES = 60
const FALLEN = 50
const BUCKETS = 110
const FALLS_AT = 90
let clickhouse: TestStore
let control: { readonly store: Store; close(): Promise<void> }
beforeAll(async () => {
  ;[clickhouse, control] = await Promise.all([openTestStore(), openMigratedStore()])
  await control.store.query("INSERT INTO tenants (id, name) VALUES ('outage', 'outage')")
})
afterAll(async () => {
  await control.close()
  await clickhouse.dispose()
})

it('services that fall at once are one incident', async () => {
  let nowMs = Math.floor(Date.now() / BUCKET_MS) * BUCKET_MS
  const baseMs = nowMs - 3_600_000
  const rows = Array.from({ length: BUCKETS }, (_, i) =>
    Array.from({ length: SERVICES }, (__, s) => {
      const count = i >= FALLS_AT && s < FALLEN ? 1 : 20 + ((i * 7 + s * 3) % 5)
      return {
        tenant: 'outage',
        service: `svc-${s}`,
        bucket: baseMs / 1000 + i * 10,
        metric: ['log.rate'],
        templates: [],
        count: [count],
        sum: [count],
        min: [1],
        max: [1],
        sum_sq: [1],
        receive_day: new Date(nowMs).toISOString().slice(0, 10),
        log_id: 'c'.repeat(32),
        log_partition: 0,
        log_offset: i,
        last_offset: i,
      }
    }),
  ).flat()
  await clickhouse.clickhouse.insertRows({ table: 'series_partials', rows })
  const plane = createControlPlane(control.store, { cooldownMs: 300_000, clock: () => nowMs })
  const watchdog = await startWatchdog(
    { zThreshold: 3, cooldownMs: 300_000, pollMs: 3_600_000 },
    {
      clickhouse: clickhouse.clickhouse,
      clock: () => nowMs,
      logger: silent,
      oldestUncommittedReceivedAtMs: async () => null,
      rules: async () => () => undefined,
      neighbours: async () => [],
      signals: plane,
    },
  )
  await watchdog.tick()
  nowMs += 2_500
  await watchdog.tick()
  await watchdog.close()
  const incidents = await createIncidents(control.store, () => nowMs).list('outage', { limit: 100 })
  expect(incidents.map((one) => one.services.length)).toEqual([FALLEN])
}, 120_000)
