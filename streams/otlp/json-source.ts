// JSON text → values without losing 64-bit integers, bounded before it is built: depth and number of values are counted
// on the bytes first, because JSON.parse has no limits of its own. Integers that a double cannot hold become BigInt.
import { MAX_RECORDS, malformed, tooLarge } from './walk.ts'
import type { Malformed } from './walk.ts'

/** Far beyond what a record may nest (that only rejects the record), far below what parsing could not stand. */
export const MAX_JSON_DEPTH = 1000
/** Objects and arrays, and all values, of one body: what bounds the memory of the parsed form. */
export const MAX_JSON_CONTAINERS = 2_000_000
export const MAX_JSON_VALUES = 8_000_000

export type JsonObject = Readonly<Record<string, unknown>>
export type Parsed = { readonly ok: true; readonly value: unknown } | Malformed

interface Outline {
  readonly depth: number
  readonly containers: number
  readonly values: number
  /** A number of 16 digits or more stands outside of strings. */
  readonly longNumbers: boolean
  /** Where each top-level object or array ends. */
  readonly ends: readonly number[]
}

/** One pass over the bytes. Right for valid JSON, and for invalid JSON up to its first fault, where JSON.parse stops too. */
const outline = (body: Uint8Array): Outline => {
  let depth = 0
  let deepest = 0
  let containers = 0
  let values = 1
  let digits = 0
  let longNumbers = false
  const ends: number[] = []
  const { length } = body
  for (let i = 0; i < length; i++) {
    const byte = body[i]
    if (byte === 0x22) {
      digits = 0
      for (i++; i < length; i++) {
        const inside = body[i]
        if (inside === 0x22) break
        if (inside === 0x5c) i++
      }
    } else if (byte === 0x2c) {
      digits = 0
      if (++values > MAX_JSON_VALUES) break
    } else if (byte >= 0x30 && byte <= 0x39) {
      if (++digits === 16) longNumbers = true
    } else {
      digits = 0
      if (byte === 0x7b || byte === 0x5b) {
        if (++depth > deepest) deepest = depth
        if (++containers > MAX_JSON_CONTAINERS) break
      } else if ((byte === 0x7d || byte === 0x5d) && --depth === 0) ends.push(i + 1)
    }
  }
  return { depth: deepest, containers, values, longNumbers, ends }
}

const text = new TextDecoder('utf-8')

/** Longer ones are no 64-bit integers, and BigInt takes quadratic time. */
const integer = /^-?\d{1,20}$/
const reviveLong = (_key: string, value: unknown, context?: { readonly source?: string }): unknown =>
  typeof value === 'number' && !Number.isSafeInteger(value) && context?.source !== undefined && integer.test(context.source)
    ? BigInt(context.source)
    : value
const parse = (source: string, longNumbers: boolean): unknown =>
  longNumbers ? JSON.parse(source, reviveLong as (key: string, value: unknown) => unknown) : JSON.parse(source)

const overLimit = ({ depth, containers, values }: Outline): Malformed | null => {
  if (depth > MAX_JSON_DEPTH) return malformed(`invalid JSON: nested deeper than ${MAX_JSON_DEPTH} levels`)
  return containers > MAX_JSON_CONTAINERS || values > MAX_JSON_VALUES ? tooLarge('too many JSON values in one request') : null
}
const describe = (error: unknown): Malformed => malformed(`invalid JSON: ${(error as Error).message.slice(0, 200)}`)

const parseWithin = (body: Uint8Array, shape: Outline): Parsed => {
  const limit = overLimit(shape)
  if (limit !== null) return limit
  try {
    return { ok: true, value: parse(text.decode(body), shape.longNumbers) }
  } catch (error) {
    return describe(error)
  }
}

/** Invalid UTF-8 is replaced, a byte order mark skipped. */
export const parseJson = (body: Uint8Array): Parsed => parseWithin(body, outline(body))

/** Several documents in one body; null stands for one that is not JSON. */
export type Documents = { readonly ok: true; readonly values: readonly (readonly [value: unknown] | null)[] } | Malformed

const isBlank = (body: Uint8Array, start: number, end: number): boolean => {
  for (let i = start; i < end; i++) if (body[i] > 0x20) return false
  return true
}

/** Parses the pieces of a body, all of them together under the limits of one. */
const createPieces = (body: Uint8Array) => {
  const values: (readonly [unknown] | null)[] = []
  let containers = 0
  let separators = 0
  return {
    values,
    /** False when the body has too much in it. */
    add(start: number, end: number): boolean {
      const piece = body.subarray(start, end)
      const shape = outline(piece)
      containers += shape.containers
      separators += shape.values
      if (values.length === MAX_RECORDS || containers > MAX_JSON_CONTAINERS || separators > MAX_JSON_VALUES) return false
      const parsed = parseWithin(piece, shape)
      values.push(parsed.ok ? [parsed.value] : null)
      return true
    },
  }
}
const tooMany = tooLarge('too many JSON values in one request')

/** One document per line, empty lines skipped. Malformed only when no line is JSON. */
export const parseJsonLines = (body: Uint8Array): Documents => {
  const { values, add } = createPieces(body)
  for (let start = 0; start < body.length;) {
    const newline = body.indexOf(0x0a, start)
    const end = newline < 0 ? body.length : newline
    if (!isBlank(body, start, end) && !add(start, end)) return tooMany
    start = end + 1
  }
  return values.length > 0 && values.every((value) => value === null)
    ? malformed('invalid JSON: no line of the body is a JSON value')
    : { ok: true, values }
}

/** One document, or several objects and arrays one after the other, with or without newlines between them. */
export const parseJsonStream = (body: Uint8Array): Documents => {
  const shape = outline(body)
  const whole = parseWithin(body, shape)
  if (whole.ok) return { ok: true, values: [[whole.value]] }
  if (whole.reason === 'too_large') return whole
  const { ends } = shape
  if (ends.length < 2 || !isBlank(body, ends[ends.length - 1], body.length)) return whole
  const { values, add } = createPieces(body)
  for (let i = 0; i < ends.length; i++) {
    if (!add(i === 0 ? 0 : ends[i - 1], ends[i])) return tooMany
    if (values[i] === null) return whole
  }
  return { ok: true, values }
}

const rawJson = (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON

/** JSON.stringify for values of parseJson: their BigInts are written as the integers they were. */
export const toJsonText = (value: unknown): string =>
  JSON.stringify(value, (_key, item: unknown) => (typeof item === 'bigint' ? rawJson(String(item)) : item)) ?? 'null'

/** UTF-8 size, exact for long strings; short ones count their UTF-16 units. */
export const textBytes = (value: string): number => (value.length < 64 ? value.length : Buffer.byteLength(value))
