// One partition, in order: form a range → record it durably → store it → run its signals → commit the contiguous prefix.
// At most four ranges are open. Nothing is sent before its intent is durable, nothing is committed before it is stored.
// How often a process ended with a range at work is durable before that range is worked on again.
import type { EventLog, OpenRange } from '../streams/contracts/event-log.ts'
import type { EffectPorts } from './alert-effects.ts'
import type { ByteBudget } from './byte-budget.ts'
import type { Progress } from './marks.ts'
import { decodeNote, encodeNote } from './note.ts'
import { runEffects } from './range-effects.ts'
import { createRangeReader } from './range-reader.ts'
import type { RangeReader } from './range-reader.ts'
import type { Range, RangeLimits } from './ranges.ts'
import type { Log, Retry } from './retry.ts'
import { isLogClosed, untilDone } from './retry.ts'
import type { RangeHistory, StoredRange, StorePorts } from './store-range.ts'
import { storeRange } from './store-range.ts'

export const MAX_OPEN_RANGES = 4
/** After as many the range's messages are decoded one at a time in a process of their own. */
const CAREFUL_AFTER_DEATHS = 3

export interface PartitionConfig {
  readonly group: string
  readonly partition: number
  readonly lingerMs: number
  readonly limits: RangeLimits
  readonly readMaxBytes: number
}

export interface PartitionDeps {
  readonly log: Pick<EventLog, 'read' | 'waitFor' | 'state' | 'commit'>
  readonly store: StorePorts
  readonly effects: EffectPorts
  readonly budget: ByteBudget
  /** Runs effects of all partitions one after the other. */
  readonly serially: <T>(work: () => Promise<T>) => Promise<T>
  /** Progress of every partition; this consumer sets its own. */
  readonly progress: Progress[]
  readonly afterCommit: (range: Range, stored: StoredRange) => void
  readonly retry: (what: string, partition: number) => Retry
  readonly logger: Log
}

interface Slot { readonly range: Range; stored: Promise<StoredRange> }
interface Opened extends OpenRange { readonly deaths: number }

export interface PartitionConsumer {
  /** Ends when `stop` fired and what was in hand is committed, or when retries are given up. */
  run(stop: AbortSignal): Promise<void>
  caughtUp(): boolean
  openRanges(): readonly OpenRange[]
  committedOffset(): number
}

export const createPartitionConsumer = (config: PartitionConfig, deps: PartitionDeps): PartitionConsumer => {
  const { group, partition } = config
  const slots: Slot[] = []
  /** What is durably open, or will be with the next record: may be more than what is at work after a restart. */
  let open: Opened[] = []
  let reader: RangeReader | null = null
  let offset = 0
  /** A range is formed and not yet at work. */
  let isForming = false
  let committing: Promise<void> = Promise.resolve()
  let finished: Promise<void> = Promise.resolve()
  let slotFreed = Promise.withResolvers<void>()

  const write = (isClosed: boolean): Promise<void> => deps.log.commit(group, partition, {
    offset,
    open: open.map(({ first, last }) => ({ first, last })),
    note: encodeNote({ progress: deps.progress[partition], deaths: open.map(({ deaths }) => deaths), isClosed }),
  })

  /** Writes what is true at its turn: an intent and a commit never overtake each other. */
  const record = (): Promise<void> => {
    committing = committing.then(() => untilDone(() => write(false), deps.retry('commit', partition)))
    return committing
  }

  const finish = async (slot: Slot): Promise<void> => {
    const stored = await slot.stored
    if (stored.signals.events.length > 0) {
      await untilDone(() => deps.serially(async () => {
        deps.progress[partition] = await runEffects(partition, stored.signals, deps.progress, deps.effects)
      }), deps.retry('effects', partition))
    }
    slots.shift()
    open = open.slice(1)
    offset = slot.range.last + 1
    await record()
    deps.budget.release(slot.range.cost)
    deps.afterCommit(slot.range, stored)
    slotFreed.resolve()
    slotFreed = Promise.withResolvers()
  }

  const start = (range: Range, how: RangeHistory, recorded: Promise<void>): void => {
    const stored = recorded.then(() => storeRange(range, how, deps.store, deps.retry('store', partition)))
    const slot = { range, stored }
    slots.push(slot)
    stored.catch(() => undefined)
    finished = finished.then(() => finish(slot))
    finished.catch(() => undefined)
  }

  const roomForRange = async (): Promise<void> => {
    while (slots.length >= MAX_OPEN_RANGES) await Promise.race([slotFreed.promise, finished])
  }

  const recover = async (): Promise<RangeReader> => {
    const state = await untilDone(() => deps.log.state(group, partition), deps.retry('state', partition))
    offset = state.offset
    const note = decodeNote(state.note)
    deps.progress[partition] = note.progress
    const opened = createRangeReader({ ...config, from: offset }, deps.log)
    const retry = deps.retry('reform', partition)
    open = state.open.map((range, at) => ({ ...range, deaths: (note.deaths[at] ?? 0) + (note.isClosed ? 0 : 1) }))
    if (open.length > 0) {
      deps.logger.info({ partition, open }, 'replaying open ranges')
      await record()
    }
    for (const recorded of open) {
      const range = await untilDone(() => opened.reform(recorded), retry)
      await deps.budget.acquire(range.cost, retry.signal)
      start(range, { isReplay: true, isCareful: recorded.deaths >= CAREFUL_AFTER_DEATHS }, Promise.resolve())
    }
    return opened
  }

  const consume = async (stop: AbortSignal): Promise<void> => {
    const source = await recover()
    reader = source
    for (;;) {
      await roomForRange()
      const range = await untilDone(() => source.next(stop), deps.retry('read', partition))
      if (range === null) break
      isForming = true
      const retry = deps.retry('budget', partition)
      await deps.budget.acquire(range.cost, retry.signal)
      const intent = Promise.withResolvers<void>()
      start(range, { isReplay: false, isCareful: false }, intent.promise)
      open = [...open, { first: range.first, last: range.last, deaths: 0 }]
      isForming = false
      record().then(intent.resolve, intent.reject)
      await intent.promise
    }
    await finished
  }

  /** What stays open was not cut off by a death of this process. */
  const leave = async (): Promise<void> => {
    await committing.catch(() => undefined)
    if (open.length > 0) await write(true).catch((error: unknown) => deps.logger.warn({ partition, error }, 'clean end not recorded'))
  }

  return {
    run: async (stop) => {
      try {
        await consume(stop)
      } catch (error) {
        if (!isLogClosed(error)) deps.logger.error({ partition, error }, 'partition stopped')
      }
      await leave()
    },
    caughtUp: () => reader !== null && slots.length === 0 && !isForming && reader.isAtEnd(),
    openRanges: () => open,
    committedOffset: () => offset,
  }
}
