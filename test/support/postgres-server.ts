// A PostgreSQL server of a test's own, from the machine's binaries: a temporary directory, a random loopback port, a password.
// The server refuses to run as root; then it runs as another user of the machine.
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { freePort } from './free-port.ts'
import { signalTree } from './process-tree.ts'

export interface PostgresServer {
  readonly url: string
  readonly port: number
  readonly password: string
  start(): Promise<void>
  /** To all of its processes: SIGKILL is a crash (`start` recovers from it), SIGSTOP stands them still. */
  signal(name: NodeJS.Signals): Promise<void>
  /** `fast` closes connections and ends in order; `immediate` is as good as a crash. */
  stop(how: 'fast' | 'immediate'): Promise<void>
  /** Stops it and removes its data. */
  dispose(): Promise<void>
}

/** The folder of `initdb` and `postgres`: the newest of Debian's, else one on the PATH. */
export const findPostgresBinaries = (): string | null => {
  const debian = '/usr/lib/postgresql'
  const versions = existsSync(debian)
    ? readdirSync(debian)
        .sort((a, b) => Number(b) - Number(a))
        .map((version) => join(debian, version, 'bin'))
    : []
  const folders = [...versions, ...(process.env.PATH ?? '').split(delimiter)]
  return folders.find((folder) => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres'))) ?? null
}

interface Owner {
  readonly uid?: number
  readonly gid?: number
}
const idOf = (kind: '-u' | '-g', user: string): number =>
  Number(execFileSync('id', [kind, user], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }))
const unprivilegedOwner = (): Owner => {
  if (process.getuid?.() !== 0) return {}
  for (const user of ['postgres', 'nobody']) {
    try {
      return { uid: idOf('-u', user), gid: idOf('-g', user) }
    } catch {
      /* no such user: try the next */
    }
  }
  throw new Error('PostgreSQL does not run as root, and there is no user postgres or nobody')
}

const initialise = (bin: string, home: string, owner: Owner, password: string): void => {
  const passwordFile = join(home, 'password')
  writeFileSync(passwordFile, password)
  if (owner.uid !== undefined) for (const path of [home, passwordFile]) chownSync(path, owner.uid, owner.gid!)
  execFileSync(
    join(bin, 'initdb'),
    [
      '-D',
      join(home, 'data'),
      '-U',
      'lapwing',
      '--auth=scram-sha-256',
      `--pwfile=${passwordFile}`,
      '-E',
      'UTF8',
      '--locale=C',
      '--no-sync',
    ],
    { ...owner, cwd: home, stdio: ['ignore', 'ignore', 'inherit'] },
  )
}

/** Resolves when it takes connections. */
const run = async (bin: string, home: string, owner: Owner, port: number): Promise<ChildProcess> => {
  const child = spawn(
    join(bin, 'postgres'),
    ['-D', join(home, 'data'), '-p', String(port), '-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories=', '-c', 'fsync=off'],
    { ...owner, cwd: home, stdio: ['ignore', 'ignore', 'pipe'] },
  )
  let output = ''
  await new Promise<void>((resolve, reject) => {
    child.stderr!.on('data', (data: Buffer) => {
      output = (output + data.toString()).slice(-10_000)
      if (output.includes('ready to accept connections')) resolve()
    })
    child.once('error', reject)
    child.once('exit', () => reject(new Error(`PostgreSQL ended while starting:\n${output}`)))
  })
  return child
}

export const createPostgresServer = async (bin: string): Promise<PostgresServer> => {
  const home = mkdtempSync(join(tmpdir(), 'lapwing-postgres-'))
  const owner = unprivilegedOwner()
  const password = randomBytes(12).toString('hex')
  const port = await freePort()
  initialise(bin, home, owner, password)
  let child: ChildProcess | null = null
  const stop = async (how: 'fast' | 'immediate'): Promise<void> => {
    if (child === null) return
    const ended = once(child, 'exit')
    child.kill(how === 'fast' ? 'SIGINT' : 'SIGQUIT')
    await ended
    child = null
  }
  const signal = async (name: NodeJS.Signals): Promise<void> => {
    if (child === null) return
    const ended = name === 'SIGKILL' ? once(child, 'exit') : null
    signalTree(child.pid!, name)
    await ended
    if (ended !== null) child = null
  }
  return {
    port,
    password,
    signal,
    url: `postgres://lapwing:${password}@127.0.0.1:${port}/postgres`,
    start: async () => {
      child = await run(bin, home, owner, port)
    },
    stop,
    dispose: async () => {
      await stop('immediate')
      rmSync(home, { recursive: true, force: true })
    },
  }
}
