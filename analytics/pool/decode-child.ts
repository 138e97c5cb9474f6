// Decoding in a process of its own, for messages that may end the process which decodes them. One at a time; the process is
// started when it is needed, again after it died, and ended when it has been idle for a while.
import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { ErrorCode } from '../../streams/contracts/errors.ts'
import { TransientError } from '../../streams/contracts/errors.ts'
import type { DecodeInput, DecodeOutput } from '../decode-contract.ts'
import type { DecodePool } from './pool.ts'

export interface DecodeChildConfig {
  /** Of decoding itself, as in the pool. */
  readonly timeoutMs: number
  readonly maxMemoryBytes?: number
  readonly idleMs?: number
}
export type ChildAnswer =
  | { readonly ok: true; readonly output: DecodeOutput }
  | { readonly ok: false; readonly code: ErrorCode; readonly message: string }

const childFile = fileURLToPath(new URL('child.ts', import.meta.url))
const GiB = 1024 ** 3
const START_MS = 15_000
/** The child ends a slow thread itself: what takes this much longer is a child that no longer runs. */
const GRACE_MS = 30_000

const closed = (cause?: unknown): TransientError => new TransientError('LOG_CLOSED', 'decoding stopped', 1000, { cause })

/** The child's next message; rejects when it ends first, and ends it after `timeoutMs`. */
const nextMessage = (child: ChildProcess, timeoutMs: number): Promise<unknown> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs)
    const settle = (): void => {
      clearTimeout(timer)
      child.removeListener('message', got).removeListener('exit', ended).removeListener('error', failed)
    }
    const got = (message: unknown): void => {
      settle()
      resolve(message)
    }
    const ended = (code: number | null, signal: string | null): void => {
      settle()
      reject(new Error(`the decode process ended with ${signal ?? code}`))
    }
    const failed = (error: Error): void => {
      settle()
      reject(error)
    }
    child.on('message', got).on('exit', ended).on('error', failed)
  })

/** @param workerFile another program for the child's thread, in tests. @returns rejects as the pool does, and with CHILD_DIED. */
export const createDecodeChild = (config: DecodeChildConfig, workerFile: URL = new URL('worker.ts', import.meta.url)): DecodePool => {
  let child: ChildProcess | null = null
  let tail: Promise<unknown> = Promise.resolve()
  let idle: NodeJS.Timeout | undefined
  let isClosed = false

  const end = (): void => {
    clearTimeout(idle)
    child?.kill('SIGKILL')
    child = null
  }

  /** A child that does not even start is nobody's fault. */
  const start = async (): Promise<ChildProcess> => {
    const started = fork(childFile, [workerFile.href, String(config.timeoutMs), String(config.maxMemoryBytes ?? 3 * GiB)], {
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      execArgv: ['--disable-warning=ExperimentalWarning'],
    })
    child = started
    // One that ends between two requests is replaced at the next.
    started
      .on('exit', () => {
        if (child === started) child = null
      })
      .on('error', () => undefined)
    await nextMessage(started, START_MS)
    return started
  }

  const ask = async (input: DecodeInput): Promise<ChildAnswer> => {
    const running = child ?? (await start())
    const answer = nextMessage(running, config.timeoutMs + GRACE_MS)
    // A send that fails is a child that has ended: its end is the answer.
    running.send({ ...input, messages: input.messages.map(({ offset, envelope, body }) => ({ offset, envelope, body })) }, () => undefined)
    try {
      return (await answer) as ChildAnswer
    } catch (error) {
      if (isClosed) throw closed(error)
      end()
      throw new TransientError('CHILD_DIED', 'the decode process ended', 1000, { cause: error })
    }
  }

  const decode = async (input: DecodeInput): Promise<DecodeOutput> => {
    if (isClosed) throw closed()
    clearTimeout(idle)
    try {
      const answer = await ask(input)
      if (!answer.ok) throw new TransientError(answer.code, answer.message)
      return answer.output
    } catch (error) {
      throw isClosed ? closed(error) : error
    } finally {
      idle = setTimeout(end, config.idleMs ?? 5000).unref()
    }
  }

  return {
    decode: (input) => {
      const done = tail.then(() => decode(input))
      tail = done.catch(() => undefined)
      return done
    },
    close: async () => {
      isClosed = true
      end()
      await tail
      clearTimeout(idle)
    },
  }
}
