// Which time a row is stored under: the record's, else the observed one, else when it was received; and when it is too far
// from the receive time to be believed. 64-bit times are two halves; comparing them as doubles is exact to 256 ns.
import type { Columns } from './columns.ts'

export interface Receipt {
  readonly low: number
  readonly high: number
  readonly earliestNs: number
  readonly latestNs: number
}

const HALF = 4294967296
/** Beyond it DateTime64 has no times. */
const MAX_HIGH = 0x7fffffff

export const createReceipt = (receivedAtMs: number, maxAheadMs: number, retentionMs: number): Receipt => {
  const ns = BigInt(Math.max(0, Math.floor(receivedAtMs))) * 1_000_000n
  return {
    low: Number(ns & 0xffffffffn),
    high: Number(ns >> 32n),
    earliestNs: Math.max(0, receivedAtMs - retentionMs) * 1e6,
    latestNs: (receivedAtMs + maxAheadMs) * 1e6,
  }
}

/** Attribute that keeps a time that was replaced, in decimal nanoseconds. */
export const ORIGINAL_TIMESTAMP = 'lapwing.original_timestamp'

/** Near enough to the receive time. */
export const isBelieved = (receipt: Receipt, low: number, high: number): boolean => {
  const ns = high * HALF + low
  return ns >= receipt.earliestNs && ns <= receipt.latestNs && high <= MAX_HIGH
}

/** True when the time was not believed: the caller then stores the original, the record's own time or else the observed one. */
export const putTimes = (
  columns: Columns,
  receipt: Receipt,
  low: number,
  high: number,
  observedLow: number,
  observedHigh: number,
): boolean => {
  const at = 2 * columns.rows
  const hasObserved = observedLow !== 0 || observedHigh !== 0
  const believesObserved = hasObserved && observedHigh <= MAX_HIGH
  columns.observed[at] = believesObserved ? observedLow : receipt.low
  columns.observed[at + 1] = believesObserved ? observedHigh : receipt.high
  const hasTime = low !== 0 || high !== 0
  const timeLow = hasTime ? low : observedLow
  const timeHigh = hasTime ? high : observedHigh
  const believed = isBelieved(receipt, timeLow, timeHigh)
  columns.time[at] = believed ? timeLow : receipt.low
  columns.time[at + 1] = believed ? timeHigh : receipt.high
  return !believed && (hasTime || hasObserved)
}

export const originalTime = (low: number, high: number, observedLow: number, observedHigh: number): string =>
  String(low !== 0 || high !== 0 ? joined(low, high) : joined(observedLow, observedHigh))
const joined = (low: number, high: number): bigint => (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0)
