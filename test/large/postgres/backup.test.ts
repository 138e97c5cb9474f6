// Back-up and restore with servers, by the operations page's own commands, while the product runs: pg_dump and BACKUP, psql and RESTORE
// into empty ones, and a product on these that has the records, tokens, monitors and incidents.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { createProduct, until, type Product } from '../../../bench/load/product.ts'
import { chooseEngine } from '../../../clickhouse/local/library.ts'
import { startLocalClickHouse } from '../../../clickhouse/local/local.ts'
import { createDatabase } from '../../support/postgres-database.ts'
import { findPostgresBinaries } from '../../support/postgres-server.ts'

const SECRET_KEY = 'of the back-up test: the same in both'
const home = mkdtempSync(join(tmpdir(), 'lapwing-backup-'))
const closers: (() => unknown)[] = [() => rmSync(home, { recursive: true, force: true })]
afterAll(async () => {
  for (const close of closers.toReversed()) await close()
})

interface Server {
  readonly env: Record<string, string>
  run(sql: string): Promise<string>
}
/** The local one, with a folder for back-ups in its configuration, as a server's has that is backed up. */
const openClickHouse = async (name: string): Promise<Server> => {
  const directory = join(home, name)
  const config = {
    directory,
    listen: { host: '127.0.0.1', port: 0 },
    maxMemoryBytes: 1024 ** 3,
    readerPassword: null,
    database: 'lapwing',
    log: { info: () => undefined, warn: () => undefined },
  }
  const first = await startLocalClickHouse(config)
  await first.close()
  const configFile = join(directory, 'config/config.xml')
  writeFileSync(
    configFile,
    readFileSync(configFile, 'utf8').replace(
      '</clickhouse>',
      `<backups><allowed_path>${join(home, 'backups')}</allowed_path></backups></clickhouse>`,
    ),
  )
  const { hostname: host, port } = new URL(first.url)
  const argument = JSON.stringify({
    path: join(directory, 'data'),
    host,
    port: Number(port),
    configFile,
    parentPid: process.pid,
    engine: chooseEngine(null),
  })
  const child = spawn(process.execPath, ['--no-warnings', join(import.meta.dirname, '../../../clickhouse/local/child.ts'), argument], {
    stdio: 'ignore',
  })
  closers.push(async () => {
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
  })
  const run = async (sql: string): Promise<string> => {
    const answer = await fetch(first.url, {
      method: 'POST',
      body: sql,
      headers: { 'X-ClickHouse-User': first.user, 'X-ClickHouse-Key': first.password },
    })
    const text = await answer.text()
    if (!answer.ok) throw new Error(text)
    return text
  }
  await until(`${name} answers`, 20_000, async () => (await run('SELECT 1').catch(() => '')).trim() === '1')
  return { env: { CLICKHOUSE_URL: first.url, CLICKHOUSE_USER: first.user, CLICKHOUSE_PASSWORD: first.password }, run }
}

const send = async (product: Product, message: string): Promise<number> =>
  (
    await fetch(`${product.addresses().otlp}/api/v1/logs/ingest`, {
      method: 'POST',
      headers: { authorization: `Bearer ${product.token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ service: 'kept', message }),
    })
  ).status
const read = async <T>(product: Product, path: string): Promise<T> => (await (await product.api(path)).json()) as T
const messages = async (product: Product): Promise<string[]> =>
  (await read<{ events: { message: string }[] }>(product, '/api/v1/logs/search?service=kept')).events.map(({ message }) => message).sort()
const incidents = async (product: Product): Promise<{ id: string; number: number }[]> =>
  (await read<{ incidents: { id: string; number: number }[] }>(product, '/api/v1/incidents')).incidents.map(({ id, number }) => ({
    id,
    number,
  }))
const alert = async (product: Product, service: string): Promise<number> =>
  (
    await fetch(`${product.addresses().alerts}/api/v1/alerts/webhook`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        version: '4',
        alerts: [{ status: 'firing', labels: { alertname: 'Down', service }, startsAt: new Date().toISOString() }],
      }),
    })
  ).status

const bin = findPostgresBinaries()!

// Some packages of the server bring no programs for back-ups.
it.skipIf(!existsSync(join(bin, 'pg_dump')))(
  'a product on restored servers has the records, tokens, monitors and incidents, and goes on',
  async () => {
    mkdirSync(join(home, 'backups'))
    const [clickhouse, restoredClickhouse] = [await openClickHouse('clickhouse'), await openClickHouse('restored')]
    const [database, restoredDatabase] = await Promise.all([
      createDatabase(process.env.LAPWING_TEST_DATABASE_URL!),
      createDatabase(process.env.LAPWING_TEST_DATABASE_URL!),
    ])
    closers.push(database.drop, restoredDatabase.drop)
    const first = createProduct({ env: { ...clickhouse.env, DATABASE_URL: database.url, LAPWING_SECRET_KEY: SECRET_KEY } })
    closers.push(() => first.dispose())
    await first.start()
    expect([await send(first, 'before'), await alert(first, 'till')]).toEqual([200, 200])
    const made = (await (
      await first.api('/api/v1/monitors', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ name: 'backup', type: 'heartbeat', intervalSec: 60 }),
      })
    ).json()) as { id: string }
    const secretsOf = async (product: Product): Promise<string> =>
      new URL((await read<{ heartbeatUrl: string }>(product, `/api/v1/monitors/${made.id}/secrets`)).heartbeatUrl).pathname
    const heartbeat = await secretsOf(first)
    await until('all of it is there', 20_000, async () => (await messages(first)).length === 1 && (await incidents(first)).length === 1)
    const before = await incidents(first)

    // PostgreSQL first: what it knows of is in ClickHouse then.
    const dump = join(home, 'control-plane.sql')
    execFileSync(join(bin, 'pg_dump'), ['--no-owner', '--file', dump, database.url])
    await clickhouse.run(`BACKUP DATABASE lapwing TO File('${join(home, 'backups/lapwing')}')`)
    await first.stop()
    execFileSync(join(bin, 'psql'), ['--quiet', '--set', 'ON_ERROR_STOP=1', '--output', '/dev/null', '--file', dump, restoredDatabase.url])
    await restoredClickhouse.run(`RESTORE DATABASE lapwing FROM File('${join(home, 'backups/lapwing')}')`)

    const second = createProduct({
      token: first.token,
      env: { ...restoredClickhouse.env, DATABASE_URL: restoredDatabase.url, LAPWING_SECRET_KEY: SECRET_KEY },
    })
    closers.push(() => second.dispose())
    await second.start()
    expect(await messages(second)).toEqual(['before'])
    expect(await incidents(second)).toEqual(before)
    expect(await secretsOf(second)).toBe(heartbeat)
    expect((await fetch(`${second.addresses().otlp}${heartbeat}`, { method: 'POST' })).status).toBe(204)
    expect([await send(second, 'after'), await alert(second, 'shop-front')]).toEqual([200, 200])
    await until(
      'it goes on',
      30_000,
      async () => (await messages(second)).join() === 'after,before' && (await incidents(second)).length === 2,
    )
  },
  120_000,
)
