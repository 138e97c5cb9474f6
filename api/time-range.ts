// Times as callers write them: RFC 3339 with a zone, now and now-15m, or a Unix time. One clock reading per request.
import { apiError, type FieldError } from './errors.ts'
import { toInstant } from './instant.ts'

const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }
/** What a nanosecond timestamp of 64 bits can hold, with room. */
const [FIRST_MS, LAST_MS] = [Date.UTC(1970, 0, 1), Date.UTC(2200, 0, 1)]
/** Records that are further ahead are stored at the time at which they came. */
const AHEAD_MS = 86_400_000

/** By its number of digits a Unix time is in seconds, milliseconds, microseconds or nanoseconds. */
const toUnixMs = (digits: string): number =>
  Math.floor(Number(digits) * (digits.length <= 11 ? 1000 : digits.length <= 14 ? 1 : digits.length <= 17 ? 1e-3 : 1e-6))

const refuse = (message: string, nowMs: number, fields?: readonly FieldError[]): Error =>
  apiError('BAD_TIME_RANGE', message, fields, { server_time: new Date(nowMs).toISOString() })

/** @throws ApiError BAD_TIME_RANGE that speaks of `name`. */
export const parseTime = (name: string, text: string, nowMs: number): number => {
  const relative = /^now(?:-(\d{1,6})([smhd]))?$/.exec(text)
  const ms =
    relative !== null
      ? nowMs - (relative[1] === undefined ? 0 : Number(relative[1]) * UNIT_MS[relative[2]])
      : /^\d{9,20}$/.test(text)
        ? toUnixMs(text)
        : toInstant(text)
  if (Number.isNaN(ms))
    throw refuse(`${name} is not a time`, nowMs, [
      {
        path: name,
        code: 'invalid_time',
        message: 'RFC 3339 with a zone (2026-01-31T12:00:00Z), now-15m, or a Unix time',
        example: `${name}=now-1h`,
      },
    ])
  return Math.min(LAST_MS, Math.max(FIRST_MS, ms))
}

/** @throws ApiError BAD_TIME_RANGE, with the time that it is here: what is wrong is often a clock. */
export const resolveRange = (
  from: string | undefined,
  to: string | undefined,
  nowMs: number,
  defaultMs = 3_600_000,
): { fromMs: number; toMs: number } => {
  const toMs = to === undefined ? nowMs : parseTime('to', to, nowMs)
  const fromMs = from === undefined ? Math.max(FIRST_MS, toMs - defaultMs) : parseTime('from', from, nowMs)
  if (fromMs > nowMs + AHEAD_MS) throw refuse('from is in the future', nowMs)
  if (fromMs > toMs) throw refuse('from is after to', nowMs)
  return { fromMs, toMs }
}
