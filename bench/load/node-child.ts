// A part of a benchmark as a process of its own that talks over IPC: its output is kept for the case that it ends too early.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

export interface NodeChild<From extends { readonly kind: string }> {
  readonly pid: number
  send(message: object | string): void
  /** The next message of this kind. @throws Error with its output when it ends before that. */
  next<Kind extends From['kind']>(kind: Kind): Promise<Extract<From, { readonly kind: Kind }>>
  /** SIGTERM, then SIGKILL after 10 s; resolves once it has ended. */
  stop(): Promise<void>
}

const KILL_AFTER_MS = 10_000
const KEPT_OUTPUT = 20_000

export const startNodeChild = <From extends { readonly kind: string }>(
  file: URL,
  options: { readonly env?: Readonly<Record<string, string>>; readonly execArgv?: readonly string[] },
): NodeChild<From> => {
  const child = fork(fileURLToPath(file), {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    serialization: 'advanced',
    execArgv: [...(options.execArgv ?? [])],
    env: { ...process.env, ...options.env },
  })
  let output = ''
  for (const stream of [child.stdout!, child.stderr!])
    stream.on('data', (data: Buffer) => {
      output = (output + data.toString()).slice(-KEPT_OUTPUT)
    })
  // What comes before somebody asks for it is kept; each kind is asked for by one at a time.
  const arrived: From[] = []
  const waiting = new Map<string, { resolve(message: From): void; reject(error: Error): void }>()
  child.on('message', (message) => {
    const one = message as From
    const asked = waiting.get(one.kind)
    waiting.delete(one.kind)
    if (asked === undefined) arrived.push(one)
    else asked.resolve(one)
  })
  const isRunning = (): boolean => child.exitCode === null && child.signalCode === null
  const ended = (): Error => new Error(`${fileURLToPath(file)} ended (${child.exitCode ?? child.signalCode}):\n${output}`)
  child.on('exit', () => {
    for (const { reject } of waiting.values()) reject(ended())
  })
  return {
    pid: child.pid!,
    send: (message) => {
      if (isRunning()) child.send(message)
    },
    next: (kind) =>
      new Promise((resolve, reject) => {
        const at = arrived.findIndex((message) => message.kind === kind)
        if (at >= 0) resolve(arrived.splice(at, 1)[0] as Extract<From, { kind: typeof kind }>)
        else if (isRunning()) waiting.set(kind, { resolve: resolve as (message: From) => void, reject })
        else reject(ended())
      }),
    stop: async () => {
      if (!isRunning()) return
      const forced = setTimeout(() => child.kill('SIGKILL'), KILL_AFTER_MS)
      child.kill('SIGTERM')
      await once(child, 'exit')
      clearTimeout(forced)
    },
  }
}
