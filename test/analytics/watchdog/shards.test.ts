// The watchdog's shards over real leases: shared evenly, taken over from one who stands still, and shared again when that one goes on.
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startWatchdogShards } from '../../../analytics/watchdog/shards.ts'
import { createLeases } from '../../../api/services/leases.ts'
import { until } from '../../../bench/load/product.ts'
import type { Leases } from '../../../streams/contracts/leases.ts'
import { openMigratedStore } from '../../support/migrated-store.ts'

const LEASE_MS = 2500
let opened: Awaited<ReturnType<typeof openMigratedStore>>
beforeAll(async () => { opened = await openMigratedStore() })
afterAll(() => opened.close())

it('shards are shared evenly, taken over from a process that stands still, and given back in part when it goes on', async () => {
  let goOn: Promise<void> = Promise.resolve()
  let sharers = 2
  const start = (owner: string, wait: () => Promise<void>) => {
    const leases = createLeases(opened.store, owner, LEASE_MS)
    const standing: Leases = { claim: async (name) => { await wait(); return await leases.claim(name) }, release: (lease) => leases.release(lease) }
    return startWatchdogShards({ shards: 8, renewEveryMs: 200, zThreshold: 4, cooldownMs: 1000, pollMs: 60_000 }, {
      leases: standing, sharers: async () => sharers, clickhouse: { query: async () => [], insertRows: async () => undefined },
      signals: { opened: async () => undefined, resolved: async () => undefined }, neighbours: async () => [],
      oldestUncommittedReceivedAtMs: async () => null, clock: Date.now, logger: { info: () => undefined, warn: () => undefined },
    })
  }
  const one = start('one', () => goOn)
  const two = start('two', async () => undefined)
  const { promise, resolve } = Promise.withResolvers<void>()
  const share = (): string => `${one.stats().shards}/${two.stats().shards}`
  try {
    await until('shares of four', 10_000, () => share() === '4/4')
    goOn = promise
    sharers = 1
    await until('all eight taken over', 10_000, () => two.stats().shards === 8)
    sharers = 2
    resolve()
    await until('shares of four again', 10_000, () => share() === '4/4')
    const owners = await opened.store.query<{ owner: string; n: number }>('SELECT owner, count(*)::int AS n FROM leases WHERE expires_at > now() GROUP BY owner ORDER BY owner')
    expect(owners).toEqual([{ owner: 'one', n: 4 }, { owner: 'two', n: 4 }])
  } finally {
    resolve()
    await Promise.all([one.close(), two.close()])
  }
}, 60_000)
