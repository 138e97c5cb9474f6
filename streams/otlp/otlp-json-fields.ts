// Fields of OTLP/JSON messages, checked against the protocol: both names of every field, 64-bit integers as text or number, null =
// absent. A wrong type is noted in the reading with its path; what is read after it is thrown away with the body.
import { isJsonObject } from './otlp-json-value.ts'
import type { Reading } from './otlp-json-value.ts'
import { textBytes } from './json-source.ts'
import type { JsonObject } from './json-source.ts'

const MAX_UINT64 = (1n << 64n) - 1n

export const field = (object: JsonObject, camel: string, snake: string): unknown => object[camel] ?? object[snake] ?? null

/** Notes the first wrong type; everything read after it is thrown away with the body. */
const wrong = (reading: Reading, path: string, expected: string): void => {
  reading.fault ??= { path, expected }
}
/** Puts the place of a part before the path of the fault found in it. */
export const within = (reading: Reading, place: string): void => {
  if (reading.fault !== null)
    reading.fault = { ...reading.fault, path: `${place}${reading.fault.path === '' ? '' : '.'}${reading.fault.path}` }
}

export const readText = (reading: Reading, object: JsonObject, camel: string, snake: string): string => {
  const value = field(object, camel, snake)
  if (value === null) return ''
  if (typeof value !== 'string') {
    wrong(reading, camel, 'a string')
    return ''
  }
  reading.bytes += textBytes(value)
  return value
}

export const readUint64 = (reading: Reading, object: JsonObject, camel: string, snake: string): bigint => {
  const value = field(object, camel, snake)
  if (value === null || value === 0 || value === '') return 0n
  const exact =
    typeof value === 'bigint'
      ? value
      : typeof value === 'number' && Number.isInteger(value)
        ? BigInt(value)
        : typeof value === 'string' && /^\d{1,20}$/.test(value)
          ? BigInt(value)
          : -1n
  if (exact < 0n || exact > MAX_UINT64) wrong(reading, camel, 'an unsigned 64-bit integer as string or number')
  return exact
}

export const readUint32 = (reading: Reading, object: JsonObject, camel: string, snake: string): number => {
  const value = field(object, camel, snake)
  if (value === null) return 0
  const exact = typeof value === 'number' ? value : typeof value === 'string' && /^\d{1,10}$/.test(value) ? Number(value) : -1
  if (!Number.isInteger(exact) || exact < 0 || exact > 0xffffffff) wrong(reading, camel, 'an unsigned 32-bit integer')
  return exact
}

/** An integer by the protocol; the enum's names are what other JSON mappings write. */
export const readEnum = (
  reading: Reading,
  object: JsonObject,
  camel: string,
  snake: string,
  names: ReadonlyMap<string, number>,
): number => {
  const value = field(object, camel, snake)
  const named = typeof value === 'string' ? names.get(value) : undefined
  if (named !== undefined) return named
  if (typeof value === 'number' && Number.isInteger(value) && value >= -0x80000000 && value <= 0x7fffffff) return value
  return readUint32(reading, object, camel, snake)
}

const hex = /^[0-9a-f]*$/
const zeros = /^0*$/
/** null = not an id: another length, or no hex. */
export const readId = (reading: Reading, object: JsonObject, camel: string, snake: string, digits: number): string | null => {
  const id = readText(reading, object, camel, snake)
  if (id === '') return ''
  const lower = id.length === digits ? id.toLowerCase() : ''
  if (lower === '' || !hex.test(lower)) return null
  return zeros.test(lower) ? '' : lower
}

/** A part's own object: absent and null are an empty one. */
export const asObject = (reading: Reading, value: unknown, path: string): JsonObject => {
  if (value === null || value === undefined) return {}
  if (isJsonObject(value)) return value
  wrong(reading, path, 'an object')
  return {}
}

export const readList = <T>(reading: Reading, object: JsonObject, camel: string, snake: string, read: (item: JsonObject) => T): T[] => {
  const value = field(object, camel, snake)
  if (value === null) return []
  if (!Array.isArray(value)) {
    wrong(reading, camel, 'an array')
    return []
  }
  const items: T[] = []
  for (let i = 0; i < value.length && reading.fault === null; i++) {
    items.push(read(asObject(reading, value[i], '')))
    within(reading, `${camel}[${i}]`)
  }
  return items
}
