// One partition, in order, for as long as the group gives it to us: form a range → record it durably → store it → run its
// signals → commit the contiguous prefix. At most four ranges are open. Nothing is sent before its intent is durable, nothing
// is committed before it is stored. Taken away, what is in hand is finished; fenced, it is abandoned where it stands.
// How often a process ended with a range at work is durable before that range is worked on again.
import type { Assignment, OpenRange } from '../streams/contracts/consumer-group.ts'
import { packRange, unpackRange } from '../streams/contracts/open-range.ts'
import type { EffectPorts } from './alert-effects.ts'
import type { ByteBudget } from './byte-budget.ts'
import { decodeNote, encodeNote } from './note.ts'
import type { GroupProgress } from './progress.ts'
import { runEffects } from './range-effects.ts'
import { createRangeReader } from './range-reader.ts'
import type { RangeReader } from './range-reader.ts'
import type { Range, RangeLimits } from './ranges.ts'
import type { Log, Retry } from './retry.ts'
import { isFenced, isLogClosed, untilDone } from './retry.ts'
import type { RangeHistory, StoredRange, StorePorts } from './store-range.ts'
import { storeRange } from './store-range.ts'

export const MAX_OPEN_RANGES = 4
/** After as many the range's messages are decoded one at a time in a process of their own. */
const CAREFUL_AFTER_DEATHS = 3

export interface PartitionConfig {
  readonly lingerMs: number
  readonly limits: RangeLimits
  readonly readMaxBytes: number
  /** How long what is in hand may take to be finished once the partition is lost. */
  readonly handOverMs: number
}

export interface PartitionDeps {
  readonly assignment: Assignment
  readonly store: StorePorts
  readonly effects: EffectPorts
  readonly budget: ByteBudget
  /** Runs effects of all partitions one after the other. */
  readonly serially: <T>(work: () => Promise<T>) => Promise<T>
  readonly progress: GroupProgress
  readonly afterCommit: (range: Range, stored: StoredRange) => void
  readonly retry: (what: string, partition: number, signal: AbortSignal) => Retry
  readonly logger: Log
}

interface Slot {
  readonly range: Range
  stored: Promise<StoredRange>
}
interface Opened extends OpenRange {
  readonly deaths: number
}

export interface PartitionConsumer {
  /** Ends when the partition is lost and what was in hand is committed, or when that is given up: nothing is in flight then. */
  run(): Promise<void>
  caughtUp(): boolean
  openRanges(): readonly OpenRange[]
}

