// Who waits for new messages. While somebody waits, the ends of the partitions are polled (another thread may append);
// with nobody waiting no timer runs.

export interface Waiters {
  wait(partition: number, from: number, timeoutMs: number): Promise<void>
  /** Looks now: called after this instance's own appends. */
  wake(): void
  close(): void
}

interface Waiter {
  readonly partition: number
  readonly from: number
  readonly deadlineMs: number
  readonly resolve: () => void
}

const MIN_POLL_MS = 10
/** Looked at less and less often while nothing comes: always at the shortest interval took 1 % of a core for nothing. */
const MAX_POLL_MS = 50
const SLOWER = 1.1

/** `ends` gives the next offset of a partition as other threads have committed it; `refresh` is called once before a round. */
export const createWaiters = (ends: { refresh(): void; end(partition: number): number }): Waiters => {
  let waiting: Waiter[] = []
  let timer: NodeJS.Timeout | null = null
  let pollMs = MIN_POLL_MS

  const look = (): void => {
    if (waiting.length === 0) return
    ends.refresh()
    const now = performance.now()
    const still: Waiter[] = []
    for (const waiter of waiting) {
      if (ends.end(waiter.partition) > waiter.from) {
        pollMs = MIN_POLL_MS
        waiter.resolve()
      } else if (now >= waiter.deadlineMs) waiter.resolve()
      else still.push(waiter)
    }
    waiting = still
  }

  const poll = (): void => {
    timer = null
    pollMs = Math.min(MAX_POLL_MS, pollMs * SLOWER)
    look()
    schedule()
  }

  const schedule = (): void => {
    if (timer !== null || waiting.length === 0) return
    const nextDeadlineMs = Math.min(...waiting.map(({ deadlineMs }) => deadlineMs)) - performance.now()
    timer = setTimeout(poll, Math.max(1, Math.min(pollMs, Math.ceil(nextDeadlineMs))))
  }

  return {
    wait: (partition, from, timeoutMs) =>
      new Promise((resolve) => {
        waiting.push({ partition, from, deadlineMs: performance.now() + timeoutMs, resolve })
        look()
        schedule()
      }),
    wake: look,
    close: () => {
      if (timer !== null) clearTimeout(timer)
      timer = null
      for (const { resolve } of waiting) resolve()
      waiting = []
    },
  }
}
