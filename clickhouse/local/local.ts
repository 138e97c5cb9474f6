// Supervises the ClickHouse child: started in a process group of its own, restarted with backoff when it dies, ended with
// us. A directory that another process holds (exit code 76) is tried again for 10 s: the predecessor may still be closing.
import { spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { PermanentError, TransientError } from '../../streams/contracts/errors.ts'
import { chooseEngine, recordVersion, refuseDowngrade } from './library.ts'
import { ASKED_SETTINGS, writeServerConfig } from './server-config.ts'

export interface LocalLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
}
export interface LocalClickHouseConfig {
  readonly directory: string
  readonly listen: { readonly host: string; readonly port: number }
  readonly maxMemoryBytes: number
  /** Null: a random one. */
  readonly readerPassword: string | null
  readonly database: string
  /** Of all MergeTree tables; ours unless set. */
  readonly mergeSelectorBase?: number
  /** A ClickHouse of the machine instead of the library that npm brought. */
  readonly binary?: string | null
  readonly log: LocalLog
  /** Called when a child is on its way. */
  readonly onSpawn?: () => void
  /** Called with the pid of each child that becomes ready. */
  readonly onReady?: (pid: number) => void
}
export interface LocalClickHouse {
  readonly url: string
  readonly user: string
  readonly password: string
  readonly readerPassword: string
  /** For its client. */
  readonly askedSettings: Readonly<Record<string, number>>
  close(): Promise<void>
  pid(): number | null
  restarts(): number
}

const DIRECTORY_HELD = 76
const HELD_RETRY_MS = 10_000
const READY_TIMEOUT_MS = 20_000
const PORT_RETRY_MS = 2000
const MAX_BACKOFF_MS = 5000
const KILL_AFTER_MS = 4000
const childFile = join(import.meta.dirname, 'child.ts')
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Resolves to the port once it is free. The child of a parent that was killed a moment ago still holds it for half a second. */
const reservePort = async (listen: { host: string; port: number }): Promise<number> => {
  for (const deadline = Date.now() + PORT_RETRY_MS; ;) {
    const tried = await tryPort(listen)
    if (typeof tried === 'number') return tried
    const where = `${listen.host}:${listen.port} cannot be listened on`
    if (tried.code !== 'EADDRINUSE') throw new PermanentError('CONFIG_INVALID', `LAPWING_CLICKHOUSE_LISTEN: ${where} (${tried.code})`)
    if (Date.now() > deadline)
      throw new PermanentError('PORT_BUSY', `${where}: another program holds it; LAPWING_CLICKHOUSE_LISTEN moves the local ClickHouse`)
    await pause(100)
  }
}
const tryPort = (listen: { host: string; port: number }): Promise<number | NodeJS.ErrnoException> =>
  new Promise((resolve) => {
    const server = createServer()
    server.once('error', resolve)
    server.listen(listen.port, listen.host, () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })

/** Our own user must be let in, so that a stranger on the port is not taken for the child. */
const isReady = async (url: string, password: string): Promise<boolean> => {
  try {
    const response = await fetch(`${url}/?query=SELECT%201`, {
      headers: { 'X-ClickHouse-User': 'app', 'X-ClickHouse-Key': password, connection: 'close' },
      signal: AbortSignal.timeout(2000),
    })
    return response.ok && (await response.text()).trim() === '1'
  } catch {
    return false
  }
}

const signalGroup = (child: ChildProcess, signal: NodeJS.Signals): void => {
  try {
    process.kill(-child.pid!, signal)
  } catch {
    /* it is gone */
  }
}
const endGroup = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
  const gone = once(child, 'exit')
  signalGroup(child, 'SIGTERM')
  // A stopped process takes no SIGTERM.
  signalGroup(child, 'SIGCONT')
  const forced = setTimeout(() => signalGroup(child, 'SIGKILL'), KILL_AFTER_MS)
  await gone
  clearTimeout(forced)
}

