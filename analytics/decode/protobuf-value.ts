// AnyValue off the wire. The plain ones (one string, integer, bool or double) go straight into a column; the rest becomes
// a value first: lists, maps, bytes, 64-bit integers, and fields that come twice, which merge as protobuf says.
// Throws PermanentError DECODE_FAILED on broken framing and never reads past `end`.
import { PermanentError } from '../../streams/contracts/errors.ts'
import type { JsonValue } from '../../streams/otlp/otlp-json-value.ts'
import { MAX_DEPTH } from '../../streams/otlp/walk.ts'
import { describeFault, PAST_END, readTag, readVarint, skipOther, skipVarint } from '../../streams/otlp/protobuf-wire.ts'
import { doubleText, isMap, valueText } from './attribute-value.ts'
import { putDecimal, putEmpty, putSlice, putText } from './bytes.ts'
import type { Bytes, Source } from './bytes.ts'

/** Known fields of each message, bit n = field n. */
const VALUE_FIELDS = 0b1111_1110
const LIST_FIELDS = 1 << 1
export const PAIR_FIELDS = (1 << 1) | (1 << 2)

export const failed = (fault: number): PermanentError => new PermanentError('DECODE_FAILED', describeFault(fault))

/** Position or value, or the fault thrown. */
export const sound = (result: number): number => {
  if (result < 0) throw failed(result)
  return result
}

/** Start of the content of the length-delimited field whose length stands at `pos`; its end is behind `lengthOf`. */
export const contentAt = (src: Source, pos: number, end: number): number => {
  const from = sound(skipVarint(src.buf, pos, end))
  if (sound(readVarint(src.buf, pos, end)) > end - from) throw failed(PAST_END)
  return from
}
export const lengthOf = (src: Source, pos: number, end: number): number => readVarint(src.buf, pos, end)

const readInt64 = (src: Source, pos: number, end: number): bigint => {
  let value = 0n
  for (let shift = 0n; ; shift += 7n) {
    const byte = src.buf[pos++]
    value |= BigInt(byte & 127) << shift
    if (byte < 128 || pos >= end) return BigInt.asIntN(64, value)
  }
}
const isTrue = (src: Source, pos: number, end: number): boolean => readInt64(src, pos, end) !== 0n

export const readPair = (src: Source, from: number, end: number, depth: number): [key: string, value: JsonValue] => {
  const pair: [string, JsonValue] = ['', null]
  for (let pos = from; pos < end;) {
    const tag = sound(readTag(src.buf, pos, end))
    pos = sound(skipVarint(src.buf, pos, end))
    if (tag !== 10 && tag !== 18) {
      pos = sound(skipOther(src.buf, pos, end, tag, PAIR_FIELDS))
      continue
    }
    const start = contentAt(src, pos, end)
    const after = start + lengthOf(src, pos, end)
    if (tag === 10) pair[0] = src.buf.toString('utf8', start, after)
    else pair[1] = readValue(src, start, after, pair[1], depth)
    pos = after
  }
  return pair
}

const readList = <T>(src: Source, from: number, end: number, items: T[], read: (start: number, after: number) => T): void => {
  for (let pos = from; pos < end;) {
    const tag = sound(readTag(src.buf, pos, end))
    pos = sound(skipVarint(src.buf, pos, end))
    if (tag !== 10) {
      pos = sound(skipOther(src.buf, pos, end, tag, LIST_FIELDS))
      continue
    }
    const start = contentAt(src, pos, end)
    pos = start + lengthOf(src, pos, end)
    items.push(read(start, pos))
  }
}

/** Merges the AnyValue in [from, end) into `before`: another kind replaces it, the same list or map goes on. */
export const readValue = (src: Source, from: number, end: number, before: JsonValue, depth: number): JsonValue => {
  // The walk does not look below either, and rejects every record that has it: nothing of this is stored.
  if (depth > MAX_DEPTH) return null
  let value = before
  for (let pos = from; pos < end;) {
    const tag = sound(readTag(src.buf, pos, end))
    pos = sound(skipVarint(src.buf, pos, end))
    if (tag === 16 || tag === 24) {
      const after = sound(skipVarint(src.buf, pos, end))
      value = tag === 16 ? isTrue(src, pos, after) : readInt64(src, pos, after)
      pos = after
    } else if (tag === 33) {
      if (end - pos < 8) throw failed(PAST_END)
      value = src.view.getFloat64(pos, true)
      pos += 8
    } else if (tag === 10 || tag === 42 || tag === 50 || tag === 58) {
      const start = contentAt(src, pos, end)
      const after = start + lengthOf(src, pos, end)
      if (tag === 10) value = src.buf.toString('utf8', start, after)
      else if (tag === 58) value = Uint8Array.prototype.slice.call(src.buf, start, after)
      else value = tag === 42 ? mergeArray(src, start, after, value, depth) : mergeMap(src, start, after, value, depth)
      pos = after
    } else pos = sound(skipOther(src.buf, pos, end, tag, VALUE_FIELDS))
  }
  return value
}

const mergeArray = (src: Source, from: number, end: number, before: JsonValue, depth: number): JsonValue => {
  const items = (Array.isArray(before) ? before : []) as JsonValue[]
  readList(src, from, end, items, (start, after) => readValue(src, start, after, null, depth + 1))
  return items
}
const mergeMap = (src: Source, from: number, end: number, before: JsonValue, depth: number): JsonValue => {
  const entries = (isMap(before) ? before.entries : []) as [string, JsonValue][]
  readList(src, from, end, entries, (start, after) => readPair(src, start, after, depth + 1))
  return { entries }
}

/** Puts the text of the AnyValue in [from, end). True when it is a plain string. */
export const putValue = (bytes: Bytes, src: Source, from: number, end: number): boolean => {
  const { buf } = src
  const size = end - from
  if (size > 1) {
    const tag = buf[from]
    if (tag === 10) {
      const length = buf[from + 1]
      if (length < 128 && length === size - 2) {
        putSlice(bytes, src, from + 2, length)
        return true
      }
      if (length > 127 && size > 2 && buf[from + 2] < 128 && (length & 127) + buf[from + 2] * 128 === size - 3) {
        putSlice(bytes, src, from + 3, size - 3)
        return true
      }
    } else if (tag === 24 && putSmallInteger(bytes, src, from + 1, end)) return false
    else if (tag === 33 && size === 9) {
      putText(bytes, doubleText(src.view.getFloat64(from + 1, true)))
      return false
    }
  } else if (size === 0) {
    putEmpty(bytes)
    return false
  }
  const value = readValue(src, from, end, null, 1)
  putText(bytes, valueText(value))
  return typeof value === 'string'
}

/** An integer of up to 28 bits that fills [pos, end). */
const putSmallInteger = (bytes: Bytes, src: Source, pos: number, end: number): boolean => {
  if (end - pos > 4) return false
  let value = 0
  for (let shift = 0; pos < end; shift += 7) {
    const byte = src.buf[pos++]
    value |= (byte & 127) << shift
    if (byte < 128 && pos < end) return false
    if (byte > 127 && pos === end) return false
  }
  putDecimal(bytes, value)
  return true
}
