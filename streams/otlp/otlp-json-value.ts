// AnyValue and KeyValue of OTLP/JSON → plain values. 64-bit integers are BigInt, doubles numbers, bytes Uint8Array, so the
// JavaScript type alone says which kind it was. Nothing below the depth limit is looked at.
import { textBytes } from './json-source.ts'
import type { JsonObject } from './json-source.ts'
import { MAX_DEPTH } from './walk.ts'

/** null = an AnyValue without a value. A list is an array, a key-value list `{ entries }`. */
export type JsonValue = null | string | boolean | bigint | number | Uint8Array | readonly JsonValue[] | { readonly entries: JsonAttributes }
/** In wire order; keys may repeat. */
export type JsonAttributes = readonly (readonly [key: string, value: JsonValue])[]

/** What is carried through one body: its first wrong type, and of the current part its stored bytes and depth. */
export interface Reading {
  fault: { readonly path: string; readonly expected: string } | null
  bytes: number
  tooDeep: boolean
  count: number
}

export const isJsonObject = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value)

const MIN_INT64 = -(1n << 63n)
const MAX_INT64 = (1n << 63n) - 1n
const NO_VALUE = Symbol('wrong type')
type Read = JsonValue | typeof NO_VALUE

const readInt64 = (value: unknown): Read => {
  const exact =
    typeof value === 'bigint'
      ? value
      : typeof value === 'number' && Number.isInteger(value)
        ? BigInt(value)
        : typeof value === 'string' && /^-?\d{1,20}$/.test(value)
          ? BigInt(value)
          : null
  return exact === null || exact < MIN_INT64 || exact > MAX_INT64 ? NO_VALUE : exact
}

const readDouble = (value: unknown): Read => {
  if (typeof value === 'number') return value
  if (typeof value === 'bigint') return Number(value)
  if (typeof value !== 'string') return NO_VALUE
  if (value === 'NaN') return Number.NaN
  if (value === 'Infinity' || value === '-Infinity') return Number(value)
  return /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(value) ? Number(value) : NO_VALUE
}

const base64 = /^[A-Za-z0-9+/_-]*={0,2}$/
const readBytes = (value: unknown): Read =>
  typeof value === 'string' && base64.test(value) ? new Uint8Array(Buffer.from(value, 'base64')) : NO_VALUE

interface Kind {
  readonly camel: string
  readonly snake: string
  readonly expected: string
  readonly read: (value: unknown) => Read
}
const kinds: readonly Kind[] = [
  { camel: 'stringValue', snake: 'string_value', expected: 'a string', read: (value) => (typeof value === 'string' ? value : NO_VALUE) },
  { camel: 'boolValue', snake: 'bool_value', expected: 'true or false', read: (value) => (typeof value === 'boolean' ? value : NO_VALUE) },
  { camel: 'intValue', snake: 'int_value', expected: 'a 64-bit integer as string or number', read: readInt64 },
  { camel: 'doubleValue', snake: 'double_value', expected: 'a number', read: readDouble },
  { camel: 'bytesValue', snake: 'bytes_value', expected: 'base64', read: readBytes },
]

const sizeOf = (value: JsonValue): number =>
  typeof value === 'string' ? textBytes(value) : value instanceof Uint8Array ? Math.ceil(value.length / 3) * 4 : 8

/** `values` of a list; null when the list is not one. */
const elementsOf = (reading: Reading, list: unknown, path: string): readonly unknown[] => {
  const values = isJsonObject(list) ? (list.values ?? []) : null
  if (Array.isArray(values)) return values
  reading.fault ??= { path, expected: 'an object with an array of values' }
  return []
}

/** One AnyValue, 1 deep when plain. Faults are named relative to it. */
export const readValue = (reading: Reading, value: unknown, depth: number): JsonValue => {
  if (value === null || value === undefined) return null
  if (depth > MAX_DEPTH) {
    reading.tooDeep = true
    return null
  }
  if (!isJsonObject(value)) {
    reading.fault ??= { path: '', expected: 'an object with one value' }
    return null
  }
  for (const { camel, snake, expected, read } of kinds) {
    const item = value[camel] ?? value[snake] ?? null
    if (item === null) continue
    const result = read(item)
    if (result === NO_VALUE) {
      reading.fault ??= { path: camel, expected }
      return null
    }
    reading.bytes += sizeOf(result)
    return result
  }
  const list = value.arrayValue ?? value.array_value ?? null
  if (list !== null) return readArray(reading, list, depth + 1)
  const pairs = value.kvlistValue ?? value.kvlist_value ?? null
  return pairs === null
    ? null
    : { entries: readAttributes(reading, elementsOf(reading, pairs, 'kvlistValue'), 'kvlistValue.values', depth + 1) }
}

const readArray = (reading: Reading, list: unknown, depth: number): readonly JsonValue[] => {
  const values = elementsOf(reading, list, 'arrayValue')
  const items: JsonValue[] = []
  for (let i = 0; i < values.length && reading.fault === null && !reading.tooDeep; i++) {
    reading.bytes += 5
    items.push(readValue(reading, values[i], depth))
    place(reading, `arrayValue.values[${i}]`)
  }
  return items
}

/** A list of KeyValue at `path`; null elements are skipped. */
export const readAttributes = (reading: Reading, list: unknown, path: string, depth: number): JsonAttributes => {
  if (list === null || list === undefined) return []
  if (!Array.isArray(list)) {
    reading.fault ??= { path, expected: 'an array' }
    return []
  }
  const entries: [string, JsonValue][] = []
  for (let i = 0; i < list.length && reading.fault === null && !reading.tooDeep; i++) {
    const pair: unknown = list[i]
    if (pair === null) continue
    if (!isJsonObject(pair) || typeof (pair.key ?? '') !== 'string') {
      reading.fault ??= { path: `${path}[${i}]`, expected: 'an object with a key and a value' }
      break
    }
    const key = (pair.key ?? '') as string
    reading.bytes += textBytes(key) + 5
    entries.push([key, readValue(reading, pair.value, depth)])
    place(reading, `${path}[${i}].value`)
  }
  return entries
}

const place = (reading: Reading, path: string): void => {
  if (reading.fault !== null) reading.fault = { ...reading.fault, path: reading.fault.path === '' ? path : `${path}.${reading.fault.path}` }
}
