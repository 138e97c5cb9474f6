// The engine of a PostgreSQL server against the contract, and what only a server can do: be shared, be slow, go away and come back.
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readMigrations } from '../../../api/store/migrate.ts'
import { openStore } from '../../../api/store/open-store.ts'
import type { Store } from '../../../api/store/store.ts'
import { until } from '../../../bench/load/product.ts'
import { describeStore, failureOf } from '../../contract/store-contract.ts'
import { hasOpenssl, makeCertificate } from '../../support/certificate.ts'
import { createPostgresPlace } from '../../support/migrated-store.ts'
import { createDatabase } from '../../support/postgres-database.ts'
import { startTlsFront } from '../../support/tls-front.ts'
import { createPostgresServer, findPostgresBinaries, type PostgresServer } from '../../support/postgres-server.ts'

const serverUrl = process.env.LAPWING_TEST_DATABASE_URL!
const UNAVAILABLE = ['TransientError', 'STORE_UNAVAILABLE']
const open = (databaseUrl: string): Promise<Store> => openStore({ databaseUrl, directory: '' })
const setting = (store: Pick<Store, 'query'>, key: string, value: number) =>
  store.query('INSERT INTO settings (key, value) VALUES ($1, $2)', [key, String(value)])
const settings = async (store: Store): Promise<string[]> =>
  (await store.query<{ key: string }>('SELECT key FROM settings ORDER BY key')).map(({ key }) => key)

describeStore('PostgreSQL', () => createPostgresPlace(serverUrl))

test('a transaction may ask several things at once, of which its connection hears one after the other', async () => {
  const warnings: string[] = []
  const note = ({ message }: Error): void => void warnings.push(message)
  process.on('warning', note)
  const database = await createDatabase(serverUrl)
  const store = await open(database.url)
  const answers = await store.transaction((sql) => Promise.all([1, 2, 3].map((n) => sql.query('SELECT $1::int AS n', [n]))))
  expect(answers).toEqual([[{ n: 1 }], [{ n: 2 }], [{ n: 3 }]])
  await store.close()
  await database.drop()
  process.off('warning', note)
  // pg warns of what it queues itself, once in a process.
  expect(warnings.filter((message) => message.includes('client.query'))).toEqual([])
})

test('what is acknowledged is on the disk, and a transaction that idles ends, whatever the database says', async () => {
  const database = await createDatabase(serverUrl)
  const name = new URL(database.url).pathname.slice(1)
  const before = await open(database.url)
  await before.query(`ALTER DATABASE "${name}" SET synchronous_commit = off`)
  await before.query(`ALTER DATABASE "${name}" SET idle_in_transaction_session_timeout = 0`)
  await before.close()
  const store = await open(database.url)
  const shown = await store.query<{ setting: string }>(
    "SELECT setting FROM pg_settings WHERE name IN ('synchronous_commit', 'idle_in_transaction_session_timeout') ORDER BY name",
  )
  expect(shown.map(({ setting: value }) => value)).toEqual(['10000', 'on'])
  await store.close()
  await database.drop()
})

describe.skipIf(!hasOpenssl)('a PostgreSQL server behind TLS', () => {
  const { cert, key } = hasOpenssl ? makeCertificate() : { cert: '', key: '' }
  const over = async (run: (url: string) => Promise<void>): Promise<void> => {
    const url = new URL(serverUrl)
    const front = await startTlsFront(Number(url.port), { cert, key, asks: true })
    Object.assign(url, { port: String(front.port), hostname: 'localhost' })
    try {
      await run(url.href)
    } finally {
      await front.close()
    }
  }
  const works = async (store: Store): Promise<void> => {
    let heard = 0
    const listening = store.listen!('over_tls', () => {
      heard += 1
    })
    await until('it listens over TLS', 5000, () => Promise.resolve(heard > 0))
    expect(await store.query('SELECT 1 AS one')).toEqual([{ one: 1 }])
    await listening.close()
    await store.close()
  }

  test('is trusted by the authority that is given, whatever the URL says of TLS', () =>
    over(async (url) => {
      for (const more of ['', '?sslmode=require', '?sslmode=verify-full&sslrootcert=/nowhere'])
        await works(await openStore({ databaseUrl: url + more, databaseTlsCa: cert, directory: '' }))
    }))

  test('is trusted by the file that the URL names', () =>
    over(async (url) => {
      const file = join(mkdtempSync(join(tmpdir(), 'lapwing-ca-')), 'ca.pem')
      writeFileSync(file, cert)
      await works(await open(`${url}?sslmode=verify-full&sslrootcert=${encodeURIComponent(file)}`))
    }))

  test('is not trusted without one, nor with another', () =>
    over(async (url) => {
      expect(await failureOf(open(`${url}?sslmode=verify-full`))).toEqual(UNAVAILABLE)
      expect(await failureOf(openStore({ databaseUrl: url, databaseTlsCa: makeCertificate().cert, directory: '' }))).toEqual(UNAVAILABLE)
    }))
})

