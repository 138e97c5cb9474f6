// Our program as a process of its own, as a user starts it: the environment, signals, what it printed.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../', import.meta.url))
/** What `npm start` gives Node. */
const startArguments = (): readonly string[] => {
  const { scripts } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { scripts: { start: string } }
  return scripts.start.replace(/^exec node /, '').split(' ')
}
const READY_WITHIN_MS = 60_000
const KILL_AFTER_MS = 12_000
const KEPT_OUTPUT = 200_000

export interface LapwingProcess {
  /** Resolves when it is ready. @throws Error with its output when it ends before that, or takes a minute. */
  start(): Promise<void>
  /** SIGTERM; resolves to the exit code. */
  stop(): Promise<number | null>
  /** Stops it however it can be stopped. */
  end(): Promise<void>
  kill(signal: NodeJS.Signals): void
  exited(): Promise<void>
  running(): boolean
  pid(): number | null
  /** Output so far, both streams, over all starts. */
  output(): string
}

export const createLapwingProcess = (options: {
  readonly env: Readonly<Record<string, string>>
  readonly isReady: (pid: number) => boolean | Promise<boolean>
}): LapwingProcess => {
  let child: ChildProcess | null = null
  let output = ''
  const running = (): boolean => child !== null && child.exitCode === null && child.signalCode === null
  const exited = async (): Promise<void> => {
    if (running()) await once(child!, 'exit')
  }
  const start = async (): Promise<void> => {
    const started = spawn(process.execPath, startArguments(), {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...options.env },
    })
    child = started
    for (const stream of [started.stdout!, started.stderr!])
      stream.on('data', (data: Buffer) => {
        output = (output + data.toString()).slice(-KEPT_OUTPUT)
      })
    for (const deadline = Date.now() + READY_WITHIN_MS; !(await options.isReady(started.pid!));) {
      if (started.exitCode !== null || started.signalCode !== null) throw new Error(`the product ended while starting:\n${output}`)
      if (Date.now() > deadline) throw new Error(`the product was not ready within ${READY_WITHIN_MS / 1000} s:\n${output}`)
      await new Promise((resolve) => setTimeout(resolve, 25))
    }
  }
  const stop = async (): Promise<number | null> => {
    if (running()) child!.kill('SIGTERM')
    await exited()
    return child?.exitCode ?? null
  }
  return {
    start,
    stop,
    running,
    exited,
    output: () => output,
    pid: () => (running() ? child!.pid! : null),
    kill: (signal) => {
      child?.kill(signal)
    },
    end: async () => {
      if (!running()) return
      const forced = setTimeout(() => child?.kill('SIGKILL'), KILL_AFTER_MS)
      child!.kill('SIGCONT')
      await stop()
      clearTimeout(forced)
    },
  }
}
