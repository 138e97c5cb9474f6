// The times that JSON logs carry → Unix nanoseconds: RFC 3339 with any fraction, and numbers whose size tells their unit.

const NANOS_PER_MS = 1_000_000n
/** What 64 bits of nanoseconds reach (1677 to 2262); beyond it the value stays an attribute. */
const MAX_MS = 9_223_372_036_000

const rfc3339 = /^(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}:\d{2})(?:[.,](\d{1,12}))?\s?(Z|z|[+-]\d{2}:?\d{2})?$/

const fromText = (text: string): bigint | null => {
  const match = rfc3339.exec(text)
  if (match === null) {
    if (/^-?\d{1,19}$/.test(text)) return fromInteger(BigInt(text))
    const ms = /^-?\d+\.\d+$/.test(text) ? Number(text) * 1000 : text.length < 64 && /[A-Za-z:-]/.test(text) ? Date.parse(text) : Number.NaN
    return Math.abs(ms) < MAX_MS ? BigInt(Math.round(ms * 1000)) * 1000n : null
  }
  const zone = (match[4] ?? 'Z').toUpperCase()
  const ms = Date.parse(`${match[1]}T${match[2]}${zone.length === 5 ? `${zone.slice(0, 3)}:${zone.slice(3)}` : zone}`)
  if (!(Math.abs(ms) < MAX_MS)) return null
  return BigInt(ms) * NANOS_PER_MS + BigInt((match[3] ?? '').padEnd(9, '0').slice(0, 9))
}

/** Seconds, milliseconds, microseconds or nanoseconds: whichever lies in 1973 to 5138 as such. */
const fromInteger = (value: bigint): bigint | null => {
  const size = value < 0n ? -value : value
  if (size < 100_000_000_000n) return size * 1000n < MAX_MS ? value * 1_000_000_000n : null
  if (size < 100_000_000_000_000n && size >= MAX_MS) return null
  if (size < 100_000_000_000_000n) return value * 1_000_000n
  if (size < 100_000_000_000_000_000n) return value * 1000n
  return size < 1n << 63n ? value : null
}

/** null when it is no time. A fraction of a second keeps microseconds, the precision a double has left. */
export const toNanos = (value: unknown): bigint | null => {
  if (typeof value === 'string') return fromText(value.trim())
  if (typeof value === 'bigint') return fromInteger(value)
  if (typeof value !== 'number' || !Number.isFinite(value)) return null
  if (Number.isInteger(value)) return fromInteger(BigInt(value))
  if (Math.abs(value) < 9e9) return BigInt(Math.round(value * 1e6)) * 1000n
  return Math.abs(value) >= 1e11 && Math.abs(value) < 9e12
    ? BigInt(Math.round(value * 1000)) * 1000n
    : fromInteger(BigInt(Math.round(value)))
}
