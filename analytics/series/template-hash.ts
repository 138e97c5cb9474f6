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

/** Class of each byte: 0 separator, 1 quote, 2 other letter (also every byte of non-ASCII text), 3 hex letter, 4 digit. */
const CLASS = Uint8Array.from({ length: 256 }, (_, byte) => {
  const char = String.fromCharCode(byte)
  if (byte >= 128) return 2
  if (/[0-9]/.test(char)) return 4
  if (/[a-fA-F]/.test(char)) return 3
  if (/[g-zG-Z_]/.test(char)) return 2
  return /["'`]/.test(char) ? 1 : 0
})
/** What stands in for a masked number or word, for digits within a word, and for quoted text: no bytes of UTF-8. */
const NUMBER = 0xf8
const QUOTED = 0xf9
const HYPHEN = 0x2d
const MIN_HEX = 8

export const createTemplateHasher = (): TemplateHasher => {
  let a = 0
  let b = 0
  /** Behind a masked hex word: a hyphen and another one belong to it. */
  let afterHex = false

  const add = (byte: number): void => {
    a = Math.imul(a ^ byte, 0x01000193)
    b = Math.imul(b ^ byte, 0x5bd1e995)
    b ^= b >>> 15
  }
  const close = (buf: Uint8Array, at: number, end: number): number => {
    const quote = buf[at]
    for (let i = at + 1; i < end; i++) if (buf[i] === quote) return i
    return -1
  }
  /** Hashes the word that starts at `at`. Position behind it. */
  const addWord = (buf: Uint8Array, start: number, end: number): number => {
    const startA = a
    const startB = b
    let isHex = true
    let digits = 0
    let at = start
    let before = 0
    for (; at < end; at++) {
      const kind = CLASS[buf[at]]
      if (kind < 2) break
      if (kind === 4) {
        digits++
        if (before !== 4) add(NUMBER)
      } else {
        if (kind === 2) isHex = false
        add(buf[at])
      }
      before = kind
    }
    const length = at - start
    const isPrefixed = length > 2 && buf[start] === 0x30 && (buf[start + 1] | 32) === 0x78
    const isMasked = isPrefixed || (isHex && (digits > 0 || length >= MIN_HEX || afterHex))
    if (isMasked) {
      a = startA
      b = startB
      add(NUMBER)
    }
    afterHex = isMasked
    return at
  }

  const hasher: TemplateHasher = {
    low: 0,
    high: 0,
    hash: (buf, from, length) => {
      a = 0x811c9dc5 | 0
      b = 0x9747b28c | 0
      afterHex = false
      const end = from + Math.min(length, MAX_HASHED_BYTES)
      let unclosed = 0
      for (let at = from; at < end;) {
        const byte = buf[at]
        const kind = CLASS[byte]
        if (kind >= 2) {
          at = addWord(buf, at, end)
          continue
        }
        // A quote after a word is an apostrophe.
        const isOpening = kind === 1 && byte !== unclosed && (at === from || CLASS[buf[at - 1]] < 2)
        const closing = isOpening ? close(buf, at, end) : -1
        if (closing >= 0) {
          add(QUOTED)
          at = closing + 1
          afterHex = false
          continue
        }
        if (isOpening) unclosed = byte
        add(byte)
        if (byte !== HYPHEN) afterHex = false
        at++
      }
      a ^= a >>> 16
      a = Math.imul(a, 0x85ebca6b)
      a ^= a >>> 13
      b ^= b >>> 16
      b = Math.imul(b, 0xc2b2ae35)
      b ^= (b >>> 13) ^ a
      hasher.low = (a === 0 && b === 0 ? 1 : a) >>> 0
      hasher.high = b >>> 0
    },
  }
  return hasher
}