export const createPartitionConsumer = (config: PartitionConfig, deps: PartitionDeps): PartitionConsumer => {
  const { assignment } = deps
  const { partition } = assignment
  /** Fires when nothing of this assignment may have an effect any more. */
  const abandoned = new AbortController()
  const retryOf = (what: string): Retry => deps.retry(what, partition, abandoned.signal)
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

  const write = (isClosed: boolean): Promise<void> =>
    assignment.commit({
      offset,
      open: open.map((range) => unpackRange(packRange(range))),
      note: encodeNote({ progress: deps.progress.all[partition], deaths: open.map(({ deaths }) => deaths), isClosed }),
    })

  /** Writes what is true at its turn: an intent and a commit never overtake each other. */
  const record = (): Promise<void> => {
    committing = committing.then(() => untilDone(() => write(false), retryOf('commit')))
    return committing
  }

  const finish = async (slot: Slot): Promise<void> => {
    const stored = await slot.stored
    if (stored.signals.events.length > 0) {
      await untilDone(
        () =>
          deps.serially(async () => {
            await deps.progress.learn()
            deps.progress.all[partition] = await runEffects(partition, stored.signals, deps.progress.all, deps.effects)
          }),
        retryOf('effects'),
      )
    }
    slots.shift()
    open = open.slice(1)
    offset = slot.range.last + 1
    await record().finally(() => {
      deps.budget.release(slot.range.cost)
    })
    deps.afterCommit(slot.range, stored)
    slotFreed.resolve()
    slotFreed = Promise.withResolvers()
  }

  const start = (range: Range, how: RangeHistory, recorded: Promise<void>): void => {
    const stored = recorded.then(() => storeRange(range, how, deps.store, retryOf('store')))
    const slot = { range, stored }
    slots.push(slot)
    stored.catch(() => undefined)
    finished = finished.then(() => finish(slot))
    // Behind what could not be finished nothing is begun.
    finished.catch(() => {
      abandoned.abort()
    })
  }

  /** What is recorded with a range holds, however many shards there are by now. */
  const toOpened = (range: OpenRange, deaths: number): Opened => {
    const shard = range.shard ?? deps.store.clickhouse.shardOf?.(partition) ?? null
    return { ...range, ...(shard === null ? {} : { shard }), deaths }
  }
  /** A log that was read into a cluster may be read into one server later. */
  const shardOf = ({ shard }: OpenRange): number | null =>
    (deps.store.clickhouse.shardOf?.(partition) ?? null) === null ? null : (shard ?? null)

  const roomForRange = async (): Promise<void> => {
    while (slots.length >= MAX_OPEN_RANGES) await Promise.race([slotFreed.promise, finished])
  }

  const recover = async (): Promise<RangeReader> => {
    const state = await untilDone(() => assignment.state(), retryOf('state'))
    offset = state.offset
    const note = decodeNote(state.note)
    deps.progress.all[partition] = note.progress
    const opened = createRangeReader({ ...config, partition, from: offset }, assignment)
    const retry = retryOf('reform')
    open = state.open.map((range, at) => toOpened(range, (note.deaths[at] ?? 0) + (note.isClosed ? 0 : 1)))
    if (open.length > 0) {
      deps.logger.info({ partition, open }, 'replaying open ranges')
      await record()
    }
    for (const recorded of open) {
      const range = await untilDone(() => opened.reform(recorded), retry)
      if (range === null || range.messages[0].offset > recorded.first)
        deps.logger.error({ partition, range: recorded }, 'messages of a recorded range are gone from the log')
      // Retention drops from the front: before such a range none is at work.
      if (range === null) {
        open = open.slice(1)
        offset = recorded.last + 1
        continue
      }
      await deps.budget.acquire(range.cost, retry.signal)
      start(range, { isReplay: true, isCareful: recorded.deaths >= CAREFUL_AFTER_DEATHS, shard: shardOf(recorded) }, Promise.resolve())
    }
    return opened
  }

  const consume = async (): Promise<void> => {
    const stop = AbortSignal.any([assignment.lost, abandoned.signal])
    const source = await recover()
    reader = source
    for (;;) {
      await roomForRange()
      const range = await untilDone(() => source.next(stop), retryOf('read'))
      if (range === null) break
      isForming = true
      const retry = retryOf('budget')
      await deps.budget.acquire(range.cost, retry.signal)
      const intent = Promise.withResolvers<void>()
      const intended = toOpened({ first: range.first, last: range.last }, 0)
      start(range, { isReplay: false, isCareful: false, shard: shardOf(intended) }, intent.promise)
      open = [...open, intended]
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

  /** What was not finished gives its memory back once nothing works on it. */
  const abandon = async (): Promise<void> => {
    abandoned.abort()
    await Promise.allSettled(slots.map((slot) => slot.stored))
    for (const slot of slots.splice(0)) deps.budget.release(slot.range.cost)
  }

  /** From the moment that the partition is lost, time is short. */
  const startHandOver = (): void => {
    setTimeout(() => {
      abandoned.abort()
    }, config.handOverMs).unref()
  }

  return {
    run: async () => {
      let fenced = false
      assignment.lost.addEventListener('abort', startHandOver, { once: true })
      try {
        await consume()
      } catch (error) {
        fenced = isFenced(error)
        if (fenced) deps.logger.warn({ partition }, 'partition taken over by another member')
        else if (!isLogClosed(error)) deps.logger.error({ partition, error }, 'partition stopped')
      }
      await abandon()
      if (!fenced) await leave()
    },
    caughtUp: () => reader !== null && slots.length === 0 && !isForming && reader.isAtEnd(),
    openRanges: () => open,
  }
}
