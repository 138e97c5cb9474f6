// Programs of others: where they are kept once fetched or built, and how they are run. Everything here is bounded in time, and a
// process is ended by the one who started it.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { hash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** A client that can be run, or why this machine has none. */
export type Found<T> = { readonly ok: true; readonly client: T } | { readonly ok: false; readonly reason: string }

/** Outside the checkout, so that a fresh clone finds what an earlier one built. */
const cache = (): string => join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'lapwing-ci')

/** Runs to its end; a failure is its last line of output. */
export const runStep = (
  command: string,
  args: readonly string[],
  options: { timeoutMs: number; cwd?: string; env?: Record<string, string> },
): Found<string> => {
  const run = spawnSync(command, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    timeout: options.timeoutMs,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  })
  if (run.status === 0) return { ok: true, client: run.stdout }
  const why = run.error?.message ?? (run.signal === null ? (run.stderr || run.stdout).trim().split('\n').at(-1)! : `ended by ${run.signal}`)
  return { ok: false, reason: `${command} ${args.slice(0, 2).join(' ')}: ${why.slice(0, 200)}` }
}

/** The directory of `name` and `recipe`, what it is made from; filled by `build` when it is not there yet. It appears whole or not at all. */
export const cachedDirectory = (name: string, recipe: string, build: (directory: string) => Found<unknown>): Found<string> => {
  const directory = join(cache(), `${name}-${hash('sha256', recipe, 'hex').slice(0, 8)}`)
  if (existsSync(directory)) return { ok: true, client: directory }
  const unfinished = `${directory}.${process.pid}`
  rmSync(unfinished, { recursive: true, force: true })
  mkdirSync(unfinished, { recursive: true })
  const begun = Date.now()
  console.log(`getting ${name} into ${cache()} ...`)
  try {
    const built = build(unfinished)
    if (!built.ok) return built
    renameSync(unfinished, directory)
    console.log(`got ${name} in ${Math.round((Date.now() - begun) / 1000)} s`)
    return { ok: true, client: directory }
  } finally {
    rmSync(unfinished, { recursive: true, force: true })
  }
}

export interface Running {
  readonly child: ChildProcess
  output(): string
  /** SIGTERM, then SIGKILL after 5 s; resolves once it has ended. */
  stop(): Promise<void>
  /** Its exit code; ended by force after `timeoutMs`. */
  ended(timeoutMs: number): Promise<number | null>
}

/** Without the OTEL_* and proxy variables of whoever runs the tests. */
export const startProgram = (
  command: string,
  args: readonly string[],
  options: { cwd?: string; env?: Record<string, string> } = {},
): Running => {
  const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^OTEL_|_proxy$/i.test(name)))
  const child = spawn(command, args, { cwd: options.cwd, env: { ...inherited, ...options.env }, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  child.on('error', (error) => {
    output += error.message
  })
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data: Buffer) => {
      output = (output + data.toString()).slice(-100_000)
    })
  const running = (): boolean => child.exitCode === null && child.signalCode === null && child.pid !== undefined
  const ended = async (timeoutMs: number): Promise<number | null> => {
    const forced = setTimeout(() => child.kill('SIGKILL'), timeoutMs)
    if (running()) await once(child, 'exit')
    clearTimeout(forced)
    return child.exitCode
  }
  return {
    child,
    ended,
    output: () => output,
    stop: async () => {
      child.kill('SIGTERM')
      await ended(5000)
    },
  }
}

/** A command line to which options are added. */
export type Command = readonly [command: string, ...args: string[]]

/** On the PATH, or unpacked from the package into the cache, which needs no root and starts no service. Alertmanager reads its
 *  templates from /usr/share, so an unpacked one sees its package's there: in a mount namespace, nothing of the machine changes. */
export const findDebianProgram = (name: string, path: string, versionFlag = '--version'): Found<Command> => {
  if (runStep(name, [versionFlag], { timeoutMs: 20_000 }).ok) return { ok: true, client: [name] }
  const unpacked = cachedDirectory(`debian-${name}`, name, (directory) => {
    const download = () => runStep('apt-get', ['download', name], { timeoutMs: 120_000, cwd: directory })
    let downloaded = download()
    if (!downloaded.ok && runStep('apt-get', ['update'], { timeoutMs: 120_000 }).ok) downloaded = download()
    if (!downloaded.ok) return downloaded
    return runStep('dpkg', ['-x', readdirSync(directory).find((file) => file.endsWith('.deb'))!, 'root'], {
      timeoutMs: 60_000,
      cwd: directory,
    })
  })
  if (!unpacked.ok) return unpacked
  const root = join(unpacked.client, 'root')
  const command: Command = [
    'unshare',
    '--user',
    '--map-root-user',
    '--mount',
    'sh',
    '-c',
    'mount --bind "$0/usr/share" /usr/share && exec "$@"',
    root,
    join(root, 'usr', path),
  ]
  const started = runStep(command[0], [...command.slice(1), versionFlag], { timeoutMs: 20_000 })
  return started.ok ? { ok: true, client: command } : started
}

/** A virtual environment with these packages of PyPI; its directory. */
export const findPythonPackages = (name: string, packages: readonly string[], module: string): Found<string> => {
  const environment = cachedDirectory(name, packages.join(' '), (directory) => {
    const made = runStep('python3', ['-m', 'venv', directory], { timeoutMs: 60_000 })
    return made.ok
      ? runStep(join(directory, 'bin/python'), ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...packages], {
          timeoutMs: 180_000,
        })
      : made
  })
  if (!environment.ok) return environment
  const imported = runStep(join(environment.client, 'bin/python'), ['-c', `import ${module}`], { timeoutMs: 30_000 })
  return imported.ok ? environment : imported
}
