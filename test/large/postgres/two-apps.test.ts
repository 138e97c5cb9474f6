// Two processes of the API over one PostgreSQL server: an Idempotency-Key, a cap, an address and the audit chain are one for both.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openStore } from '../../../api/store/open-store.ts'
import type { Store } from '../../../api/store/store.ts'
import { until } from '../../../bench/load/product.ts'
import { addOwner, bearer, openHarness, type Harness } from '../../api/harness.ts'
import { createDatabase } from '../../support/postgres-database.ts'

/** As the product has it: tests here wait for it. */
const PRODUCT_DEADLINE_MS = 4500
let database: { readonly url: string; drop(): Promise<void> }
let stores: Store[]
let apps: Harness[]
beforeAll(async () => {
  database = await createDatabase(process.env.LAPWING_TEST_DATABASE_URL!)
  stores = [await openStore({ databaseUrl: database.url, directory: '' }), await openStore({ databaseUrl: database.url, directory: '' })]
  apps = await Promise.all(
    stores.map((store) =>
      openHarness(store, { sharedStore: true, requestsPerMinute: 100_000, trustProxy: ['127.0.0.1'] }, { deadlineMs: PRODUCT_DEADLINE_MS }),
    ),
  )
  await addOwner(stores[0])
})
afterAll(async () => {
  for (const { app } of apps) await app.close()
  for (const store of stores) await store.close()
  await database.drop()
})

const make = async (
  n: number,
  name: string,
  { who = 'owner', key, ip = '198.51.100.1' }: { who?: string; key?: string; ip?: string } = {},
) => {
  const reply = await apps[n % 2].app.inject({
    method: 'POST',
    url: '/api/v1/monitors',
    headers: { ...bearer(who), 'x-forwarded-for': ip, ...(key === undefined ? {} : { 'idempotency-key': key }) },
    payload: { name, type: 'heartbeat', intervalSec: 60 },
  })
  return {
    status: reply.statusCode,
    body: reply.body,
    replayed: reply.headers['idempotent-replayed'] === 'true',
    code: reply.json<{ code?: string }>().code,
  }
}
/** As a client does: again, until it is not told to come again. */
const persistently = async (n: number, name: string, options: { who?: string; key?: string }) => {
  for (;;) {
    const answer = await make(n, name, options)
    if (answer.status !== 503 && answer.code !== 'IDEMPOTENCY_IN_PROGRESS') return answer
    await new Promise((resolve) => {
      setTimeout(resolve, 20)
    })
  }
}

test('100 calls at once under one key, on both: one effect, one answer', async () => {
  const answers = await Promise.all(Array.from({ length: 100 }, (_, n) => persistently(n, 'storm', { key: 'k-1' })))
  expect(new Set(answers.map(({ status, body }) => `${status} ${body}`)).size).toBe(1)
  expect([answers[0].status, answers.filter(({ replayed }) => !replayed).length <= 1]).toEqual([201, true])
  expect(await stores[0].query("SELECT 1 FROM monitors WHERE name = 'storm'")).toHaveLength(1)
  expect(await stores[0].query('SELECT 1 FROM idempotency_answers')).toHaveLength(1)
})

test('500 writers on both make as many changes as the cap, not one more', async () => {
  const answers = await Promise.all(Array.from({ length: 500 }, (_, n) => persistently(n, `m${n}`, { who: 'capped' })))
  expect([answers.filter(({ status }) => status === 201).length, answers.filter(({ status }) => status === 429).length]).toEqual([40, 460])
  expect(await stores[0].query("SELECT 1 FROM monitors WHERE name ~ '^m[0-9]+$'")).toHaveLength(40)
  expect(await stores[0].query("SELECT mutations FROM token_usage WHERE token_id = 'pat_capped'")).toEqual([{ mutations: 40 }])
}, 120_000)

test('the audit chain of both is whole', async () => {
  const { valid, checked } = (await apps[0].app.inject({ url: '/api/v1/audit-logs/verify', headers: bearer('owner') })).json<{
    valid: boolean
    checked: number
  }>()
  expect([valid, checked]).toEqual([true, 41])
})

test('a process that dies in the middle of a change leaves nothing of it, and its key is free for the repeat on the other', async () => {
  let letGo = (): void => undefined
  const holding = new Promise<void>((resolve) => {
    letGo = resolve
  })
  let isHeld = (): void => undefined
  const held = new Promise<void>((resolve) => {
    isHeld = resolve
  })
  const holder = stores[1].transaction(async (sql) => {
    await sql.query("SELECT 1 FROM tenants WHERE id = 'a' FOR UPDATE")
    isHeld()
    await holding
  })
  await held
  const cut = make(0, 'cut', { key: 'k-2' })
  const waiting = () =>
    stores[1].query<{ pid: number }>("SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
  await until('the change is under way', 5000, async () => (await waiting()).length === 1)
  expect((await make(1, 'cut', { key: 'k-2' })).code).toBe('IDEMPOTENCY_IN_PROGRESS')
  await stores[1].query('SELECT pg_terminate_backend($1)', [(await waiting())[0].pid])
  expect((await cut).status).toBe(503)
  letGo()
  await holder
  expect(await make(1, 'cut', { key: 'k-2' })).toMatchObject({ status: 201, replayed: false })
  expect(await make(0, 'cut', { key: 'k-2' })).toMatchObject({ status: 201, replayed: true })
  expect(await stores[0].query("SELECT 1 FROM monitors WHERE name = 'cut'")).toHaveLength(1)
})

test('a change that is later than its deadline is told so, and a repeat gets its answer', async () => {
  const [held, letGo] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const holder = stores[1].transaction(async (sql) => {
    await sql.query("SELECT 1 FROM tenants WHERE id = 'a' FOR UPDATE")
    held.resolve()
    await letGo.promise
  })
  await held.promise
  try {
    expect((await make(0, 'late', { key: 'k-3' })).status).toBe(503)
    for (const n of [0, 1]) expect((await make(n, 'late', { key: 'k-3' })).code).toBe('IDEMPOTENCY_IN_PROGRESS')
  } finally {
    letGo.resolve()
    await holder
  }
  for (const n of [0, 1]) expect(await persistently(n, 'late', { key: 'k-3' })).toMatchObject({ status: 201, replayed: true })
})

test('an address is counted by both together', async () => {
  const left = async (n: number) =>
    Number((await apps[n].app.inject({ url: '/version', headers: { 'x-forwarded-for': '203.0.113.9' } })).headers['x-ratelimit-remaining'])
  const told = async (requests: number): Promise<void> =>
    await until(
      'both have told',
      5000,
      async () =>
        (await stores[0].query<{ requests: number }>("SELECT requests FROM address_windows WHERE address = '203.0.113.9'"))[0]?.requests ===
        requests,
    )
  for (let n = 0; n < 100; n++) await left(n % 2)
  await told(100)
  // Who told first hears of the other when it tells the next time.
  for (const n of [0, 1]) await left(n)
  await told(102)
  for (const n of [0, 1]) expect(await left(n)).toBeLessThanOrEqual(100_000 - 102)
})
