// Times as callers write them: RFC 3339 with a zone, or now and now-15m. One clock reading per request.
import { apiError } from './errors.ts'

const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }
/** What a nanosecond timestamp of 64 bits can hold, with room. */
const [FIRST_MS, LAST_MS] = [Date.UTC(1970, 0, 1), Date.UTC(2200, 0, 1)]

const parseTime = (name: string, text: string, nowMs: number): number => {
  const relative = /^now(?:-(\d{1,6})([smhd]))?$/.exec(text)
  const ms = relative !== null ? nowMs - (relative[1] === undefined ? 0 : Number(relative[1]) * UNIT_MS[relative[2]])
    : /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})$/.test(text) ? Date.parse(text) : Number.NaN
  if (Number.isNaN(ms)) throw apiError('BAD_TIME_RANGE', `${name} is not a time`, [{ path: name, code: 'invalid_time', message: 'RFC 3339 with a zone (2026-01-31T12:00:00Z) or now-15m' }])
  return Math.min(LAST_MS, Math.max(FIRST_MS, ms))
}

export const resolveRange = (from: string | undefined, to: string | undefined, nowMs: number, defaultMs = 3_600_000): { fromMs: number; toMs: number } => {
  const toMs = to === undefined ? nowMs : parseTime('to', to, nowMs)
  const fromMs = from === undefined ? Math.max(FIRST_MS, toMs - defaultMs) : parseTime('from', from, nowMs)
  if (fromMs > toMs) throw apiError('BAD_TIME_RANGE', 'from is after to')
  return { fromMs, toMs }
}
