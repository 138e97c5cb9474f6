// The text of a template, for people: <num> stands for numbers and everything made with digits (ids, times, addresses), <str>
// for quoted text. Two bodies have the same text when they have the same hash, up to its length.
import { hashTemplate, MASKED_NUMBER, MASKED_QUOTE, MAX_HASHED_BYTES } from './template-hash.ts'

export const NUMBER_MARK = '<num>'
export const QUOTED_MARK = '<str>'
/** Bytes; the masked text of the 1,024 bytes that count is seldom longer than they are. */
const MAX_TEXT = 1024
const ZERO = 0x30
const NINE = 0x39

/** Where text that may end inside a character ends without it. */
const wholeEnd = (bytes: Uint8Array, end: number): number => {
  let lead = end - 1
  while (lead > 0 && lead > end - 4 && (bytes[lead] & 0xc0) === 0x80) lead--
  const size = lead < 0 || bytes[lead] < 0xc0 ? 1 : bytes[lead] < 0xe0 ? 2 : bytes[lead] < 0xf0 ? 3 : 4
  return lead + size > end ? lead : end
}
/** Text of at most `max` bytes, cut between characters. */
export const cutText = (buf: Uint8Array, from: number, length: number, max: number): string => {
  const bytes = Buffer.from(buf.buffer, buf.byteOffset + from, Math.min(length, max))
  return bytes.toString('utf8', 0, wholeEnd(bytes, bytes.length))
}

export type MaskedText = (buf: Uint8Array, from: number, length: number) => string
export const createMaskedText = (): MaskedText => {
  const out = Buffer.alloc(MAX_TEXT)
  let at = 0
  let isFull = false
  const put = (byte: number): void => {
    isFull ||= at === MAX_TEXT
    if (!isFull) out[at++] = byte
  }
  const mark = (text: string): void => {
    isFull ||= at + text.length > MAX_TEXT
    if (!isFull) at += out.write(text, at, 'latin1')
  }
  /** As it is, but for digits inside words. */
  const copy = (buf: Uint8Array, from: number, to: number): void => {
    for (let i = from; i < to; i++) {
      if (buf[i] < ZERO || buf[i] > NINE) put(buf[i])
      else if (i === from || buf[i - 1] < ZERO || buf[i - 1] > NINE) mark(NUMBER_MARK)
    }
  }
  return (buf, from, length) => {
    at = 0
    isFull = false
    const masks: number[] = []
    hashTemplate({ low: 0, high: 0 }, buf, from, length, masks)
    let copied = from
    for (let i = 0; i < masks.length; i += 3) {
      copy(buf, copied, masks[i])
      copied = masks[i + 1]
      if (masks[i + 2] === MASKED_NUMBER) mark(NUMBER_MARK)
      else if (masks[i + 2] === MASKED_QUOTE) mark(QUOTED_MARK)
    }
    copy(buf, copied, from + Math.min(length, MAX_HASHED_BYTES))
    return cutText(out, 0, at, MAX_TEXT)
  }
}
