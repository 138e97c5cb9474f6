// Starts the product as a user would (a process of its own, a data directory, the environment) and speaks only HTTP to it.
import { spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const main = fileURLToPath(new URL('../../main.ts', import.meta.url))

export interface Addresses { readonly pid: number; readonly otlp: string; readonly alerts: string; readonly api: string; readonly clickhouse: string; readonly clickhousePid: number | null }

export interface Product {
  readonly token: string
  readonly dataDir: string
  readonly readerPassword: string
  addresses(): Addresses
  /** Output so far, both streams. */
  output(): string
  start(): Promise<void>
  /** SIGTERM; resolves to the exit code. */
  stop(): Promise<number | null>
  kill(signal: NodeJS.Signals): void
  exited(): Promise<void>
  running(): boolean
  api(path: string, init?: RequestInit): Promise<Response>
  /** A SELECT as the read-only user; rows as objects. */
  select<Row>(sql: string): Promise<Row[]>
  /** Stops it however it can be stopped and removes its data. */
  dispose(): Promise<void>
}

export const createToken = (): string => `obs_${randomBytes(32).toString('base64url')}`

export const createProduct = (options: { env?: Record<string, string>; dataDir?: string; token?: string } = {}): Product => {
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'lapwing-run-'))
  const token = options.token ?? createToken()
  const readerPassword = randomBytes(12).toString('hex')
  let child: ChildProcess | null = null
  let output = ''

  const readAddresses = (): Addresses => JSON.parse(readFileSync(join(dataDir, 'runtime.json'), 'utf8')) as Addresses
  const isReady = (pid: number): boolean => {
    try { return readAddresses().pid === pid } catch { return false }
  }
  const start = async (): Promise<void> => {
    const started = spawn(process.execPath, [main], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env, LAPWING_DATA_DIR: dataDir, LAPWING_BOOTSTRAP_TOKEN: token, LAPWING_READER_PASSWORD: readerPassword,
        LAPWING_OTLP_LISTEN: '127.0.0.1:0', LAPWING_ALERTS_LISTEN: '127.0.0.1:0', LAPWING_API_LISTEN: '127.0.0.1:0', LAPWING_CLICKHOUSE_LISTEN: '127.0.0.1:0',
        // Everything comes from one address here.
        LAPWING_REQUESTS_PER_MINUTE: '1000000', ...options.env,
      },
    })
    child = started
    for (const stream of [started.stdout!, started.stderr!]) stream.on('data', (data: Buffer) => { output = (output + data.toString()).slice(-200_000) })
    for (const deadline = Date.now() + 60_000; !isReady(started.pid!);) {
      if (started.exitCode !== null || started.signalCode !== null) throw new Error(`the product ended while starting:\n${output}`)
      if (Date.now() > deadline) throw new Error(`the product was not ready within 60 s:\n${output}`)
      await new Promise((resolve) => setTimeout(resolve, 25))
    }
  }
  const running = (): boolean => child !== null && child.exitCode === null && child.signalCode === null
  const exited = async (): Promise<void> => { if (running()) await once(child!, 'exit') }
  const stop = async (): Promise<number | null> => {
    if (running()) child!.kill('SIGTERM')
    await exited()
    return child?.exitCode ?? null
  }
  return {
    token, dataDir, readerPassword, start, stop, running, exited,
    addresses: readAddresses,
    output: () => output,
    kill: (signal) => { child?.kill(signal) },
    api: (path, init) => fetch(`${readAddresses().api}${path}`, { ...init, headers: { authorization: `Bearer ${token}`, ...init?.headers as Record<string, string> | undefined } }),
    select: async <Row>(sql: string): Promise<Row[]> => {
      const response = await fetch(`${readAddresses().clickhouse}/?database=lapwing&default_format=JSONEachRow&output_format_json_quote_64bit_integers=0`, {
        method: 'POST', body: sql, headers: { 'X-ClickHouse-User': 'reader', 'X-ClickHouse-Key': readerPassword },
      })
      const text = await response.text()
      if (!response.ok) throw new Error(text)
      return text.split('\n').filter(Boolean).map((line) => JSON.parse(line) as Row)
    },
    dispose: async () => {
      if (running()) {
        const forced = setTimeout(() => child?.kill('SIGKILL'), 12_000)
        child!.kill('SIGCONT')
        await stop()
        clearTimeout(forced)
      }
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

/** Polls until `check` is true; throws with `what` after `timeoutMs`. */
export const until = async (what: string, timeoutMs: number, check: () => Promise<boolean> | boolean, everyMs = 100): Promise<void> => {
  for (const deadline = Date.now() + timeoutMs; ;) {
    let failure: unknown = null
    try { if (await check()) return } catch (error) { failure = error }
    if (Date.now() > deadline) throw new Error(`${what}: not within ${timeoutMs} ms${failure === null ? '' : ` (${String(failure)})`}`)
    await new Promise((resolve) => setTimeout(resolve, everyMs))
  }
}
