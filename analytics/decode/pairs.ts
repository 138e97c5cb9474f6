// Attributes as a Map column holds them: key numbers, and values one behind the other. `Pairs` is one run of them, the
// record's own (the column itself) or that of a resource or scope, kept aside and repeated for each of its rows.
import { createBytes, lengthAt, putRaw, reserve, varintSize } from './bytes.ts'
import type { Bytes } from './bytes.ts'
import { clearDictionary, createDictionary } from './dictionary.ts'
import type { Dictionary } from './dictionary.ts'

export interface Pairs {
  readonly dictionary: Dictionary
  keys: Uint32Array<ArrayBuffer>
  count: number
  readonly values: Bytes
  /** Per key number, the run that last used it: finds duplicates. */
  stamps: Uint32Array<ArrayBuffer>
  stamp: number
  hasDuplicates: boolean
  /** Key number last seen at each place of a run: records of one kind repeat their keys in order. */
  readonly guesses: Uint32Array<ArrayBuffer>
  /** Where the current run starts. */
  firstPair: number
  firstByte: number
}

export const GUESSES = 32

export const createPairs = (dictionary: Dictionary = createDictionary()): Pairs => ({
  dictionary,
  keys: new Uint32Array(1024),
  count: 0,
  values: createBytes(),
  stamps: new Uint32Array(64),
  stamp: 0,
  hasDuplicates: false,
  guesses: new Uint32Array(GUESSES),
  firstPair: 0,
  firstByte: 0,
})

export const clearPairs = (pairs: Pairs, seed: number): void => {
  clearDictionary(pairs.dictionary, seed)
  restart(pairs)
  pairs.stamps.fill(0)
  pairs.stamp = 0
}
/** Empties a run that is kept aside; its dictionary stays. */
export const restart = (pairs: Pairs): void => {
  pairs.count = 0
  pairs.values.length = 0
}

export const beginRun = (pairs: Pairs): void => {
  pairs.stamp++
  pairs.hasDuplicates = false
  pairs.firstPair = pairs.count
  pairs.firstByte = pairs.values.length
}

/** With at least `needed` elements, and what was in it. */
export const growTo = <T extends Uint8Array<ArrayBuffer> | Uint32Array<ArrayBuffer> | BigUint64Array<ArrayBuffer>>(
  old: T,
  needed: number,
): T => {
  if (needed <= old.length) return old
  const larger = new (old.constructor as new (length: number) => T)(Math.max(needed, old.length * 2))
  larger.set(old as never)
  return larger
}

/** Adds a key; its value is to be put into `values` right after or has been right before. */
export const putKey = (pairs: Pairs, key: number): void => {
  if (key >= pairs.stamps.length) pairs.stamps = growTo(pairs.stamps, key + 1)
  if (pairs.stamps[key] === pairs.stamp) pairs.hasDuplicates = true
  else pairs.stamps[key] = pairs.stamp
  if (pairs.count === pairs.keys.length) pairs.keys = growTo(pairs.keys, pairs.count + 1)
  pairs.keys[pairs.count++] = key
}

/** Of keys that repeat in the run the last one stays. */
export const endRun = (pairs: Pairs): void => {
  if (!pairs.hasDuplicates) return
  const last = new Map<number, number>()
  for (let i = pairs.firstPair; i < pairs.count; i++) last.set(pairs.keys[i], i)
  const { values, keys } = pairs
  let from = pairs.firstByte
  let to = from
  let kept = pairs.firstPair
  for (let i = pairs.firstPair; i < pairs.count; i++) {
    const length = lengthAt(values, from)
    const size = varintSize(length) + length
    if (last.get(keys[i]) === i) {
      if (to !== from) values.buf.copyWithin(to, from, from + size)
      keys[kept++] = keys[i]
      to += size
    }
    from += size
  }
  pairs.count = kept
  values.length = to
}

/** Appends the run `from`, which has the same dictionary, `times` over: doubling what is there. */
export const repeatRun = (to: Pairs, from: Pairs, times: number): void => {
  const first = to.count
  const total = from.count * times
  to.keys = growTo(to.keys, first + total)
  to.keys.set(from.keys.subarray(0, from.count), first)
  for (let done = from.count; done < total; done *= 2) to.keys.copyWithin(first + done, first, first + Math.min(done, total - done))
  to.count = first + total
  repeatBytes(to.values, from.values, times)
}

export const repeatBytes = (to: Bytes, from: Bytes, times: number): void => {
  const first = to.length
  const total = from.length * times
  reserve(to, total)
  putRaw(to, from, 0, from.length)
  for (let done = from.length; done > 0 && done < total; done *= 2)
    to.buf.copyWithin(first + done, first, first + Math.min(done, total - done))
  to.length = first + total
}
