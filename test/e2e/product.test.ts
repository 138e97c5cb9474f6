// The product as one process: its commands, its lock, its end and its start.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createProduct, until, type Product } from '../../bench/load/product.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const ANY_PORT = Object.fromEntries(['OTLP', 'ALERTS', 'API', 'CLICKHOUSE'].map((one) => [`LAPWING_${one}_LISTEN`, '127.0.0.1:0']))
let product: Product
beforeAll(async () => {
  product = createProduct()
  await product.start()
})
afterAll(async () => {
  await product.dispose()
})

describe('the product in one process', () => {
  it('makes and revokes tokens by command beside the running server, and a revoked one fails at once', async () => {
    const command = (...args: string[]): string =>
      spawnSync(process.execPath, [join(root, 'scripts/token.ts'), ...args], {
        env: { ...process.env, LAPWING_DATA_DIR: product.dataDir },
        encoding: 'utf8',
      }).stdout
    const token = command('create', '--name', 'reader', '--scopes', 'logs:read').trim()
    const asked = (path: string): Promise<Response> =>
      fetch(`${product.addresses().api}${path}`, { headers: { authorization: `Bearer ${token}` } })
    expect((await asked('/api/v1/logs/search')).status).toBe(200)
    expect(await (await asked('/api/v1/incidents')).json()).toMatchObject({ code: 'PAT_SCOPE_INSUFFICIENT' })
    const id = command('list')
      .split('\n')
      .find((line) => line.includes('reader'))!
      .split('\t')[0]
    command('revoke', id)
    expect((await asked('/api/v1/logs/search')).status).toBe(401)
  })

  it('keeps no token in plain text on disk', () => {
    const files = (directory: string): string[] =>
      readdirSync(directory, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name))
    const holding = files(join(product.dataDir, 'control-plane')).filter(
      (file) => existsSync(file) && readFileSync(file).includes(product.token),
    )
    expect(holding).toEqual([])
  })

  it('refuses a second start on the same data directory, and says who holds it', async () => {
    const second = createProduct({ dataDir: product.dataDir })
    await expect(second.start()).rejects.toThrow(/is in use by process/)
  })

  it('stops on SIGTERM within 10 s with code 0, and starts again with what it had', async () => {
    const messages = async (): Promise<string[]> =>
      ((await (await product.api('/api/v1/logs/search?service=kept')).json()) as { events: { message: string }[] }).events.map(
        ({ message }) => message,
      )
    await fetch(`${product.addresses().otlp}/api/v1/logs/ingest`, {
      method: 'POST',
      headers: { authorization: `Bearer ${product.token}`, 'content-type': 'application/json' },
      body: '{"service":"kept","message":"kept"}',
    })
    await until('it is stored', 15_000, async () => (await messages()).length === 1)
    const begun = Date.now()
    expect(await product.stop()).toBe(0)
    expect(Date.now() - begun).toBeLessThan(10_000)
    await product.start()
    expect(await messages()).toEqual(['kept'])
  })

  it('stops when only `npm start` hears the signal, as of who supervises that', async () => {
    await product.stop()
    const { pid: before } = product.addresses()
    const npm = spawn('npm', ['start'], {
      cwd: root,
      stdio: 'ignore',
      env: { ...process.env, ...ANY_PORT, LAPWING_DATA_DIR: product.dataDir },
    })
    const ended = once(npm, 'exit')
    await until('it is ready', 60_000, async () => product.addresses().pid !== before && (await product.api('/health/ready')).ok)
    const { pid } = product.addresses()
    npm.kill('SIGTERM')
    expect(await ended).toEqual([0, null])
    expect(() => process.kill(pid, 0)).toThrow(/ESRCH/)
  }, 120_000)

  it('stops once with code 0 also while it starts, however often it is told, and has shown its first token', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'lapwing-e2e-'))
    const main = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', join(root, 'main.ts')], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...ANY_PORT, LAPWING_DATA_DIR: dataDir },
    })
    const said: string[] = []
    for (const output of [main.stdout, main.stderr]) output.setEncoding('utf8').on('data', (text: string) => said.push(text))
    const ended = once(main, 'close')
    await until('it has begun', 30_000, async () => readdirSync(dataDir).length > 0)
    main.kill('SIGTERM')
    main.kill('SIGINT')
    expect(await ended).toEqual([0, null])
    expect(said.join('').match(/"stopping"/g)).toHaveLength(1)
    expect(said.join('')).toMatch(/token: obs_/)
    rmSync(dataDir, { recursive: true, force: true })
  })

  it('lists every wrong setting at once', async () => {
    const wrong = createProduct({ env: { LAPWING_OTLP_LISTEN: 'nowhere', LAPWING_LOG_SYNC: 'never' } })
    await expect(wrong.start()).rejects.toThrow(/LAPWING_OTLP_LISTEN[\s\S]*LAPWING_LOG_SYNC/)
    await wrong.dispose()
  })
})
