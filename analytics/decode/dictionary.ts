// LowCardinality dictionaries keyed by bytes: open addressing over encoded strings, no JavaScript string per lookup. Key 0
// is the empty string. The hash is seeded by the log's random id, so that a body cannot aim at one slot.
import { isUtf8 } from 'node:buffer'
import { createBytes, putSlice, toSource } from './bytes.ts'
import type { Bytes, Source } from './bytes.ts'

export interface Dictionary {
  /** Keys in column form, key 0 first. */
  readonly keys: Bytes
  count: number
  seed: number
  /** Of key i: where its bytes start, how many, its hash. */
  starts: Uint32Array<ArrayBuffer>
  lengths: Uint32Array<ArrayBuffer>
  hashes: Int32Array<ArrayBuffer>
  /** Key number + 1; 0 = free. */
  table: Uint32Array<ArrayBuffer>
  /** Keys that came as text, which JSON brings again and again: no bytes are made of them twice, which was a third of decoding JSON. */
  readonly texts: Map<string, number>
}

const INITIAL = 64

export const createDictionary = (): Dictionary => {
  const dictionary: Dictionary = {
    keys: createBytes(),
    count: 0,
    seed: 0,
    starts: new Uint32Array(INITIAL),
    lengths: new Uint32Array(INITIAL),
    hashes: new Int32Array(INITIAL),
    table: new Uint32Array(INITIAL * 4),
    texts: new Map(),
  }
  clearDictionary(dictionary, 0)
  return dictionary
}

export const clearDictionary = (dictionary: Dictionary, seed: number): void => {
  if (dictionary.table.length > 65_536) dictionary.table = new Uint32Array(INITIAL * 4)
  else dictionary.table.fill(0)
  if (dictionary.starts.length > 16_384) {
    dictionary.starts = new Uint32Array(INITIAL)
    dictionary.lengths = new Uint32Array(INITIAL)
    dictionary.hashes = new Int32Array(INITIAL)
  }
  dictionary.texts.clear()
  dictionary.seed = seed
  dictionary.keys.length = 1
  dictionary.keys.buf[0] = 0
  dictionary.count = 1
  dictionary.starts[0] = 1
  dictionary.lengths[0] = 0
}

const hashOf = (src: Source, from: number, length: number, seed: number): number => {
  let hash = seed ^ length
  const { view, buf } = src
  const end = from + length
  while (from + 4 <= end) {
    hash = Math.imul(hash ^ view.getInt32(from, true), 0x9e3779b1)
    hash ^= hash >>> 15
    from += 4
  }
  while (from < end) hash = Math.imul(hash ^ buf[from++], 0x85ebca6b)
  return hash ^ (hash >>> 13)
}

const isSame = (keys: Bytes, start: number, src: Source, from: number, length: number): boolean => {
  const end = from + length
  while (from + 4 <= end) {
    if (keys.view.getInt32(start, true) !== src.view.getInt32(from, true)) return false
    from += 4
    start += 4
  }
  while (from < end) if (keys.buf[start++] !== src.buf[from++]) return false
  return true
}

/** The key's number, added when it is new. `guess` is a key number that it may well be: then nothing is hashed. */
export const indexOf = (dictionary: Dictionary, src: Source, from: number, length: number, guess: number): number => {
  if (length === 0) return 0
  const { keys, lengths, starts } = dictionary
  if (guess < dictionary.count && lengths[guess] === length && isSame(keys, starts[guess], src, from, length)) return guess
  const hash = hashOf(src, from, length, dictionary.seed)
  const { table } = dictionary
  const mask = table.length - 1
  for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
    const entry = table[slot]
    if (entry === 0) return add(dictionary, src, from, length, hash, slot)
    const key = entry - 1
    if (dictionary.hashes[key] === hash && lengths[key] === length && isSame(keys, starts[key], src, from, length)) return key
  }
}

const add = (dictionary: Dictionary, src: Source, from: number, length: number, hash: number, slot: number): number => {
  const raw = src.buf.subarray(from, from + length)
  // Kept under its repaired text only: it is looked up anew each time, and is rare.
  if (!isUtf8(raw)) return indexOfText(dictionary, raw.toString('utf8'))
  const key = dictionary.count++
  if (key === dictionary.starts.length) growKeys(dictionary)
  putSlice(dictionary.keys, src, from, length)
  dictionary.starts[key] = dictionary.keys.length - length
  dictionary.lengths[key] = length
  dictionary.hashes[key] = hash
  dictionary.table[slot] = key + 1
  if (dictionary.count * 2 > dictionary.table.length) growTable(dictionary)
  return key
}

const growKeys = (dictionary: Dictionary): void => {
  const size = dictionary.starts.length * 2
  const larger = <T extends Uint32Array | Int32Array>(old: T, next: T): T => {
    next.set(old)
    return next
  }
  dictionary.starts = larger(dictionary.starts, new Uint32Array(size))
  dictionary.lengths = larger(dictionary.lengths, new Uint32Array(size))
  dictionary.hashes = larger(dictionary.hashes, new Int32Array(size))
}

const growTable = (dictionary: Dictionary): void => {
  const table = new Uint32Array(dictionary.table.length * 4)
  const mask = table.length - 1
  for (let key = 1; key < dictionary.count; key++) {
    let slot = dictionary.hashes[key] & mask
    while (table[slot] !== 0) slot = (slot + 1) & mask
    table[slot] = key + 1
  }
  dictionary.table = table
}

export const indexOfText = (dictionary: Dictionary, text: string): number => {
  const known = dictionary.texts.get(text)
  if (known !== undefined) return known
  const bytes = Buffer.from(text)
  const key = indexOf(dictionary, toSource(bytes), 0, bytes.length, 0)
  dictionary.texts.set(text, key)
  return key
}

export const keyText = (dictionary: Dictionary, key: number): string =>
  dictionary.keys.buf.toString('utf8', dictionary.starts[key], dictionary.starts[key] + dictionary.lengths[key])
