// A body's template: its bytes with what varies masked, as a 64-bit hash and, when asked for, as text. Masked are words that
// begin with a digit, words of hex digits (with a digit in them, or 8 and longer), words from 0x, words with several runs of
// digits, what is joined to one of these (times, addresses, UUIDs, versions, lists), names of days and months in dates, digits
// inside other words, and quoted text.
// Not masked: keys of JSON bodies, and quoted text that is the message itself (`msg="…"`, `"error":"…"`).
// Only the first 1,024 bytes count. Stable: hashes are stored and compared across versions.

/** Of a template; never 0, which stands for "others". */
export interface TemplateHash {
  low: number
  high: number
}
export const MASKED_NUMBER = 0
export const MASKED_QUOTE = 1
export const MASKED_SIGN = 2

export const MAX_HASHED_BYTES = 1024

/** Class of each byte: 0 separator, QUOTE, and bits of words: HEX_LETTER, LETTER (also every byte of non-ASCII text), DIGIT. */
const QUOTE = 1
const WORD = 2
const HEX_LETTER = 2
const LETTER = 4
const DIGIT = 8
const CLASS = Uint8Array.from({ length: 256 }, (_, byte) => {
  const char = String.fromCharCode(byte)
  if (byte >= 128) return LETTER
  if (/[0-9]/.test(char)) return DIGIT
  if (/[a-fA-F]/.test(char)) return HEX_LETTER
  if (/[g-zG-Z_]/.test(char)) return LETTER
  return /["'`]/.test(char) ? QUOTE : 0
})
/** What joins numbers to one: 3.5, 12:30, 1/2, 1,000, 2026-01-01, +01:00. */
const JOINS = Uint8Array.from({ length: 256 }, (_, byte) => ('.:-/,+'.includes(String.fromCharCode(byte)) ? 1 : 0))
/** What stands in for a masked number or word, for digits within a word, and for quoted text: no bytes of UTF-8. */
const NUMBER = 0xf8
const QUOTED = 0xf9
const HYPHEN = 0x2d
const COLON = 0x3a
const EQUALS = 0x3d
const BACKSLASH = 0x5c
const BRACE = 0x7b
const SPACE = 0x20
const UNDERSCORE = 0x5f
const MIN_HEX = 8

/** What a word adds: both of its lanes, or the mark of a number. */
const fold = (state: number, value: number, factor: number): number => {
  const mixed = Math.imul(state ^ value, factor)
  return mixed ^ (mixed >>> 15)
}
const A = 0x01000193
const B = 0x5bd1e995

const closingQuote = (buf: Uint8Array, at: number, end: number): number => {
  const quote = buf[at]
  // Of text that was quoted twice, both ends are escaped.
  const mayBeEscaped = buf[at - 1] === BACKSLASH
  for (let i = at + 1; i < end; i++) if (buf[i] === quote && (mayBeEscaped || buf[i - 1] !== BACKSLASH)) return i
  return -1
}

const MAX_KEY = 11
const keyHash = (hash: number, byte: number): number => Math.imul(hash ^ (byte | 32), B)
/** Names under which structured logs keep the message. Hashed from their last letter on. */
const MESSAGE_KEYS = new Set(
  ['msg', 'message', 'event', 'error', 'err', 'log', 'reason', 'text', 'body', 'exception', 'detail', 'description'].map((name) =>
    [...name].reduceRight((hash, char) => keyHash(hash, char.charCodeAt(0)), 0),
  ),
)

/** Whether what is quoted from `at` on has a key before it that says: this is the message. */
const isMessage = (buf: Uint8Array, from: number, at: number): boolean => {
  let i = at - 1
  while (i > from && buf[i] === SPACE) i--
  if (i <= from || (buf[i] !== COLON && buf[i] !== EQUALS)) return false
  i--
  while (i > from && (buf[i] === SPACE || CLASS[buf[i]] === QUOTE)) i--
  let hash = 0
  const least = Math.max(from, i - MAX_KEY)
  for (; i >= least && CLASS[buf[i]] >= WORD; i--) hash = keyHash(hash, buf[i])
  return MESSAGE_KEYS.has(hash)
}
const isKey = (buf: Uint8Array, closing: number, end: number): boolean => {
  let i = closing + 1
  while (i < end && buf[i] === SPACE) i++
  return i < end && buf[i] === COLON
}

/** Names of things are put together with underscores, ids seldom. */
const hasUnderscore = (buf: Uint8Array, from: number, to: number): boolean => {
  for (let i = from; i < to; i++) if (buf[i] === UNDERSCORE) return true
  return false
}

const AFTER_CAPITALS = 0x5b
const codeOf = (buf: Uint8Array, at: number): number => (buf[at] << 16) | (buf[at + 1] << 8) | buf[at + 2]
const CALENDAR = new Set(
  ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun', 'Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'].map(
    (name) => codeOf(Buffer.from(name), 0),
  ),
)
/** Three letters that name a day or a month, in front of a number or of another such name: else every line of a log that begins with its date would be new once a day. */
const isCalendar = (buf: Uint8Array, from: number, to: number, end: number): boolean => {
  if (to - from !== 3 || !CALENDAR.has(codeOf(buf, from))) return false
  let next = to
  while (next < end && next < to + 2 && CLASS[buf[next]] === 0) next++
  return next > to && next < end && (CLASS[buf[next]] === DIGIT || (next + 3 <= end && CALENDAR.has(codeOf(buf, next))))
}
/** AM and PM behind a time. */
const isHalfDay = (buf: Uint8Array, from: number, to: number, start: number): boolean =>
  to - from === 2 &&
  buf[from + 1] === 0x4d &&
  (buf[from] === 0x41 || buf[from] === 0x50) &&
  from >= start + 2 &&
  buf[from - 1] === SPACE &&
  CLASS[buf[from - 2]] === DIGIT

