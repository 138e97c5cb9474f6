// Scans and cuts bodies: at once where that is quick, on a thread of its own for large JSON. One job at a time there, so a body
// whose parse exhausts that thread's memory is known by name and refused; the jobs behind it go on in a new thread.
import { Worker } from 'node:worker_threads'
import type { Split } from '../streams/otlp/split.ts'
import { tooLarge } from '../streams/otlp/walk.ts'
import { pieceFormat, scan, splitBody } from './scan.ts'
import type { BodyKind, Scan, SplitRequest } from './scan.ts'

export interface Scanner {
  scan(body: Uint8Array, kind: BodyKind): Scan | Promise<Scan>
  split(body: Uint8Array, kind: BodyKind, request: SplitRequest): Split | Promise<Split>
  close(): Promise<void>
}

export interface ScannerConfig {
  /** JSON above this goes to the thread. */ readonly inlineBytes: number
  readonly maxHeapMb: number
}

interface Job {
  readonly body: Uint8Array
  readonly kind: BodyKind
  readonly split: SplitRequest | null
  readonly done: (result: Scan | Split) => void
}

export const createScanner = (config: ScannerConfig): Scanner => {
  const waiting: Job[] = []
  let running: Job | null = null
  let worker: Worker | null = null

  const finish = (result: Scan | Split): void => {
    const job = running
    running = null
    job?.done(result)
    next()
  }
  const start = (): Worker => {
    const started = new Worker(new URL('./scan-thread.ts', import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: config.maxHeapMb },
    })
    started.on('message', (result: Scan | Split) => {
      finish(result)
    })
    started.on('error', () => {
      /* its exit follows and settles the job */
    })
    started.on('exit', () => {
      if (worker === started) worker = null
      const died = tooLarge('the JSON needs too much memory to be read')
      if (running !== null) finish(running.split === null ? { walk: died, format: 'json', faults: [] } : died)
    })
    started.unref()
    return started
  }
  const next = (): void => {
    if (running !== null || waiting.length === 0) return
    running = waiting.shift()!
    worker ??= start()
    // Copied, not transferred: the body itself is appended afterwards.
    const { body, kind, split } = running
    worker.postMessage({ body, kind, split })
  }
  const isInline = (body: Uint8Array, kind: BodyKind): boolean => pieceFormat(kind) === 'protobuf' || body.length <= config.inlineBytes
  const later = <T extends Scan | Split>(job: Omit<Job, 'done'>): Promise<T> =>
    new Promise((resolve) => {
      waiting.push({
        ...job,
        done: (result) => {
          resolve(result as T)
        },
      })
      next()
    })
  return {
    scan: (body, kind) => (isInline(body, kind) ? scan(body, kind) : later<Scan>({ body, kind, split: null })),
    split: (body, kind, request) => (isInline(body, kind) ? splitBody(body, kind, request) : later<Split>({ body, kind, split: request })),
    close: async () => {
      await worker?.terminate()
    },
  }
}
