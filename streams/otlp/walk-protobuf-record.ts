// The messages inside a record, by tags and lengths: LogRecord, KeyValue, AnyValue and its lists, and the attributes of
// Resource and Scope. Each function answers 0, a fault of the body (negative, protobuf-wire) or one of the record (positive).
// A log record's walk is in one file with what it calls most: across modules it costs 5 % more.
import { MAX_DEPTH, MAX_RECORD_BYTES } from './walk.ts'
import { PAST_END, readTag, readVarint, skipBytes, skipOther, skipVarint } from './protobuf-wire.ts'

export const TOO_DEEP = 1
export const BAD_TRACE_ID = 2
export const BAD_SPAN_ID = 3
export const TOO_LARGE = 4
export const BAD_PARENT_ID = 5

/** Known fields of each message, bit n = field n. */
const RESOURCE_FIELDS = (1 << 1) | (1 << 2)
const SCOPE_FIELDS = (1 << 1) | (1 << 2) | (1 << 3) | (1 << 4)
const RECORD_FIELDS = 0b1_1111_1110_1110
const PAIR_FIELDS = (1 << 1) | (1 << 2)
const VALUE_FIELDS = 0b1111_1110
const LIST_FIELDS = 1 << 1

/** ArrayValue or KeyValueList: field 1 repeated, of values or of pairs. */
const walkList = (buf: Uint8Array, start: number, end: number, depth: number, pairs: boolean): number => {
  let pos = start
  let outcome = 0
  while (pos < end) {
    const tag = readTag(buf, pos, end)
    if (tag < 0) return tag
    pos = skipVarint(buf, pos, end)
    if (tag === 10) {
      const after = skipBytes(buf, pos, end)
      if (after < 0) return after
      const from = after - readVarint(buf, pos, end)
      const inner = pairs ? walkPair(buf, from, after, depth) : walkValue(buf, from, after, depth)
      if (inner < 0) return inner
      if (inner > 0) outcome = inner
      pos = after
    } else {
      pos = skipOther(buf, pos, end, tag, LIST_FIELDS)
      if (pos < 0) return pos
    }
  }
  return outcome
}

/** AnyValue at `depth`, 1 for a plain one. What lies deeper than the limit is not looked at: its record is rejected. */
const walkValue = (buf: Uint8Array, start: number, end: number, depth: number): number => {
  if (depth > MAX_DEPTH) return TOO_DEEP
  let pos = start
  let outcome = 0
  while (pos < end) {
    let tag = buf[pos++]
    if (tag > 127) {
      tag = readTag(buf, pos - 1, end)
      if (tag < 0) return tag
      pos = skipVarint(buf, pos, end)
    }
    switch (tag) {
      case 10:
      case 58:
        pos = skipBytes(buf, pos, end)
        break
      case 16:
      case 24:
        pos = skipVarint(buf, pos, end)
        break
      case 33:
        pos += 8
        break
      case 42:
      case 50: {
        const after = skipBytes(buf, pos, end)
        if (after < 0) return after
        const inner = walkList(buf, after - readVarint(buf, pos, end), after, depth + 1, tag === 50)
        if (inner < 0) return inner
        if (inner > 0) outcome = inner
        pos = after
        break
      }
      default:
        pos = skipOther(buf, pos, end, tag, VALUE_FIELDS)
    }
    if (pos < 0) return pos
    if (pos > end) return PAST_END
  }
  return outcome
}

const walkPair = (buf: Uint8Array, start: number, end: number, depth: number): number => {
  let pos = start
  let outcome = 0
  while (pos < end) {
    let tag = buf[pos++]
    if (tag > 127) {
      tag = readTag(buf, pos - 1, end)
      if (tag < 0) return tag
      pos = skipVarint(buf, pos, end)
    }
    if (tag === 10) pos = skipBytes(buf, pos, end)
    else if (tag === 18) {
      const after = skipBytes(buf, pos, end)
      if (after < 0) return after
      const inner = walkValue(buf, after - readVarint(buf, pos, end), after, depth)
      if (inner < 0) return inner
      if (inner > 0) outcome = inner
      pos = after
    } else pos = skipOther(buf, pos, end, tag, PAIR_FIELDS)
    if (pos < 0) return pos
  }
  return outcome
}

/**
 * True for the pair that nearly every attribute is: short key, short string value, in either order, filling [from, end)
 * exactly. Only a shortcut: what it does not know, walkPair decides.
 */
