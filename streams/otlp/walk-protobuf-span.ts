// A Span, by tags and lengths, with its events, links and status. Answers 0, a fault of the body (negative, protobuf-wire) or one of the
// span (positive). A span is nothing without its ids: unlike those of a log record they must be there and not be zero.
import { MAX_RECORD_BYTES } from './walk.ts'
import { PAST_END, readTag, readVarint, skipBytes, skipOther, skipVarint } from './protobuf-wire.ts'
import { BAD_PARENT_ID, BAD_SPAN_ID, BAD_TRACE_ID, TOO_LARGE, walkAttribute } from './walk-protobuf-record.ts'

/** Known fields of each message, bit n = field n. */
const SPAN_FIELDS = 0b1_1111_1111_1111_1110
const FLAGS_TAG = 133

/** A message inside a span: tags of its fields by wire type; it holds attributes, or none. */
interface Inner {
  readonly known: number
  readonly pairTag: number
  readonly bytes: readonly number[]
  readonly varints: readonly number[]
  readonly fixed64: number
  readonly fixed32: number
}
const NONE = -1
const EVENT: Inner = { known: 0b1_1110, pairTag: 26, bytes: [18], varints: [32], fixed64: 9, fixed32: NONE }
const LINK: Inner = { known: 0b111_1110, pairTag: 34, bytes: [10, 18, 26], varints: [40], fixed64: NONE, fixed32: 53 }
const STATUS: Inner = { known: 0b1100, pairTag: NONE, bytes: [18], varints: [24], fixed64: NONE, fixed32: NONE }

const walkInner = (buf: Uint8Array, start: number, end: number, { known, pairTag, bytes, varints, fixed64, fixed32 }: Inner): number => {
  let pos = start
  let outcome = 0
  while (pos < end) {
    const tag = readTag(buf, pos, end)
    if (tag < 0) return tag
    pos = skipVarint(buf, pos, end)
    if (tag === pairTag) {
      const after = skipBytes(buf, pos, end)
      if (after < 0) return after
      const inner = walkAttribute(buf, after - readVarint(buf, pos, end), after)
      if (inner < 0) return inner
      if (inner > 0) outcome = inner
      pos = after
    } else if (bytes.includes(tag)) pos = skipBytes(buf, pos, end)
    else if (varints.includes(tag)) pos = skipVarint(buf, pos, end)
    else if (tag === fixed64) pos += 8
    else if (tag === fixed32) pos += 4
    else pos = skipOther(buf, pos, end, tag, known)
    if (pos < 0) return pos
    if (pos > end) return PAST_END
  }
  return outcome
}

const isId = (buf: Uint8Array, from: number, length: number, wanted: number): boolean => {
  if (length !== wanted) return false
  for (let i = 0; i < length; i++) if (buf[from + i] !== 0) return true
  return false
}

export const walkSpan = (buf: Uint8Array, start: number, end: number): number => {
  let pos = start
  let traceFrom = 0
  let traceBytes = 0
  let spanFrom = 0
  let spanBytes = 0
  let parentBytes = 0
  let depthFault = 0
  while (pos < end) {
    let tag = buf[pos++]
    if (tag > 127) {
      tag = readTag(buf, pos - 1, end)
      if (tag < 0) return tag
      pos = skipVarint(buf, pos, end)
    }
    switch (tag) {
      case 57:
      case 65:
        pos += 8
        break
      case FLAGS_TAG:
        pos += 4
        break
      case 48:
      case 80:
      case 96:
      case 112:
        pos = pos < end && buf[pos] < 128 ? pos + 1 : skipVarint(buf, pos, end)
        break
      case 10:
      case 18:
      case 26:
      case 34:
      case 42:
      case 74:
      case 90:
      case 106:
      case 122: {
        if (pos >= end) return PAST_END
        let length = buf[pos++]
        if (length > 127) {
          length = readVarint(buf, pos - 1, end)
          if (length < 0) return length
          pos = skipVarint(buf, pos, end)
        }
        if (length > end - pos) return PAST_END
        let outcome = 0
        switch (tag) {
          case 74:
            outcome = walkAttribute(buf, pos, pos + length)
            break
          case 10:
            traceFrom = pos
            traceBytes = length
            break
          case 18:
            spanFrom = pos
            spanBytes = length
            break
          case 34:
            parentBytes = length
            break
          case 90:
            outcome = walkInner(buf, pos, pos + length, EVENT)
            break
          case 106:
            outcome = walkInner(buf, pos, pos + length, LINK)
            break
          case 122:
            outcome = walkInner(buf, pos, pos + length, STATUS)
            break
          default:
        }
        if (outcome < 0) return outcome
        if (outcome > 0) depthFault = outcome
        pos += length
        break
      }
      default:
        pos = skipOther(buf, pos, end, tag, SPAN_FIELDS)
    }
    if (pos < 0) return pos
    if (pos > end) return PAST_END
  }
  if (end - start > MAX_RECORD_BYTES) return TOO_LARGE
  if (depthFault > 0) return depthFault
  if (!isId(buf, traceFrom, traceBytes, 16)) return BAD_TRACE_ID
  if (!isId(buf, spanFrom, spanBytes, 8)) return BAD_SPAN_ID
  return parentBytes === 0 || parentBytes === 8 ? 0 : BAD_PARENT_ID
}
