// Which messages make one range: contiguous offsets of one partition, one INSERT, one receive day. Pure. A hole in the offsets
// (what retention has dropped, what is not ours) belongs to the range behind it, so that ranges follow each other without one.
// A recorded range is formed again from its offsets alone; the rules here only decide where a new one ends.
import { bodyLength } from './decode-contract.ts'
import type { LogMessage, OpenRange } from '../streams/contracts/consumer-group.ts'

export interface RangeLimits {
  readonly maxRecords: number
  readonly maxExpandedBytes: number
  readonly maxMessages: number
}
export const RANGE_LIMITS: RangeLimits = { maxRecords: 400_000, maxExpandedBytes: 32 * 1024 * 1024, maxMessages: 50_000 }

export interface Range extends OpenRange {
  readonly partition: number
  /** Days since 1970-01-01 UTC of the first message's receive time: the day of every row. */
  readonly receiveDay: number
  readonly messages: readonly LogMessage[]
  readonly records: number
  /** What the range may cost in memory: the larger of stored and expanded size, summed. */
  readonly cost: number
}

const DAY_MS = 86_400_000
const MESSAGE_OVERHEAD = 256

export const receiveDayOf = (receivedAtMs: number): number => Math.floor(receivedAtMs / DAY_MS)
const costOf = (message: LogMessage): number => Math.max(message.envelope.expandedBytes, bodyLength(message)) + MESSAGE_OVERHEAD

export interface RangeFormer {
  /** False when the message belongs to a later range; the first message always fits. */
  add(message: LogMessage): boolean
  isEmpty(): boolean
  isFull(): boolean
  /** Hands over what was gathered and starts anew. Must hold at least one message. `first`: where the range before it has ended. */
  take(first?: number): Range
}

export const createRangeFormer = (partition: number, limits: RangeLimits = RANGE_LIMITS): RangeFormer => {
  let messages: LogMessage[] = []
  let records = 0
  let cost = 0

  const fits = (message: LogMessage): boolean => {
    const first = messages[0]
    if (first === undefined) return true
    return (
      receiveDayOf(message.envelope.receivedAtMs) <= receiveDayOf(first.envelope.receivedAtMs) &&
      records + message.envelope.recordCount < limits.maxRecords &&
      cost + costOf(message) < limits.maxExpandedBytes &&
      messages.length < limits.maxMessages
    )
  }

  return {
    add: (message) => {
      if (!fits(message)) return false
      messages.push(message)
      records += message.envelope.recordCount
      cost += costOf(message)
      return true
    },
    isEmpty: () => messages.length === 0,
    isFull: () => records >= limits.maxRecords || cost >= limits.maxExpandedBytes || messages.length >= limits.maxMessages,
    take: (first) => {
      const range = toRange(partition, messages, first)
      messages = []
      records = 0
      cost = 0
      return range
    },
  }
}

/** @param messages ascending, at least one. */
export const toRange = (partition: number, messages: readonly LogMessage[], first = messages[0].offset): Range => ({
  partition,
  first,
  last: messages[messages.length - 1].offset,
  receiveDay: receiveDayOf(messages[0].envelope.receivedAtMs),
  messages,
  records: messages.reduce((sum, message) => sum + message.envelope.recordCount, 0),
  cost: messages.reduce((sum, message) => sum + costOf(message), 0),
})

/** The linger that keeps a process with this many partitions at four ranges a second or fewer, from 1 s to 5 s. */
export const lingerMsFor = (partitions: number): number => Math.min(5000, Math.max(1000, partitions * 250))

/** The deduplication token of a range; a retry that found it absent adds ":2", ":3", … */
export const rangeToken = (logId: string, range: { readonly partition: number } & OpenRange): string =>
  `${logId}:${range.partition}:${range.first}-${range.last}`
