// Bytes of logs that tokens with a daily cap have sent: counted where they come in, added up where all processes look.

/** The UTC day that a cap counts in, such as 2026-01-31. */
export const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10)

const DAY_MS = 86_400_000
/** When the next one begins, in Unix milliseconds. */
export const nextDayMs = (ms: number): number => (Math.floor(ms / DAY_MS) + 1) * DAY_MS

/** Bytes since the last report; `day` is such a day. May be negative: bytes that were not stored after all. */
export interface LogBytesUse {
  readonly tenant: string
  readonly tokenId: string
  readonly day: string
  readonly bytes: number
}
/** Of all processes. */
export interface LogBytesTotal {
  readonly tokenId: string
  readonly day: string
  readonly bytes: number
}
