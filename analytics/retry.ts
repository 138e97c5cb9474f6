// Waiting and trying again until it works or the consumer closes. What is tried must be safe to repeat.
import { setTimeout as sleep } from 'node:timers/promises'
import { PermanentError, TransientError } from '../streams/contracts/errors.ts'

export interface Log {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

export interface Retry {
  readonly minMs: number
  readonly maxMs: number
  readonly signal: AbortSignal
  readonly onFailure: (error: unknown, attempt: number) => void
}

export const closedError = (): TransientError => new TransientError('LOG_CLOSED', 'the consumer is closing')

/** Resolves after `ms`, or at once when the signal fires. */
export const pause = async (ms: number, signal: AbortSignal): Promise<void> => {
  if (signal.aborted) return
  await sleep(ms, undefined, { signal }).catch(() => undefined)
}

export const backoffMs = (attempt: number, minMs: number, maxMs: number): number => Math.min(maxMs, minMs * 2 ** Math.min(attempt - 1, 20))

export const isLogClosed = (error: unknown): boolean =>
  (error instanceof TransientError || error instanceof PermanentError) && error.code === 'LOG_CLOSED'
/** Another member has the partition: what this one still has of it must stay undone. */
export const isFenced = (error: unknown): boolean => error instanceof PermanentError && error.code === 'FENCED'

/** Repeats `attempt` with backoff until it resolves. @throws TransientError LOG_CLOSED once the signal fired; PermanentError FENCED at once. */
export const untilDone = async <T>(attempt: (count: number) => Promise<T>, retry: Retry): Promise<T> => {
  for (let count = 1; ; count += 1) {
    if (retry.signal.aborted) throw closedError()
    try {
      return await attempt(count)
    } catch (error) {
      if (isFenced(error)) throw error
      if (retry.signal.aborted || isLogClosed(error)) throw closedError()
      retry.onFailure(error, count)
      await pause(backoffMs(count, retry.minMs, retry.maxMs), retry.signal)
    }
  }
}