export const startLocalClickHouse = async (config: LocalClickHouseConfig): Promise<LocalClickHouse> => {
  const engine = chooseEngine(config.binary ?? null)
  refuseDowngrade(config.directory, engine)
  const password = randomBytes(24).toString('base64url')
  const readerPassword = config.readerPassword ?? randomBytes(18).toString('base64url')
  const port = await reservePort(config.listen)
  const host = config.listen.host
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${port}`
  const data = join(config.directory, 'data')
  mkdirSync(data, { recursive: true, mode: 0o700 })
  const configFile = writeServerConfig({
    directory: join(config.directory, 'config'),
    maxMemoryBytes: config.maxMemoryBytes,
    appPassword: password,
    readerPassword,
    database: config.database,
    ...(config.mergeSelectorBase === undefined ? {} : { mergeSelectorBase: config.mergeSelectorBase }),
  })
  let child: ChildProcess | null = null
  let ready = false
  let closing = false
  let restarts = 0

  /** One start to readiness. Resolves to null, or the exit code of a child that ended before. */
  const startOnce = async (): Promise<number | null> => {
    const argument = JSON.stringify({ path: data, host, port, configFile, parentPid: process.pid, engine })
    const started = spawn(process.execPath, ['--no-warnings', childFile, argument], { detached: true, stdio: ['ignore', 'ignore', 'pipe'] })
    child = started
    config.onSpawn?.()
    let complaint = ''
    started.stderr!.on('data', (text: Buffer) => {
      complaint = (complaint + text.toString()).slice(-2000)
    })
    for (const deadline = Date.now() + READY_TIMEOUT_MS; ;) {
      if (started.exitCode !== null || started.signalCode !== null) {
        if (started.exitCode !== DIRECTORY_HELD)
          config.log.warn({ exitCode: started.exitCode, signal: started.signalCode, complaint }, 'clickhouse ended while starting')
        return started.exitCode ?? -1
      }
      if (await isReady(url, password)) break
      if (Date.now() > deadline) {
        signalGroup(started, 'SIGKILL')
        throw new TransientError(
          'STORE_UNAVAILABLE',
          `the local ClickHouse did not become ready within ${READY_TIMEOUT_MS / 1000} s: ${complaint}`,
        )
      }
      await pause(25)
    }
    // It may have ended since its answer, before anybody watched.
    if (started.exitCode !== null || started.signalCode !== null) return started.exitCode ?? -1
    ready = true
    recordVersion(config.directory, engine)
    started.once('exit', (exitCode, signal) => {
      ready = false
      if (closing) return
      config.log.warn({ exitCode, signal, complaint }, 'clickhouse ended, restarting')
      void restart()
    })
    config.onReady?.(started.pid!)
    return null
  }
  const start = async (): Promise<void> => {
    // Closing may begin in any pause: nobody would end a child that is started after it.
    for (const deadline = Date.now() + HELD_RETRY_MS; !closing;) {
      const exitCode = await startOnce()
      if (exitCode === null || closing) return
      if (Date.now() > deadline) throw new TransientError('STORE_UNAVAILABLE', `the local ClickHouse did not start (exit code ${exitCode})`)
      await pause(exitCode === DIRECTORY_HELD ? 250 : 1000)
    }
  }
  const restart = async (): Promise<void> => {
    for (let backoffMs = 50; !closing; backoffMs = Math.min(backoffMs * 2, MAX_BACKOFF_MS)) {
      await pause(backoffMs)
      if (closing) return
      restarts++
      try {
        return await start()
      } catch (error) {
        config.log.warn({ error: String(error) }, 'clickhouse restart failed')
      }
    }
  }
  await start()
  return {
    url,
    user: 'app',
    password,
    readerPassword,
    askedSettings: ASKED_SETTINGS,
    pid: () => (ready ? (child?.pid ?? null) : null),
    restarts: () => restarts,
    close: async () => {
      closing = true
      if (child !== null) await endGroup(child)
    },
  }
}
