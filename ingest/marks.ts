// A mark in every partition every 5 s while we listen: consumed, it proves that nothing received before it is still ahead.
// Time without marks extends deadlines, so a mark that fails is only counted.
import type { AppendLog } from './intake.ts'
import type { Metrics } from './metrics.ts'

export const MARK_INTERVAL_MS = 5_000
const LATE_MS = 4500

export interface Marks {
  /** Settles with the marks in flight. */ close(): Promise<void>
}

export const startMarks = (
  config: { readonly intervalMs: number },
  deps: { readonly log: AppendLog; readonly metrics: Metrics; readonly now: () => number },
): Marks => {
  const pending = new Map<number, Promise<void>>()
  const mark = async (partition: number): Promise<void> => {
    // The driver goes on for longer; whoever waits for an answer is refused by then.
    let isLate = false
    const late = setTimeout(() => {
      isLate = true
      deps.metrics.mark(false)
    }, LATE_MS)
    try {
      await deps.log.append({
        partition,
        envelope: {
          signal: 'mark',
          format: 'none',
          compression: 'identity',
          tenant: '',
          tokenId: '',
          receivedAtMs: deps.now(),
          recordCount: 0,
          inflatedBytes: 0,
          expandedBytes: 0,
          rejected: [],
          subject: '',
        },
        body: new Uint8Array(0),
      })
      deps.metrics.mark(true)
    } catch {
      if (!isLate) deps.metrics.mark(false)
    }
    clearTimeout(late)
    pending.delete(partition)
  }
  const markAll = (): void => {
    // One at a time per partition: a slow log gets no pile of marks.
    for (let partition = 0; partition < deps.log.partitions; partition++)
      if (!pending.has(partition)) pending.set(partition, mark(partition))
  }
  markAll()
  const timer = setInterval(markAll, config.intervalMs)
  return {
    close: async () => {
      clearInterval(timer)
      await Promise.all(pending.values())
    },
  }
}