describe('processes on one PostgreSQL server', () => {
  test('that start at once on an empty database migrate it once', async () => {
    const database = await createDatabase(serverUrl)
    const stores = await Promise.all(Array.from({ length: 4 }, () => open(database.url)))
    expect(await stores[0].query('SELECT number FROM schema_migrations ORDER BY number')).toEqual(
      readMigrations().map(({ number }) => ({ number })),
    )
    for (const [n, store] of stores.entries()) await setting(store, `from ${n}`, n)
    expect(await settings(stores[0])).toHaveLength(4)
    for (const store of stores) await store.close()
    await database.drop()
  })

  test('that lock rows in opposite order: one goes on, the other is told to try again', async () => {
    const database = await createDatabase(serverUrl)
    const store = await open(database.url)
    for (const key of ['a', 'b']) await setting(store, key, 0)
    const lock = 'SELECT 1 FROM settings WHERE key = $1 FOR UPDATE'
    const arrived: (() => void)[] = []
    const bothHoldOne = new Promise<void>((resolve) => {
      arrived.push(resolve)
    })
    let holding = 0
    const take = (first: string, second: string) =>
      failureOf(
        store.transaction(async (sql) => {
          await sql.query(lock, [first])
          if (++holding === 2) arrived[0]()
          await bothHoldOne
          await sql.query(lock, [second])
        }),
      )
    expect((await Promise.all([take('a', 'b'), take('b', 'a')])).sort()).toEqual([UNAVAILABLE, 'no error'].sort())
    await store.close()
    await database.drop()
  })
})

describe('a PostgreSQL server that goes away', () => {
  let server: PostgresServer
  let store: Store
  beforeAll(async () => {
    server = await createPostgresServer(findPostgresBinaries()!)
    await server.start()
    store = await open(server.url)
  })
  afterAll(async () => {
    await store.close()
    await server.dispose()
  })

  for (const how of ['fast', 'immediate'] as const) {
    test(`${how}ly: calls ask to be tried again, a cut transaction leaves nothing, and the same store goes on when it is back`, async () => {
      await setting(store, `${how}: before`, 1)
      const cut = failureOf(
        store.transaction(async (sql) => {
          await setting(sql, `${how}: cut`, 1)
          await server.stop(how)
          await setting(sql, `${how}: after the cut`, 1)
        }),
      )
      expect(await cut).toEqual(UNAVAILABLE)
      expect(await failureOf(setting(store, `${how}: away`, 1))).toEqual(UNAVAILABLE)
      expect(await failureOf(store.transaction((sql) => setting(sql, `${how}: away`, 1)))).toEqual(UNAVAILABLE)
      expect(await failureOf(open(server.url))).toEqual(UNAVAILABLE)
      await server.start()
      await until('the store answers', 10_000, async () => (await settings(store)).includes(`${how}: before`))
      expect((await settings(store)).filter((key) => key.startsWith(how))).toEqual([`${how}: before`])
      await store.transaction((sql) => setting(sql, `${how}: back`, 1))
    })
  }

  test('a server process that hangs costs its query, after a time, and not the store', async () => {
    const pidOf = async (): Promise<number> => (await store.query<{ pid: number }>('SELECT pg_backend_pid() AS pid'))[0].pid
    const pid = await pidOf()
    process.kill(pid, 'SIGSTOP')
    try {
      const started = Date.now()
      expect(await failureOf(pidOf())).toEqual(UNAVAILABLE)
      expect(Date.now() - started).toBeLessThan(20_000)
      expect(await pidOf()).not.toBe(pid)
    } finally {
      process.kill(pid, 'SIGCONT')
    }
  })

  test('cutting every connection harms only what was going on', async () => {
    const cut = failureOf(
      store.transaction(async (sql) => {
        await setting(sql, 'terminated', 1)
        const other = await open(server.url)
        await other.query(
          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'lapwing' AND pid <> pg_backend_pid()",
        )
        await other.close()
        await setting(sql, 'terminated too', 1)
      }),
    )
    expect(await cut).toEqual(UNAVAILABLE)
    expect(await settings(store)).not.toContain('terminated')
  })
})
