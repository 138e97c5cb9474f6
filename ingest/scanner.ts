// Scans bodies: at once where that is quick, on a thread of its own for large JSON. One job at a time there, so a body
// whose parse exhausts that thread's memory is known by name and refused; the jobs behind it go on in a new thread.
import { Worker } from 'node:worker_threads'
import { tooLarge } from '../streams/otlp/walk.ts'
import { scan } from './scan.ts'
import type { BodyKind, Scan } from './scan.ts'

export interface Scanner {
  scan(body: Uint8Array, kind: BodyKind): Scan | Promise<Scan>
  close(): Promise<void>
}

export interface ScannerConfig { /** JSON above this goes to the thread. */ readonly inlineBytes: number; readonly maxHeapMb: number }

interface Job { readonly body: Uint8Array; readonly kind: BodyKind; readonly done: (result: Scan) => void }

export const createScanner = (config: ScannerConfig): Scanner => {
  const waiting: Job[] = []
  let running: Job | null = null
  let worker: Worker | null = null

  const finish = (result: Scan): void => {
    const job = running
    running = null
    job?.done(result)
    next()
  }
  const start = (): Worker => {
    const started = new Worker(new URL('./scan-thread.ts', import.meta.url), { resourceLimits: { maxOldGenerationSizeMb: config.maxHeapMb } })
    started.on('message', (result: Scan) => { finish(result) })
    started.on('error', () => { /* its exit follows and settles the job */ })
    started.on('exit', () => {
      if (worker === started) worker = null
      if (running !== null) finish({ walk: tooLarge('the JSON needs too much memory to be read'), format: 'json', faults: [] })
    })
    started.unref()
    return started
  }
  const next = (): void => {
    if (running !== null || waiting.length === 0) return
    running = waiting.shift()!
    worker ??= start()
    // Copied, not transferred: the body itself is appended afterwards.
    worker.postMessage({ body: running.body, kind: running.kind })
  }
  return {
    scan: (body, kind) => kind === 'otlp_protobuf' || body.length <= config.inlineBytes
      ? scan(body, kind)
      : new Promise((done) => {
        waiting.push({ body, kind, done })
        next()
      }),
    close: async () => { await worker?.terminate() },
  }
}
