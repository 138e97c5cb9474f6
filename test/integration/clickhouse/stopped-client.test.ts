// A client that stands still in the middle of an INSERT while another takes its range over, and a client that does not wait for its
// answer: what lands late is known by its token. Real processes, random moments.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { createClickHouse } from '../../../clickhouse/client.ts'
import { repeated } from '../../support/repeated.ts'
import { storeOneRange, selectRows, type OneRange } from './one-range.ts'
import { openTestStore, until, type TestStore } from './store.ts'

const ROUNDS = repeated(8)
const RECORDS = 60_000
const WITHIN_MS = 120
let store: TestStore
let child: ChildProcess | null = null
beforeAll(async () => {
  store = await openTestStore()
})
// A failure may leave it stopped.
afterEach(() => {
  child?.kill('SIGKILL')
})
afterAll(async () => {
  await store.dispose()
})

const rangeOf = (at: number): OneRange => ({
  partition: 0,
  first: at * 100,
  last: at * 100 + 99,
  receiveDay: Math.floor(Date.now() / 86_400_000),
  records: RECORDS,
  cost: 0,
})
const blockOf = async (range: OneRange): Promise<Uint8Array> => {
  const answer = await fetch(store.local.url, {
    method: 'POST',
    body: selectRows(range),
    headers: { 'X-ClickHouse-User': store.local.user, 'X-ClickHouse-Key': store.local.password, connection: 'close' },
  })
  if (!answer.ok) throw new Error(await answer.text())
  return new Uint8Array(await answer.arrayBuffer())
}
const number = async (sql: string): Promise<number> =>
  Number((await store.clickhouse.query<{ n: string }>({ name: 'all_tenants.test', sql }, {}))[0].n)
const underWay = (): Promise<number> =>
  number("SELECT toString(count()) AS n FROM system.processes WHERE query LIKE 'INSERT INTO otel_logs%'")
const stored = ({ first, last }: OneRange): Promise<number> =>
  number(`SELECT toString(count()) AS n FROM otel_logs WHERE log_offset >= ${first} AND log_offset <= ${last}`)

test(
  `a client that was stopped in the middle of an INSERT and goes on after its range was taken over stores nothing twice, ${ROUNDS} times`,
  { timeout: repeated(120_000) },
  async () => {
    let inFlight = 0
    for (let round = 0; round < ROUNDS; round += 1) {
      const range = rangeOf(round)
      const block = await blockOf(range)
      const file = join(store.directory, 'block')
      writeFileSync(file, block)
      const { url, user, password } = store.local
      child = spawn(
        process.execPath,
        ['--no-warnings', join(import.meta.dirname, 'insert-child.ts'), JSON.stringify({ url, user, password, file, range })],
        { stdio: ['ignore', 'pipe', 'inherit'] },
      )
      const ended = once(child, 'exit') as Promise<[number | null]>
      await once(child.stdout!, 'data')
      await sleep(Math.random() * WITHIN_MS)
      child.kill('SIGSTOP')
      inFlight += await underWay()
      expect(await storeOneRange(store.clickhouse, range, block, true)).toBe(true)
      expect(await stored(range), `round ${round}, taken over`).toBe(RECORDS)
      child.kill('SIGCONT')
      expect((await ended)[0], `round ${round}`).toBe(0)
      expect(await stored(range), `round ${round}, after it went on`).toBe(RECORDS)
    }
    // Otherwise the moments are badly chosen, and nothing was shown.
    expect(inFlight).toBeGreaterThanOrEqual(ROUNDS / 4)
  },
)

test(`a retry after an INSERT that timed out is safe, ${ROUNDS} times`, { timeout: repeated(60_000) }, async () => {
  let timedOut = 0
  for (let round = 0; round < ROUNDS; round += 1) {
    const range = rangeOf(ROUNDS + round)
    const block = await blockOf(range)
    const hasty = createClickHouse({
      url: store.local.url,
      user: store.local.user,
      password: store.local.password,
      database: 'lapwing',
      requestTimeoutMs: 1 + Math.floor(Math.random() * 100),
    })
    const first = {
      ...hasty,
      insert: async (insert: Parameters<typeof hasty.insert>[0]) => {
        try {
          await hasty.insert(insert)
        } catch (error) {
          timedOut += 1
          throw error
        }
      },
    }
    expect(await storeOneRange([first, store.clickhouse], range, block, false)).toBe(true)
    await hasty.close()
    expect(await stored(range), `round ${round}`).toBe(RECORDS)
  }
  expect(timedOut).toBeGreaterThanOrEqual(ROUNDS / 4)
  // What was given up may land late, or never.
  await until('no INSERT is under way', async () => (await underWay()) === 0)
  for (let round = 0; round < ROUNDS; round += 1) expect(await stored(rangeOf(ROUNDS + round))).toBe(RECORDS)
})
