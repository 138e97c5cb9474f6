// Starts the product as a user would (a process of its own, a data directory, the environment) and speaks only HTTP to it.
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLapwingProcess, type LapwingProcess } from './child-process.ts'

export interface Endpoints {
  readonly otlp: string
  readonly alerts: string
  readonly api: string
  readonly clickhouse: string
}
export interface Addresses extends Endpoints {
  readonly pid: number
  readonly clickhousePid: number | null
}

/** What a client has of it, one process or many. */
export interface Reachable {
  readonly token: string
  addresses(): Endpoints
  api(path: string, init?: RequestInit): Promise<Response>
  /** A SELECT as the read-only user; rows as objects. */
  select<Row>(sql: string): Promise<Row[]>
}
export interface Product extends LapwingProcess, Reachable {
  readonly dataDir: string
  readonly readerPassword: string
  addresses(): Addresses
  /** Stops it however it can be stopped and removes its data. */
  dispose(): Promise<void>
}

export const createToken = (): string => `obs_${randomBytes(32).toString('base64url')}`

export const createProduct = (options: { env?: Record<string, string>; dataDir?: string; token?: string } = {}): Product => {
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'lapwing-run-'))
  const token = options.token ?? createToken()
  const readerPassword = randomBytes(12).toString('hex')
  const readAddresses = (): Addresses => JSON.parse(readFileSync(join(dataDir, 'runtime.json'), 'utf8')) as Addresses
  const isReady = (pid: number): boolean => {
    try {
      return readAddresses().pid === pid
    } catch {
      return false
    }
  }
  const child = createLapwingProcess({
    isReady,
    env: {
      LAPWING_DATA_DIR: dataDir,
      LAPWING_BOOTSTRAP_TOKEN: token,
      LAPWING_READER_PASSWORD: readerPassword,
      LAPWING_OTLP_LISTEN: '127.0.0.1:0',
      LAPWING_ALERTS_LISTEN: '127.0.0.1:0',
      LAPWING_API_LISTEN: '127.0.0.1:0',
      LAPWING_CLICKHOUSE_LISTEN: '127.0.0.1:0',
      // Everything comes from one address here.
      LAPWING_REQUESTS_PER_MINUTE: '1000000',
      ...options.env,
    },
  })
  return {
    ...child,
    dataDir,
    readerPassword,
    ...reach({ token, readerPassword, addresses: readAddresses }),
    dispose: async () => {
      await child.end()
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

export const reach = <E extends Endpoints>(options: {
  readonly token: string
  readonly readerPassword: string
  readonly addresses: () => E
}): Reachable & { addresses(): E } => ({
  token: options.token,
  addresses: options.addresses,
  api: (path, init) =>
    fetch(`${options.addresses().api}${path}`, {
      ...init,
      headers: { authorization: `Bearer ${options.token}`, ...(init?.headers as Record<string, string> | undefined) },
    }),
  select: (sql) => selectAsReader(options.addresses().clickhouse, options.readerPassword, sql),
})

/** A SELECT as the read-only user, as long as that one may ask; 64-bit integers come as numbers. */
export const selectAsReader = async <Row>(clickhouse: string, password: string, sql: string): Promise<Row[]> => {
  const response = await fetch(
    `${clickhouse}/?database=lapwing&default_format=JSONEachRow&output_format_json_quote_64bit_integers=0&max_execution_time=300`,
    {
      method: 'POST',
      body: sql,
      headers: { 'X-ClickHouse-User': 'reader', 'X-ClickHouse-Key': password },
    },
  )
  const text = await response.text()
  // What went wrong on the way stands behind the rows that were sent before.
  if (!response.ok) throw new Error(text.slice(-2000))
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Row)
}

/** Polls until `check` is true; throws with `what` after `timeoutMs`. */
export const until = async (what: string, timeoutMs: number, check: () => Promise<boolean> | boolean, everyMs = 100): Promise<void> => {
  for (const deadline = Date.now() + timeoutMs; ;) {
    let failure: unknown = null
    try {
      if (await check()) return
    } catch (error) {
      failure = error
    }
    if (Date.now() > deadline) throw new Error(`${what}: not within ${timeoutMs} ms${failure === null ? '' : ` (${String(failure)})`}`)
    await new Promise((resolve) => setTimeout(resolve, everyMs))
  }
}
