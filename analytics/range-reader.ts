// Messages of one partition → ranges, in order. Reads in bounded pieces; holds at most one piece and one range that forms.
import type { Assignment, LogMessage, OpenRange } from '../streams/contracts/consumer-group.ts'
import { PermanentError } from '../streams/contracts/errors.ts'
import type { Range, RangeLimits } from './ranges.ts'
import { createRangeFormer, toRange } from './ranges.ts'
import { pause } from './retry.ts'

export interface RangeReaderConfig {
  readonly partition: number
  readonly from: number
  readonly lingerMs: number
  readonly limits: RangeLimits
  readonly readMaxBytes: number
}

export interface RangeReader {
  /** The next range; null once `signal` fired and nothing is left in hand. Rejects when the log does: call again. */
  next(signal: AbortSignal): Promise<Range | null>
  /** The messages of a range that was recorded, as far as the log still has them; null when it has none. */
  reform(open: OpenRange): Promise<Range | null>
  /** The last read met the end and nothing is in hand. */
  isAtEnd(): boolean
}

const READ_MAX_MESSAGES = 10_000
const WAIT_MS = 250
/** A range that forms gains nothing from waking for every message. */
const GATHER_MS = 100

export const createRangeReader = (config: RangeReaderConfig, source: Pick<Assignment, 'read' | 'waitFor'>): RangeReader => {
  const { partition } = config
  const former = createRangeFormer(partition, config.limits)
  let piece: readonly LogMessage[] = []
  let used = 0
  let nextOffset = config.from
  /** Behind the range that was formed last. */
  let formedTo = config.from
  let atEnd = false
  let closesAt = Infinity

  const refill = async (): Promise<void> => {
    piece = await source.read({ from: nextOffset, maxBytes: config.readMaxBytes, maxMessages: READ_MAX_MESSAGES })
    used = 0
    atEnd = piece.length === 0
    if (piece.length > 0) nextOffset = piece[piece.length - 1].offset + 1
  }

  /** True when the range must close because the next message does not fit. */
  const gather = (): boolean => {
    for (; used < piece.length; used += 1) {
      if (!former.add(piece[used])) return true
      if (closesAt === Infinity) closesAt = performance.now() + config.lingerMs
    }
    return former.isFull()
  }

  /** Ends early when the signal fires; leaves no listener behind. */
  const waitForMore = (timeoutMs: number, signal: AbortSignal): Promise<void> =>
    new Promise<void>((resolve, reject) => {
      const stopped = (): void => resolve()
      signal.addEventListener('abort', stopped, { once: true })
      source
        .waitFor(nextOffset, timeoutMs)
        .then(resolve, reject)
        .finally(() => signal.removeEventListener('abort', stopped))
    })

  const take = (): Range => {
    closesAt = Infinity
    const range = former.take(formedTo)
    formedTo = range.last + 1
    return range
  }

  return {
    next: async (signal) => {
      for (;;) {
        if (gather()) return take()
        if (signal.aborted) return former.isEmpty() ? null : take()
        const leftMs = closesAt - performance.now()
        if (leftMs <= 0) return take()
        await refill()
        if (atEnd && former.isEmpty()) await waitForMore(WAIT_MS, signal)
        else if (atEnd) await pause(Math.min(GATHER_MS, Math.max(1, leftMs)), signal)
      }
    },
    reform: async (open) => {
      const messages: LogMessage[] = []
      for (let from = open.first; from <= open.last;) {
        const more = await source.read({ from, maxBytes: config.readMaxBytes, maxMessages: open.last - from + 1 })
        if (more.length === 0)
          throw new PermanentError('LOG_CORRUPT', `partition ${partition} ends before ${open.last}, the end of a recorded range`)
        messages.push(...more.filter((message) => message.offset <= open.last))
        from = more[more.length - 1].offset + 1
      }
      nextOffset = formedTo = open.last + 1
      return messages.length === 0 ? null : { ...toRange(partition, messages), ...open }
    },
    isAtEnd: () => atEnd && former.isEmpty() && used >= piece.length,
  }
}
