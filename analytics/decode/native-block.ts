// One block of ClickHouse's Native format: names, types and data of its columns, as clickhouse-native over HTTP takes them.
// Verified layout; integers little-endian, so this runs on little-endian machines only.
import type { Allocate } from '../decode-contract.ts'
import type { Bytes } from './bytes.ts'
import type { Dictionary } from './dictionary.ts'

const allocateOwn: Allocate = (bytes) => new Uint8Array(Buffer.allocUnsafeSlow(bytes).buffer as ArrayBuffer)

type Numbers = Uint8Array | Uint16Array | Uint32Array | BigUint64Array | Float64Array

export interface Block {
  strings(name: string, column: Bytes): void
  numbers(name: string, type: string, values: Numbers): void
  /** LowCardinality(String): `index` holds one key number per row. */
  lowCardinality(name: string, dictionary: Dictionary, index: Uint32Array): void
  /** Map(LowCardinality(String), String); `ends` is the cumulative count of pairs per row. */
  map(name: string, ends: Uint32Array, dictionary: Dictionary, keys: Uint32Array, values: Bytes): void
  /** Array(LowCardinality(String)). */
  textArrays(name: string, ends: Uint32Array, dictionary: Dictionary, keys: Uint32Array): void
  /** Array(<type>). */
  numberArrays(name: string, type: string, ends: Uint32Array, values: Numbers): void
  /** The whole block in memory that `allocate` gives, by default an ArrayBuffer of its own. */
  finish(allocate?: Allocate): Uint8Array
}

const varint = (value: number): number[] => {
  const out: number[] = []
  for (; value > 127; value = Math.floor(value / 128)) out.push((value % 128) | 128)
  out.push(value)
  return out
}
const bytesOf = (values: Numbers): Uint8Array => new Uint8Array(values.buffer, values.byteOffset, values.byteLength)

const HAS_KEYS = 1 << 9
const REPLACES_DICTIONARY = 1 << 10

/** Key numbers in the narrowest type that holds them all, and that type's number. */
const narrow = (index: Uint32Array, keys: number): [type: number, values: Numbers] =>
  keys <= 256 ? [0, Uint8Array.from(index)] : keys <= 65_536 ? [1, Uint16Array.from(index)] : [2, index]

/** 32-bit counts as the 64-bit ones of the format. */
const widen = (ends: Uint32Array): Uint32Array => {
  const wide = new Uint32Array(2 * ends.length)
  for (let i = 0; i < ends.length; i++) wide[2 * i] = ends[i]
  return wide
}

export const createBlock = (columns: number, rows: number): Block => {
  const parts: Uint8Array[] = [Uint8Array.from([...varint(columns), ...varint(rows)])]
  let opened = 0
  const open = (name: string, type: string): void => {
    opened++
    const [nameBytes, typeBytes] = [Buffer.from(name), Buffer.from(type)]
    parts.push(Uint8Array.from([...varint(nameBytes.length), ...nameBytes, ...varint(typeBytes.length), ...typeBytes]))
  }
  const u64 = (...values: number[]): void => {
    parts.push(bytesOf(BigUint64Array.from(values, BigInt)))
  }
  const lowBody = (dictionary: Dictionary, index: Uint32Array): void => {
    if (index.length === 0) return
    const [type, values] = narrow(index, dictionary.count)
    u64(type | HAS_KEYS | REPLACES_DICTIONARY, dictionary.count)
    parts.push(dictionary.keys.buf.subarray(0, dictionary.keys.length))
    u64(index.length)
    parts.push(bytesOf(values))
  }
  return {
    strings: (name, column) => {
      open(name, 'String')
      parts.push(column.buf.subarray(0, column.length))
    },
    numbers: (name, type, values) => {
      open(name, type)
      parts.push(bytesOf(values))
    },
    lowCardinality: (name, dictionary, index) => {
      open(name, 'LowCardinality(String)')
      u64(1)
      lowBody(dictionary, index)
    },
    map: (name, ends, dictionary, keys, values) => {
      open(name, 'Map(LowCardinality(String), String)')
      u64(1)
      parts.push(bytesOf(widen(ends)))
      lowBody(dictionary, keys)
      parts.push(values.buf.subarray(0, values.length))
    },
    textArrays: (name, ends, dictionary, keys) => {
      open(name, 'Array(LowCardinality(String))')
      u64(1)
      parts.push(bytesOf(widen(ends)))
      lowBody(dictionary, keys)
    },
    numberArrays: (name, type, ends, values) => {
      open(name, `Array(${type})`)
      parts.push(bytesOf(widen(ends)), bytesOf(values))
    },
    finish: (allocate = allocateOwn) => {
      if (opened !== columns) throw new Error(`a block of ${columns} columns got ${opened}`)
      const total = parts.reduce((sum, part) => sum + part.byteLength, 0)
      const out = allocate(total)
      let at = 0
      for (const part of parts) {
        out.set(part, at)
        at += part.byteLength
      }
      return out
    },
  }
}
