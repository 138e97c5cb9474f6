// Decoding on worker threads; the only piscina file. Bodies are copied once, into shared memory that the thread reads, and the block of
// rows comes back in such memory. A thread's death and a time-out are errors of their own: the consumer isolates the message.
import { Piscina } from 'piscina'
import { PermanentError, TransientError } from '../../streams/contracts/errors.ts'
import { bodyLength } from '../decode-contract.ts'
import type { DecodeInput, DecodeOutput } from '../decode-contract.ts'
import type { Answer } from './answer.ts'
import { createArenas } from './arenas.ts'

/** What a thread is told: bodies in shared memory, and where a block of rows may go if it fits. */
export interface DecodeTask extends DecodeInput {
  readonly into: SharedArrayBuffer | null
}
export interface DecodePoolConfig {
  readonly threads: number
  /** Of decoding itself; waiting for a thread does not count. */ readonly timeoutMs: number
}
export interface DecodePool {
  /** The input stays the caller's. Rejects with DECODE_TIMEOUT, WORKER_DIED, DECODE_FAILED, or LOG_CLOSED once closed. */
  decode(input: DecodeInput): Promise<DecodeOutput>
  close(): Promise<void>
}

const START_MS = 10_000

/** Blocks that may wait for the store in shared memory; more are moved, each in memory of its own. */
const MAX_BLOCKS = 3

/** All bodies one behind the other in memory that the thread reads. */
const toShared = (input: DecodeInput, arena: SharedArrayBuffer): DecodeInput => {
  let at = 0
  const messages = input.messages.map((message) => {
    const copy = new Uint8Array(arena, at, bodyLength(message))
    if (message.stored === undefined) copy.set(message.body)
    else message.stored.copyTo(copy)
    at += copy.byteLength
    return { offset: message.offset, envelope: message.envelope, body: copy }
  })
  return { ...input, messages }
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
export const createDecodePool = (
  { threads, timeoutMs }: DecodePoolConfig,
  workerFile: URL = new URL('worker.ts', import.meta.url),
): DecodePool => {
  const pool = new Piscina({
    filename: workerFile.href,
    minThreads: threads,
    maxThreads: threads,
    idleTimeout: Number.POSITIVE_INFINITY,
    atomics: 'disabled',
  })
  const gate = createGate(threads)
  let isClosed = false
  let hasAnswered = false
  // A thread that ends between two tasks is replaced by piscina; the event must have a listener.
  pool.on('error', () => {})

  const bodies = createArenas(threads)
  const blocks = createArenas(MAX_BLOCKS)
  /** Of a block, by its bodies; learned from the blocks. */
  let growth = 2

  const ask = async (task: DecodeTask): Promise<Answer> => {
    const abort = new AbortController()
    // The first answer also waits for the thread to start.
    const timer = setTimeout(() => abort.abort(), timeoutMs + (hasAnswered ? 0 : START_MS))
    try {
      const answer = (await pool.run(task, { signal: abort.signal })) as Answer
      hasAnswered = true
      return answer
    } catch (error) {
      // The next thread has to start first, too.
      hasAnswered = false
      if (isClosed) throw new TransientError('LOG_CLOSED', 'decoding stopped', 1000, { cause: error })
      if (abort.signal.aborted)
        throw new TransientError('DECODE_TIMEOUT', `decoding took longer than ${timeoutMs} ms`, 1000, { cause: error })
      throw new TransientError('WORKER_DIED', 'a decode thread ended', 1000, { cause: error })
    } finally {
      clearTimeout(timer)
    }
  }

  const run = async (input: DecodeInput): Promise<DecodeOutput> => {
    const bytes = input.messages.reduce((sum, message) => sum + bodyLength(message), 0)
    // One for each thread, and no more than as many ask.
    const from = bodies.take(bytes)!
    const into = blocks.take(bytes * growth)
    let answer: Answer
    try {
      answer = await ask({ ...toShared(input, from), into })
    } catch (error) {
      bodies.discard(from)
      if (into !== null) blocks.discard(into)
      throw error
    }
    bodies.give(from)
    const isIn = answer.ok && answer.output.logs?.buffer instanceof SharedArrayBuffer
    if (into !== null && !isIn) blocks.give(into)
    if (!answer.ok) throw new PermanentError('DECODE_FAILED', answer.message)
    if (answer.output.logs !== null && bytes > 0) growth = Math.max(1, answer.output.logs.byteLength / bytes)
    let isHeld = isIn
    const release = (): void => {
      if (isHeld) blocks.give(into!)
      isHeld = false
    }
    return { ...answer.output, release }
  }

  return {
    decode: async (input) => {
      await gate.enter()
      try {
        if (isClosed) throw new TransientError('LOG_CLOSED', 'decoding stopped')
        return await run(input)
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
  Piscina.move({
    get [Piscina.transferableSymbol]() {
      return buffers
    },
    get [Piscina.valueSymbol]() {
      return value
    },
  } as never) as object
