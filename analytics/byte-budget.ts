// Bytes that ranges in work may hold, over all partitions. First come, first served; one that is larger than the whole
// budget goes alone. The first range of a partition never waits behind a later one of its own, so waiting always ends.
import { closedError } from './retry.ts'

export interface ByteBudget {
  acquire(bytes: number, signal: AbortSignal): Promise<void>
  release(bytes: number): void
  usedBytes(): number
}

interface Waiter {
  readonly bytes: number
  readonly admit: () => void
}

export const createByteBudget = (maxBytes: number): ByteBudget => {
  let used = 0
  const waiting: Waiter[] = []
  const admitWaiting = (): void => {
    while (waiting.length > 0 && (used === 0 || used + waiting[0].bytes <= maxBytes)) {
      const waiter = waiting.shift() as Waiter
      used += waiter.bytes
      waiter.admit()
    }
  }
  return {
    acquire: (bytes, signal) =>
      new Promise<void>((admitted, refused) => {
        if (signal.aborted) return refused(closedError())
        const onAbort = (): void => {
          waiting.splice(waiting.indexOf(waiter), 1)
          refused(closedError())
          admitWaiting()
        }
        const waiter: Waiter = {
          bytes,
          admit: () => {
            signal.removeEventListener('abort', onAbort)
            admitted()
          },
        }
        signal.addEventListener('abort', onAbort, { once: true })
        waiting.push(waiter)
        admitWaiting()
      }),
    release: (bytes) => {
      used -= bytes
      admitWaiting()
    },
    usedBytes: () => used,
  }
}
