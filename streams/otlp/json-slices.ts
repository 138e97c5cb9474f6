// Where the values of a JSON text lie, without building them: positions in bytes, for text that was parsed before and is known to be valid.

export type Slice = readonly [start: number, end: number]

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d
const OPEN_ARRAY = 0x5b
const CLOSE_ARRAY = 0x5d

/** A byte order mark is as good as white space: parsers of ours skip it. */
const isMark = (body: Uint8Array, at: number): boolean => body[at] === 0xef && body[at + 1] === 0xbb && body[at + 2] === 0xbf
export const skipBlank = (body: Uint8Array, start: number): number => {
  let at = start
  for (;;) {
    if (body[at] <= 0x20) at += 1
    else if (isMark(body, at)) at += 3
    else return at
  }
}

const skipString = (body: Uint8Array, start: number): number => {
  let at = start + 1
  while (at < body.length && body[at] !== QUOTE) at += body[at] === BACKSLASH ? 2 : 1
  return at + 1
}

/** Position behind the value that begins at `start`. @throws RangeError where none begins: this is not the text that was parsed. */
export const skipValue = (body: Uint8Array, start: number): number => {
  let at = start
  for (let depth = 0; at < body.length;) {
    const byte = body[at]
    if (byte === QUOTE) at = skipString(body, at)
    else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
      depth += 1
      at += 1
      continue
    } else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) {
      if (depth === 0) break
      depth -= 1
      at += 1
    } else {
      if (depth === 0 && (byte === COMMA || byte <= 0x20)) break
      at += 1
      continue
    }
    if (depth === 0) break
  }
  if (at === start) throw new RangeError('no JSON value begins here')
  return at
}

export const isNull = (body: Uint8Array, [start]: Slice): boolean => body[start] === 0x6e
export const isArray = (body: Uint8Array, [start]: Slice): boolean => body[start] === OPEN_ARRAY

/** Of an array; none of what is no array. */
export function* elementsOf(body: Uint8Array, slice: Slice): Generator<Slice> {
  if (!isArray(body, slice)) return
  for (let at = skipBlank(body, slice[0] + 1); at < body.length && body[at] !== CLOSE_ARRAY;) {
    const end = skipValue(body, at)
    yield [at, end]
    at = skipBlank(body, end)
    if (body[at] === COMMA) at = skipBlank(body, at + 1)
  }
}

const text = new TextDecoder('utf-8')
const nameOf = (body: Uint8Array, start: number, end: number): string => JSON.parse(text.decode(body.subarray(start, end))) as string

/** Those of an object that have one of the names; of a name that is there twice the last, as a parser has it. */
export const membersOf = (body: Uint8Array, [start]: Slice, names: ReadonlySet<string>): ReadonlyMap<string, Slice> => {
  const members = new Map<string, Slice>()
  if (body[start] !== OPEN_OBJECT) return members
  for (let at = skipBlank(body, start + 1); at < body.length && body[at] !== CLOSE_OBJECT;) {
    const behindName = skipString(body, at)
    const name = nameOf(body, at, behindName)
    const from = skipBlank(body, skipBlank(body, behindName) + 1)
    const end = skipValue(body, from)
    if (names.has(name)) members.set(name, [from, end])
    at = skipBlank(body, end)
    if (body[at] === COMMA) at = skipBlank(body, at + 1)
  }
  return members
}