/** End of what is joined to a masked word that ends at `at`, or `at`. */
const joinedTo = (buf: Uint8Array, at: number, end: number): number => {
  while (at < end && JOINS[buf[at]] === 1) {
    const joint = buf[at]
    // An IPv6 address leaves groups out.
    let next = at + 1 < end && joint === COLON && buf[at + 1] === COLON ? at + 2 : at + 1
    const first = next < end ? CLASS[buf[next]] : 0
    if (first < WORD) return at
    let kinds = 0
    for (; next < end && CLASS[buf[next]] >= WORD; next++) kinds |= CLASS[buf[next]]
    const isValue = first === DIGIT || ((joint === HYPHEN || joint === COLON) && ((kinds & LETTER) === 0 || (kinds & DIGIT) !== 0))
    if (!isValue) return at
    at = next
  }
  return at
}

/**
 * Leaves the hash of [from, from + length) in `into`. No closure, of which there would be several: that costs a third.
 * @param masks what was masked goes here, in order: start, end and kind of each. Digits inside other words are not among them.
 */
export const hashTemplate = (into: TemplateHash, buf: Uint8Array, from: number, length: number, masks?: number[]): void => {
  let a = 0x811c9dc5 | 0
  let b = 0x9747b28c | 0
  let unclosed = 0
  /** The closing quote of text that is read. */
  let closes = -1
  const end = from + Math.min(length, MAX_HASHED_BYTES)
  const isJson = length > 0 && buf[from] === BRACE
  let at = from
  while (at < end) {
    const start = at
    const first = CLASS[buf[at]]
    let word = 0
    let kinds = 0
    let runs = 0
    let kind = first
    // Letters and digits up to the next separator; digits count once per run and as one mark.
    while (kind >= WORD) {
      if (kind !== DIGIT) word = Math.imul(word ^ buf[at], B)
      else if ((kinds & DIGIT) === 0 || CLASS[buf[at - 1]] !== DIGIT) {
        word = Math.imul(word ^ NUMBER, B)
        runs++
      }
      kinds |= kind
      if (++at === end) break
      kind = CLASS[buf[at]]
    }
    if (at > start) {
      const isValue =
        first === DIGIT ||
        ((kinds & LETTER) === 0 && ((kinds & DIGIT) !== 0 || at - start >= MIN_HEX)) ||
        runs > 2 ||
        (runs === 2 && !hasUnderscore(buf, start, at)) ||
        (at - start < 4 && buf[start] < AFTER_CAPITALS && (isCalendar(buf, start, at, end) || isHalfDay(buf, start, at, from)))
      if (isValue) {
        at = joinedTo(buf, at, end)
        word = NUMBER
        if (masks !== undefined) masks.push(start, at, MASKED_NUMBER)
      }
      a = fold(a, word, A)
      b = fold(b, word, B)
      continue
    }
    const byte = buf[at]
    let mark = byte
    // A sign belongs to its number.
    if (byte === HYPHEN && at + 1 < end && CLASS[buf[at + 1]] === DIGIT && (at === from || CLASS[buf[at - 1]] < WORD)) {
      if (masks !== undefined) masks.push(at, at + 1, MASKED_SIGN)
      at++
      continue
    }
    if (first === QUOTE && at !== closes && byte !== unclosed && (at === from || CLASS[buf[at - 1]] < WORD)) {
      // A quote after a word is an apostrophe.
      const closing = closingQuote(buf, at, end)
      if (closing < 0) unclosed = byte
      else if ((isJson && isKey(buf, closing, end)) || isMessage(buf, from, at)) closes = closing
      else {
        mark = QUOTED
        if (masks !== undefined) masks.push(at, closing + 1, MASKED_QUOTE)
        at = closing
      }
    }
    a = fold(a, mark, A)
    b = fold(b, mark, B)
    at++
  }
  a = Math.imul(a ^ (a >>> 16), 0x85ebca6b)
  b = Math.imul(b ^ (b >>> 16), 0xc2b2ae35)
  a ^= a >>> 13
  b ^= (b >>> 13) ^ a
  into.low = (a === 0 && b === 0 ? 1 : a) >>> 0
  into.high = b >>> 0
}