const isPlainPair = (buf: Uint8Array, from: number, end: number): boolean => {
  if (end - from < 6) return false
  const middle = from + 2 + buf[from + 1]
  if (buf[from + 1] > 127 || middle + 1 >= end) return false
  if (middle + 2 + buf[middle + 1] !== end || buf[middle + 1] > 127) return false
  if (buf[from] === 10 && buf[middle] === 18) return isPlainText(buf, middle + 2, end)
  return buf[from] === 18 && buf[middle] === 10 && isPlainText(buf, from + 2, middle)
}

/** An AnyValue that is one short string. */
const isPlainText = (buf: Uint8Array, from: number, end: number): boolean =>
  end - from >= 2 && buf[from] === 10 && buf[from + 1] < 128 && from + 2 + buf[from + 1] === end

/** An attribute at the first level, its content in [from, end). */
export const walkAttribute = (buf: Uint8Array, from: number, end: number): number =>
  isPlainPair(buf, from, end) ? 0 : walkPair(buf, from, end, 1)

/** A sub-message of a record: attribute (50) or body (42), its content in [from, end). */
const walkNested = (buf: Uint8Array, from: number, end: number, tag: number): number => {
  if (tag === 50) return walkAttribute(buf, from, end)
  return isPlainText(buf, from, end) ? 0 : walkValue(buf, from, end, 1)
}

/** The record's verdict once its framing holds. A repeated id's last length counts. */
const judge = (bytes: number, depthFault: number, traceIdBytes: number, spanIdBytes: number): number => {
  if (bytes > MAX_RECORD_BYTES) return TOO_LARGE
  if (depthFault > 0) return depthFault
  if (traceIdBytes !== 0 && traceIdBytes !== 16) return BAD_TRACE_ID
  return spanIdBytes !== 0 && spanIdBytes !== 8 ? BAD_SPAN_ID : 0
}

export const walkLogRecord = (buf: Uint8Array, start: number, end: number): number => {
  let pos = start
  let traceIdBytes = 0
  let spanIdBytes = 0
  let depthFault = 0
  while (pos < end) {
    let tag = buf[pos++]
    if (tag > 127) {
      tag = readTag(buf, pos - 1, end)
      if (tag < 0) return tag
      pos = skipVarint(buf, pos, end)
    }
    switch (tag) {
      case 9:
      case 89:
        pos += 8
        break
      case 69:
        pos += 4
        break
      case 16:
      case 56:
        pos = pos < end && buf[pos] < 128 ? pos + 1 : skipVarint(buf, pos, end)
        break
      case 26:
      case 42:
      case 50:
      case 74:
      case 82:
      case 98: {
        if (pos >= end) return PAST_END
        let length = buf[pos++]
        if (length > 127) {
          length = readVarint(buf, pos - 1, end)
          if (length < 0) return length
          pos = skipVarint(buf, pos, end)
        }
        if (length > end - pos) return PAST_END
        if (tag === 50 || tag === 42) {
          const outcome = walkNested(buf, pos, pos + length, tag)
          if (outcome < 0) return outcome
          if (outcome > 0) depthFault = outcome
        } else if (tag === 74) traceIdBytes = length
        else if (tag === 82) spanIdBytes = length
        pos += length
        break
      }
      default:
        pos = skipOther(buf, pos, end, tag, RECORD_FIELDS)
    }
    if (pos < 0) return pos
    if (pos > end) return PAST_END
  }
  return judge(end - start, depthFault, traceIdBytes, spanIdBytes)
}

interface Holder {
  readonly known: number
  readonly pairTag: number
  readonly countTag: number
  /** Two strings, or none. */ readonly textTags: readonly [number, number]
}
export const RESOURCE: Holder = { known: RESOURCE_FIELDS, pairTag: 10, countTag: 16, textTags: [-1, -1] }
export const SCOPE: Holder = { known: SCOPE_FIELDS, pairTag: 26, countTag: 32, textTags: [10, 18] }

/** Resource or Scope: their strings and their attributes. */
export const walkAttributes = (buf: Uint8Array, start: number, end: number, { known, pairTag, countTag, textTags }: Holder): number => {
  let pos = start
  let outcome = 0
  while (pos < end) {
    const tag = readTag(buf, pos, end)
    if (tag < 0) return tag
    pos = skipVarint(buf, pos, end)
    if (tag === pairTag) {
      const after = skipBytes(buf, pos, end)
      if (after < 0) return after
      const inner = walkPair(buf, after - readVarint(buf, pos, end), after, 1)
      if (inner < 0) return inner
      if (inner > 0) outcome = inner
      pos = after
    } else if (tag === textTags[0] || tag === textTags[1]) pos = skipBytes(buf, pos, end)
    else if (tag === countTag) pos = skipVarint(buf, pos, end)
    else pos = skipOther(buf, pos, end, tag, known)
    if (pos < 0) return pos
  }
  return outcome
}
