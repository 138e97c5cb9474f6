// Decoding on worker threads; the only piscina file. Bodies are copied into one buffer per range, which moves to the
// worker; blocks move back. A thread's death and a time-out are errors of their own: the consumer isolates the message.
import { Piscina } from 'piscina'
import { PermanentError, TransientError } from '../../streams/contracts/errors.ts'
import type { DecodeInput, DecodeOutput } from '../decode-contract.ts'
import type { Answer } from './answer.ts'

export interface DecodePoolConfig { readonly threads: number; /** Of decoding itself; waiting for a thread does not count. */ readonly timeoutMs: number }
export interface DecodePool {
  /** The input stays the caller's. Rejects with DECODE_TIMEOUT, WORKER_DIED, DECODE_FAILED, or LOG_CLOSED once closed. */
  decode(input: DecodeInput): Promise<DecodeOutput>
  close(): Promise<void>
}

const START_MS = 10_000

/** All bodies one behind the other in a buffer that can be transferred. */
const toTransfer = (input: DecodeInput): { input: DecodeInput; buffer: ArrayBuffer } => {
  const buffer = new ArrayBuffer(input.messages.reduce((sum, { body }) => sum + body.byteLength, 0))
  let at = 0
  const messages = input.messages.map(({ offset, envelope, body }) => {
    const copy = new Uint8Array(buffer, at, body.byteLength)
    copy.set(body)
    at += body.byteLength
    return { offset, envelope, body: copy }
  })
  return { input: { ...input, messages }, buffer }
}

/** At most `limit` at a time, in order of arrival. */
const createGate = (limit: number) => {
  let running = 0
  const waiting: (() => void)[] = []
  return {
    enter: async (): Promise<void> => {
      if (running >= limit) await new Promise<void>((resolve) => waiting.push(resolve))
      else running++
    },
    leave: (): void => {
      const next = waiting.shift()
      if (next === undefined) running--
      else next()
    },
  }
}

/** @param workerFile another program for the threads, in tests. */
export const createDecodePool = ({ threads, timeoutMs }: DecodePoolConfig, workerFile: URL = new URL('worker.ts', import.meta.url)): DecodePool => {
  const pool = new Piscina({ filename: workerFile.href, minThreads: threads, maxThreads: threads, idleTimeout: Number.POSITIVE_INFINITY, atomics: 'disabled' })
  const gate = createGate(threads)
  let isClosed = false
  let hasAnswered = false
  // A thread that ends between two tasks is replaced by piscina; the event must have a listener.
  pool.on('error', () => {})

  const run = async (input: DecodeInput): Promise<Answer> => {
    const { input: moved, buffer } = toTransfer(input)
    const abort = new AbortController()
    // The first answer also waits for the threads to start.
    const timer = setTimeout(() => abort.abort(), timeoutMs + (hasAnswered ? 0 : START_MS))
    try {
      const answer = await pool.run(moved, { transferList: [buffer], signal: abort.signal }) as Answer
      hasAnswered = true
      return answer
    } catch (error) {
      if (isClosed) throw new TransientError('LOG_CLOSED', 'decoding stopped', 1000, { cause: error })
      if (abort.signal.aborted) throw new TransientError('DECODE_TIMEOUT', `decoding took longer than ${timeoutMs} ms`, 1000, { cause: error })
      throw new TransientError('WORKER_DIED', 'a decode thread ended', 1000, { cause: error })
    } finally {
      clearTimeout(timer)
    }
  }

  return {
    decode: async (input) => {
      await gate.enter()
      try {
        if (isClosed) throw new TransientError('LOG_CLOSED', 'decoding stopped')
        const answer = await run(input)
        if (!answer.ok) throw new PermanentError('DECODE_FAILED', answer.message)
        return answer.output
      } finally {
        gate.leave()
      }
    },
    close: async () => {
      isClosed = true
      await pool.destroy()
    },
  }
}

/** For the worker: `value` goes back with its buffers moved instead of copied. */
export const move = (value: object, buffers: readonly ArrayBuffer[]): object =>
  Piscina.move({ get [Piscina.transferableSymbol]() { return buffers }, get [Piscina.valueSymbol]() { return value } } as never) as object
