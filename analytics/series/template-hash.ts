// A body's template: the 64-bit hash of its bytes with what varies masked. Masked are numbers, words of hex digits (with a
// digit in them, or 8 and longer, or hyphenated to one: so UUIDs), words from 0x, digits inside other words, and quoted
// text. Only the first 1,024 bytes count. Stable: hashes are stored and compared across versions.

export interface TemplateHasher {
  /** Leaves the hash of [from, from + length) in `low` and `high`; never 0, which stands for "others". */
  hash(buf: Uint8Array, from: number, length: number): void
  low: number
  high: number
}

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
/** What stands in for a masked number or word, for digits within a word, and for quoted text: no bytes of UTF-8. */
const NUMBER = 0xf8
const QUOTED = 0xf9
const HYPHEN = 0x2d
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
  for (let i = at + 1; i < end; i++) if (buf[i] === quote) return i
  return -1
}

export const createTemplateHasher = (): TemplateHasher => {
  const hasher: TemplateHasher = {
    low: 0,
    high: 0,
    hash: (buf, from, length) => {
      let a = 0x811c9dc5 | 0
      let b = 0x9747b28c | 0
      // Behind a masked hex word: a hyphen and another one belong to it.
      let afterHex = false
      let unclosed = 0
      const end = from + Math.min(length, MAX_HASHED_BYTES)
      let at = from
      while (at < end) {
        const start = at
        let word = 0
        let kinds = 0
        let kind = CLASS[buf[at]]
        // Letters and digits up to the next separator; digits count once per run and as one mark.
        while (kind >= WORD) {
          kinds |= kind
          if (kind !== DIGIT) word = Math.imul(word ^ buf[at], B)
          else if (at === start || CLASS[buf[at - 1]] !== DIGIT) word = Math.imul(word ^ NUMBER, B)
          if (++at === end) break
          kind = CLASS[buf[at]]
        }
        if (at > start) {
          const isPrefixed = at - start > 2 && buf[start] === 0x30 && (buf[start + 1] | 32) === 0x78
          afterHex = isPrefixed || ((kinds & LETTER) === 0 && ((kinds & DIGIT) !== 0 || at - start >= MIN_HEX || afterHex))
          if (afterHex) word = NUMBER
          a = fold(a, word, A)
          b = fold(b, word, B)
          continue
        }
        const byte = buf[at]
        // A quote after a word is an apostrophe.
        const isOpening = kind === QUOTE && byte !== unclosed && (at === from || CLASS[buf[at - 1]] < WORD)
        const closing = isOpening ? closingQuote(buf, at, end) : -1
        if (isOpening && closing < 0) unclosed = byte
        const mark = closing < 0 ? byte : QUOTED
        a = fold(a, mark, A)
        b = fold(b, mark, B)
        if (mark !== HYPHEN) afterHex = false
        at = closing < 0 ? at + 1 : closing + 1
      }
      a = Math.imul(a ^ (a >>> 16), 0x85ebca6b)
      b = Math.imul(b ^ (b >>> 16), 0xc2b2ae35)
      a ^= a >>> 13
      b ^= (b >>> 13) ^ a
      hasher.low = (a === 0 && b === 0 ? 1 : a) >>> 0
      hasher.high = b >>> 0
    },
  }
  return hasher
}
