// Which attributes are series: durations and sizes, told by the end of their name; and which stored texts are numbers.
// Both rules look at what is stored, so a recount of otel_logs by SQL (toFloat64OrNull, isFinite) gives the same.

/**
 * Measured are names that end in `duration`, `latency` or `elapsed`, with or without a unit behind it (`_ms`, `.seconds`, …),
 * in `_seconds`, or in the word `bytes` or `size`: `http.server.request.duration`, `duration_ms`, `elapsed_ms`,
 * `queue_latency`, `gc_pause_seconds`, `db.response.size`, `bytes`, `bodySize`. Not `resize`, `synthesize`.
 */
export const isMeasured = (name: string): boolean =>
  name.length <= 200 &&
  (/(?:duration|latency|elapsed)(?:[._-]?(?:ns|us|ms)|[._-](?:s|sec|seconds))?$/i.test(name) ||
    /[._-]seconds$|(?:^|[._-])(?:bytes|size)$|[a-z](?:Bytes|Size)$/.test(name))

const number = /^[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$/

/** Number that the stored text in [from, from + length) is; NaN for anything else and for what is not finite. */
export const numberAt = (buf: Buffer, from: number, length: number): number => {
  let value = 0
  let i = 0
  for (; i < length && i < 15; i++) {
    const digit = buf[from + i] - 48
    if (digit < 0 || digit > 9) break
    value = value * 10 + digit
  }
  if (i === length) return length === 0 ? Number.NaN : value
  // No number that a client means is longer.
  if (length > 400) return Number.NaN
  const text = buf.toString('latin1', from, from + length)
  const parsed = number.test(text) ? Number(text) : Number.NaN
  return Number.isFinite(parsed) ? parsed : Number.NaN
}
