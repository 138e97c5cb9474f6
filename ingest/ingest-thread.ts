// Ingest on a thread of its own, seen from the main thread: starts it, pushes credentials, asks for figures, closes it.
import { SHARE_ENV, Worker } from 'node:worker_threads'
import { PermanentError } from '../streams/contracts/errors.ts'
import type { CredentialSnapshot, Principal, TokenUse } from '../streams/contracts/principal.ts'
import type { LogBytesTotal, LogBytesUse } from '../streams/contracts/log-bytes.ts'
import type { RateUse } from '../streams/contracts/rate-limiter.ts'
import type { IngestAddresses } from './ingest.ts'
import type { Log } from './intake.ts'
import type { IngestStats } from './metrics.ts'
import type { FromThread, IngestThreadConfig, IngestThreadData, ToThread } from './thread-protocol.ts'

export interface IngestThread {
  readonly addresses: IngestAddresses
  /** Resolves when the new snapshot is the one in force; null: what is known is too old to go by, and callers are told to come again. */
  updateCredentials(snapshot: CredentialSnapshot | null): Promise<void>
  stats(): Promise<IngestStats>
  close(): Promise<void>
}

export interface IngestThreadDeps {
  readonly credentials: CredentialSnapshot
  readonly logger: Log
  /** Absent when no issuer of JWTs is configured; null = refused; rejects when it cannot be found out now. */
  readonly authenticateJwt?: (token: string) => Promise<Principal | null>
  /** Of today, at the start. */
  readonly logBytes?: readonly LogBytesTotal[]
  /** Adds them up; the totals go back to the thread. */
  readonly onLogBytes?: (uses: readonly LogBytesUse[]) => Promise<readonly LogBytesTotal[]>
  /** Tells others what was asked of tokens with a rate of their own, and resolves to what was asked of them; null when that is not known. */
  readonly onRates?: (uses: readonly RateUse[]) => Promise<readonly RateUse[] | null>
  readonly onTokenUses?: (uses: readonly TokenUse[]) => void
  /** The thread died although nobody closed it: nothing is taken in any more. */
  readonly onDeath: (error: Error) => void
}

interface Pending {
  readonly resolve: (stats: IngestStats | null) => void
  readonly reject: (error: Error) => void
}
/** A request without its id. */
type Asked =
  Extract<ToThread, { readonly id: number }> extends infer Message ? (Message extends ToThread ? Omit<Message, 'id'> : never) : never

export interface LoadedThread {
  readonly worker: Worker
  /** Resolves when the thread has ended. One that is not needed after all ends by itself when its code is loaded: torn out of the loading of
   * native code, it would take the whole process with it. */
  dismiss(): Promise<void>
  /** Rejects when the thread has ended, whoever ended it and however. */
  readonly ended: Promise<never>
}
const LOADED_WITHIN_MS = 5000
/** A thread that loads its code and waits to be told what to do: ahead of time, while the caller does not know that yet. */
export const loadIngestThread = (): LoadedThread => {
  // The HTTP library reads a setting from the environment of the process, not from a thread's copy of it.
  const worker = new Worker(new URL('./thread.ts', import.meta.url), { env: SHARE_ENV })
  const ended = new Promise<never>((_resolve, reject) => {
    worker.once('error', (error) => {
      reject(new PermanentError('WORKER_DIED', `the ingest thread died: ${String(error)}`, { cause: error }))
    })
    worker.once('exit', () => {
      reject(new PermanentError('WORKER_DIED', 'the ingest thread has ended'))
    })
  })
  // Whoever is interested asks later.
  ended.catch(() => undefined)
  return {
    worker,
    ended,
    dismiss: async () => {
      worker.postMessage(null)
      const loading = setTimeout(() => void worker.terminate(), LOADED_WITHIN_MS)
      await ended.catch(() => undefined)
      clearTimeout(loading)
    },
  }
}

/** @throws PermanentError PORT_BUSY, or what opening the event log threw. */
export const startIngestThread = (
  config: Omit<IngestThreadConfig, 'acceptJwt'>,
  deps: IngestThreadDeps,
  { worker, ended }: LoadedThread = loadIngestThread(),
): Promise<IngestThread> =>
  new Promise((resolve, reject) => {
    worker.postMessage({
      config: { ...config, acceptJwt: deps.authenticateJwt !== undefined },
      credentials: deps.credentials,
      logBytes: deps.logBytes ?? [],
    } satisfies IngestThreadData)
    const pending = new Map<number, Pending>()
    let nextId = 0
    let state: 'starting' | 'running' | 'closing' | 'dead' = 'starting'

    const ask = (message: Asked): Promise<IngestStats | null> =>
      new Promise((done, fail) => {
        if (state === 'dead') {
          fail(new PermanentError('WORKER_DIED', 'the ingest thread is not running'))
          return
        }
        const id = nextId++
        pending.set(id, { resolve: done, reject: fail })
        worker.postMessage({ ...message, id })
      })
    const die = (error: Error): void => {
      const before = state
      state = 'dead'
      for (const { reject: fail } of pending.values()) fail(error)
      pending.clear()
      reject(error)
      if (before === 'running') deps.onDeath(error)
    }
    const close = async (): Promise<void> => {
      if (state === 'running') {
        const asked = ask({ kind: 'close' })
        state = 'closing'
        await asked.catch(() => {
          /* it died meanwhile: as closed as can be */
        })
        await worker.terminate()
      }
      await ended.catch(() => undefined)
    }
    const thread = (addresses: IngestAddresses): IngestThread => ({
      addresses,
      updateCredentials: async (snapshot) => {
        await ask({ kind: 'credentials', snapshot })
      },
      stats: async () => (await ask({ kind: 'stats' }))!,
      close,
    })
    worker.on('message', (message: FromThread) => {
      switch (message.kind) {
        case 'listening':
          state = 'running'
          resolve(thread(message.addresses))
          break
        case 'failed':
          die(new PermanentError(message.code ?? 'WORKER_DIED', message.message))
          break
        case 'log':
          deps.logger[message.level](message.fields, message.message)
          break
        case 'ask_jwt': {
          const answer = (found: Principal | null | 'unknown'): void => {
            worker.postMessage({ kind: 'jwt', hash: message.hash, found } satisfies ToThread)
          }
          deps.authenticateJwt?.(message.token).then(answer, () => {
            answer('unknown')
          })
          break
        }
        case 'log_bytes': {
          const answer = (totals: readonly LogBytesTotal[]): void => {
            worker.postMessage({ kind: 'log_bytes', totals } satisfies ToThread)
          }
          deps.onLogBytes?.(message.uses).then(answer, () => {
            answer([])
          })
          break
        }
        case 'rates': {
          const answer = (others: readonly RateUse[] | null): void => {
            worker.postMessage({ kind: 'rates', others } satisfies ToThread)
          }
          deps.onRates?.(message.uses).then(answer, () => {
            answer(null)
          })
          break
        }
        case 'token_uses':
          deps.onTokenUses?.(message.uses)
          break
        case 'done':
          pending.get(message.id)?.resolve(message.stats)
          pending.delete(message.id)
          break
      }
    })
    ended.catch((error: Error) => {
      if (state !== 'dead') die(error)
    })
  })
