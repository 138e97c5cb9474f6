// KeyValue off the wire into a run of pairs. Almost every one is a short key and a value, in either order, filling its
// message exactly; anything else is read field by field.
import { readTag, skipOther, skipVarint } from '../../streams/otlp/protobuf-wire.ts'
import { valueText } from './attribute-value.ts'
import { putEmpty, putText } from './bytes.ts'
import type { Source } from './bytes.ts'
import { indexOf } from './dictionary.ts'
import { GUESSES, putKey } from './pairs.ts'
import type { Pairs } from './pairs.ts'
import { contentAt, lengthOf, PAIR_FIELDS, putValue, readValue, sound } from './protobuf-value.ts'

/** Adds the pair in [from, end). True when its value is a string. */
export const putPair = (pairs: Pairs, src: Source, from: number, end: number): boolean => {
  const { buf } = src
  // Key and value with one-byte lengths (the value's may have two), nothing else.
  if (end - from > 3) {
    const first = buf[from + 1]
    const middle = from + 2 + first
    if (first < 128 && middle + 2 <= end) {
      const second = buf[middle + 1]
      const wide = second > 127 && middle + 3 <= end && buf[middle + 2] < 128
      const start = wide ? middle + 3 : middle + 2
      const length = wide ? (second & 127) + buf[middle + 2] * 128 : second
      if ((second < 128 || wide) && start + length === end) {
        if (buf[from] === 10 && buf[middle] === 18) return putParts(pairs, src, from + 2, first, start, end)
        if (buf[from] === 18 && buf[middle] === 10) return putParts(pairs, src, start, length, from + 2, middle)
      }
    }
  }
  return putFields(pairs, src, from, end)
}

const putParts = (pairs: Pairs, src: Source, keyFrom: number, keyLength: number, valueFrom: number, valueEnd: number): boolean => {
  const place = pairs.count - pairs.firstPair
  const key = indexOf(pairs.dictionary, src, keyFrom, keyLength, place < GUESSES ? pairs.guesses[place] : 0)
  if (place < GUESSES) pairs.guesses[place] = key
  putKey(pairs, key)
  return putValue(pairs.values, src, valueFrom, valueEnd)
}

/** Fields in any order and number: the last key counts, values merge. */
const putFields = (pairs: Pairs, src: Source, from: number, end: number): boolean => {
  let keyFrom = 0
  let keyLength = 0
  let valueFrom = 0
  let valueEnd = 0
  let values = 0
  for (let pos = from; pos < end;) {
    const tag = sound(readTag(src.buf, pos, end))
    pos = sound(skipVarint(src.buf, pos, end))
    if (tag !== 10 && tag !== 18) {
      pos = sound(skipOther(src.buf, pos, end, tag, PAIR_FIELDS))
      continue
    }
    const start = contentAt(src, pos, end)
    const length = lengthOf(src, pos, end)
    pos = start + length
    if (tag === 10) {
      keyFrom = start
      keyLength = length
    } else {
      valueFrom = start
      valueEnd = pos
      values++
    }
  }
  if (values === 1) return putParts(pairs, src, keyFrom, keyLength, valueFrom, valueEnd)
  putKey(pairs, indexOf(pairs.dictionary, src, keyFrom, keyLength, 0))
  if (values === 0) {
    putEmpty(pairs.values)
    return false
  }
  const value = mergedValue(src, from, end, 18)
  putText(pairs.values, valueText(value))
  return typeof value === 'string'
}

/** The AnyValue that all fields tagged `wanted` in [from, end) merge to; the framing has been checked. */
export const mergedValue = (src: Source, from: number, end: number, wanted: number) => {
  let value: ReturnType<typeof readValue> = null
  for (let pos = from; pos < end;) {
    const tag = sound(readTag(src.buf, pos, end))
    pos = sound(skipVarint(src.buf, pos, end))
    if (tag === wanted) {
      const start = contentAt(src, pos, end)
      pos = start + lengthOf(src, pos, end)
      value = readValue(src, start, pos, value, 1)
    } else pos = sound(skipOther(src.buf, pos, end, tag, 0))
  }
  return value
}
