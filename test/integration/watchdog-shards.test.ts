// The watchdog's shards over two processes, on a real ClickHouse and a real store: shared out evenly, taken over from one that is cut off,
// handed over by one that closes, and what was known goes on.
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { startWatchdogShards, type WatchdogShards } from '../../analytics/watchdog/shards.ts'
import { createLeases } from '../../api/services/leases.ts'
import type { Store } from '../../api/store/store.ts'
import type { Leases } from '../../streams/contracts/leases.ts'
import { openMigratedStore } from '../support/migrated-store.ts'
import { openTestStore, silent, until, type TestStore } from './clickhouse/store.ts'

const SHARDS = 4
const LEASE_MS = 2500
let clickhouse: TestStore
let control: { readonly store: Store; close(): Promise<void> }
const running: WatchdogShards[] = []
beforeAll(async () => {
  ;[clickhouse, control] = await Promise.all([openTestStore(), openMigratedStore()])
})
afterEach(async () => {
  for (const one of running.splice(0)) await one.close()
  await control.store.query('DELETE FROM leases')
})
afterAll(async () => {
  await control.close()
  await clickhouse.dispose()
})

/** `isCutOff`: it reaches the control plane no more, like a process behind a dead line. */
const start = (owner: string, sharers: () => number) => {
  const state = { isCutOff: false, answersAfterMs: 0 }
  const real = createLeases(control.store, owner, LEASE_MS)
  const cut = async <T>(run: () => Promise<T>): Promise<T> => {
    if (state.isCutOff) throw new Error('cut off')
    if (state.answersAfterMs > 0) await sleep(state.answersAfterMs)
    return await run()
  }
  const leases: Leases = { claim: (name) => cut(() => real.claim(name)), release: (lease) => cut(() => real.release(lease)) }
  const opened: string[] = []
  const watchdog = startWatchdogShards(
    { shards: SHARDS, zThreshold: 3, cooldownMs: 300_000, pollMs: 50, renewEveryMs: 200 },
    {
      clickhouse: clickhouse.clickhouse,
      leases,
      sharers: async () => sharers(),
      signals: {
        opened: async ({ id }) => {
          opened.push(id)
        },
        resolved: async () => undefined,
      },
      rules: async () => () => undefined,
      neighbours: async () => [],
      oldestUncommittedReceivedAtMs: async () => null,
      clock: Date.now,
      logger: silent,
    },
  )
  running.push(watchdog)
  return { watchdog, state, opened }
}
const ownersOf = async (): Promise<string[]> =>
  (
    await control.store.query<{ owner: string }>(
      "SELECT owner FROM leases WHERE name LIKE 'watchdog %' AND expires_at > now() ORDER BY name",
    )
  ).map(({ owner }) => owner)
const shardsOf = (...all: { readonly watchdog: WatchdogShards }[]): number[] => all.map(({ watchdog }) => watchdog.stats().shards)

it('one process has all of them; when a second comes each has half', async () => {
  let living = 1
  const first = start('one', () => living)
  await until('the first has all', () => shardsOf(first)[0] === SHARDS)
  living = 2
  const second = start('two', () => living)
  await until('each has half', () => shardsOf(first, second).join() === '2,2')
  expect((await ownersOf()).sort()).toEqual(['one', 'one', 'two', 'two'])
})

it("shards of one that is cut off are another's soon after their leases ended, and it lets go by itself", async () => {
  const first = start('cut', () => 2)
  await until('the first has its half', () => shardsOf(first)[0] === 2)
  let living = 2
  const second = start('left', () => living)
  await until('the second has the other', () => shardsOf(second)[0] === 2)
  first.state.isCutOff = true
  living = 1
  const cutAt = Date.now()
  await until('it has let go', () => shardsOf(first)[0] === 0)
  await until('the second has all', () => shardsOf(second)[0] === SHARDS)
  expect(Date.now() - cutAt).toBeLessThan(LEASE_MS + 5000)
  expect(await ownersOf()).toEqual(['left', 'left', 'left', 'left'])
  const epochs = await control.store.query<{ epoch: number }>("SELECT epoch FROM leases WHERE name LIKE 'watchdog %'")
  expect(epochs.filter(({ epoch }) => Number(epoch) === 2)).toHaveLength(2)
})

it('a store that answers late takes no shard away: all are prolonged side by side', async () => {
  const first = start('slow', () => 1)
  await until('it has all', () => shardsOf(first)[0] === SHARDS)
  first.state.answersAfterMs = LEASE_MS / SHARDS
  await sleep(3 * LEASE_MS)
  first.state.answersAfterMs = 0
  expect(shardsOf(first)).toEqual([SHARDS])
  expect(
    await control.store.query<{ epoch: number }>("SELECT DISTINCT epoch::int AS epoch FROM leases WHERE name LIKE 'watchdog %'"),
  ).toEqual([{ epoch: 1 }])
})

it('one that closes hands over at once, with a checkpoint that the next one goes on from', async () => {
  const first = start('closing', () => 1)
  await until('it has all', () => shardsOf(first)[0] === SHARDS)
  await until('it has run', () => first.watchdog.stats().lastRunAtMs !== null)
  await first.watchdog.close()
  const second = start('next', () => 1)
  await until('the next has all', () => shardsOf(second)[0] === SHARDS, LEASE_MS - 500)
  const headers = await clickhouse.clickhouse.query<{ slot: number; generation: string }>(
    {
      name: 'all_tenants.test',
      sql: "SELECT slot, toString(max(c.generation)) AS generation FROM watchdog_checkpoints AS c WHERE tenant = '' GROUP BY slot ORDER BY slot",
    },
    {},
  )
  expect(new Set(headers.map(({ slot }) => Math.floor(slot / 2))).size).toBe(SHARDS)
})
