// What may leave the log: only what every group has committed, oldest first, a bounded number of messages at a time.
import { decodeEnvelope } from '../envelope.ts'
import { decodeState } from './layout.ts'
import type { Mark } from './layout.ts'
import type { Store, Versioned } from './store.ts'

export interface RetentionConfig {
  readonly partitions: number
  readonly groups: readonly string[]
}

export interface Retention {
  /** Stored bytes of all partitions. Reads the store. */
  usedBytes(): number
  /** Drops consumed messages, the oldest first, until at most `targetBytes` are stored or none is left; resolves to the bytes freed. */
  shrinkTo(targetBytes: number): Promise<number>
  /** Drops consumed messages received before `beforeMs`; resolves to the bytes freed. */
  expire(beforeMs: number): Promise<number>
}

const MESSAGES_PER_STEP = 256

export const createRetention = (config: RetentionConfig, store: Store): Retention => {
  const partitions = Array.from({ length: config.partitions }, (_, partition) => partition)

  /** Offset behind every group's commit; without a group nothing is consumed. */
  const floor = (partition: number, head: Mark, tail: Mark): number => {
    let lowest = config.groups.length === 0 ? head.offset : tail.offset
    for (const group of config.groups) {
      const state = store.state(group, partition)
      lowest = Math.min(lowest, state === null ? head.offset : decodeState(state).offset)
    }
    return lowest
  }

  const receivedAtMs = (partition: number, offset: number): number => {
    const entry = store.entry(partition, offset)
    return entry === null ? 0 : decodeEnvelope(entry.envelope).receivedAtMs
  }

  /** One step in one partition: from the head on while `wanted` says so. Null when nothing is to go. */
  const plan = (partition: number, wanted: (offset: number, freed: number) => boolean): { head: Versioned; next: Mark } | null => {
    const [head, tail] = [store.head(partition), store.tail(partition)]
    const limit = Math.min(floor(partition, head.mark, tail.mark), head.mark.offset + MESSAGES_PER_STEP)
    const before = (offset: number): number =>
      offset === tail.mark.offset ? tail.mark.before : (store.entry(partition, offset)?.before ?? head.mark.before)
    let next = head.mark.offset
    while (next < limit && wanted(next, before(next) - head.mark.before)) next += 1
    return next === head.mark.offset ? null : { head, next: { offset: next, before: before(next) } }
  }

  const drop = async (partition: number, wanted: (offset: number, freed: number) => boolean): Promise<number> => {
    store.refresh()
    const step = plan(partition, wanted)
    if (step === null) return 0
    const done = await store.advanceHead(partition, step.head, step.next)
    return done ? step.next.before - step.head.mark.before : 0
  }

  const usedBytes = (): number => {
    store.refresh()
    return partitions.reduce((sum, partition) => sum + store.tail(partition).mark.before - store.head(partition).mark.before, 0)
  }

  /** The partition whose oldest consumed message is the oldest of all. */
  const oldestConsumed = (): number | null => {
    store.refresh()
    let oldest: { partition: number; atMs: number } | null = null
    for (const partition of partitions) {
      const [head, tail] = [store.head(partition).mark, store.tail(partition).mark]
      if (floor(partition, head, tail) <= head.offset) continue
      const atMs = receivedAtMs(partition, head.offset)
      if (oldest === null || atMs < oldest.atMs) oldest = { partition, atMs }
    }
    return oldest?.partition ?? null
  }

  const shrinkTo = async (targetBytes: number): Promise<number> => {
    let total = 0
    for (;;) {
      const excess = usedBytes() - targetBytes
      const partition = excess > 0 ? oldestConsumed() : null
      if (partition === null) return total
      const freed = await drop(partition, (_, sum) => sum < excess)
      // Nothing freed: another thread trims at this moment and frees for us.
      if (freed === 0) return total
      total += freed
    }
  }

  const expire = async (beforeMs: number): Promise<number> => {
    let total = 0
    for (const partition of partitions) {
      for (;;) {
        const freed = await drop(partition, (offset) => receivedAtMs(partition, offset) < beforeMs)
        if (freed === 0) break
        total += freed
      }
    }
    return total
  }

  return { usedBytes, shrinkTo, expire }
}
