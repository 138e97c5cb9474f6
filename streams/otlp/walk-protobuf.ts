// Accepts or rejects the records of a protobuf ExportLogsServiceRequest: tags and lengths only, no object and no string
// per record. Fields come in any order and repeat; what this walk accepts, the decoder must be able to store.
import { MAX_DEPTH, MAX_EXPANDED_BYTES, MAX_RECORD_BYTES, MAX_RECORDS, RECORD_OVERHEAD_BYTES, malformed, tooLarge } from './walk.ts'
import type { RejectReason, Walk } from './walk.ts'
import { PAST_END, describeFault, readTag, readVarint, skipBytes, skipOther, skipVarint } from './protobuf-wire.ts'

/** Outcomes of one message: 0 is fine, below are faults of the body (protobuf-wire), above those of a record. */
const TOO_DEEP = 1
const BAD_TRACE_ID = 2
const BAD_SPAN_ID = 3
const TOO_LARGE = 4
const TOO_MANY = -100
const reasonOf: Record<number, RejectReason> = {
  [TOO_DEEP]: 'nesting_too_deep', [BAD_TRACE_ID]: 'invalid_trace_id', [BAD_SPAN_ID]: 'invalid_span_id', [TOO_LARGE]: 'record_too_large',
}

/** Known fields of each message, bit n = field n. */
const REQUEST_FIELDS = 1 << 1
const THREE_FIELDS = (1 << 1) | (1 << 2) | (1 << 3)
const RESOURCE_FIELDS = (1 << 1) | (1 << 2)
const SCOPE_FIELDS = (1 << 1) | (1 << 2) | (1 << 3) | (1 << 4)
const RECORD_FIELDS = 0b1_1111_1110_1110
const PAIR_FIELDS = (1 << 1) | (1 << 2)
const VALUE_FIELDS = 0b1111_1110
const LIST_FIELDS = 1 << 1

interface State { count: number; expandedBytes: number; readonly rejected: number[]; readonly codes: number[] }

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
      case 10: case 58: pos = skipBytes(buf, pos, end); break
      case 16: case 24: pos = skipVarint(buf, pos, end); break
      case 33: pos += 8; break
      case 42: case 50: {
        const after = skipBytes(buf, pos, end)
        if (after < 0) return after
        const inner = walkList(buf, after - readVarint(buf, pos, end), after, depth + 1, tag === 50)
        if (inner < 0) return inner
        if (inner > 0) outcome = inner
        pos = after
        break
      }
      default: pos = skipOther(buf, pos, end, tag, VALUE_FIELDS)
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

const walkRecord = (buf: Uint8Array, start: number, end: number): number => {
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
      case 50: {
        const length = pos < end ? buf[pos] : 0
        const first = pos + 1
        // By far the most common attribute: short key, short string value, in this order, filling the pair exactly.
        if (length > 5 && length < 128 && first + length <= end && buf[first] === 10) {
          const after = first + length
          const value = first + 2 + buf[first + 1]
          if (value + 3 < after && buf[value] === 18 && value + 2 + buf[value + 1] === after && buf[value + 2] === 10 && value + 4 + buf[value + 3] === after) {
            pos = after
            continue
          }
        }
        const after = skipBytes(buf, pos, end)
        if (after < 0) return after
        const inner = walkPair(buf, after - readVarint(buf, pos, end), after, 1)
        if (inner < 0) return inner
        if (inner > 0) depthFault = inner
        pos = after
        break
      }
      case 42: {
        const after = skipBytes(buf, pos, end)
        if (after < 0) return after
        const inner = walkValue(buf, after - readVarint(buf, pos, end), after, 1)
        if (inner < 0) return inner
        if (inner > 0) depthFault = inner
        pos = after
        break
      }
      case 9: case 89: pos += 8; break
      case 69: pos += 4; break
      case 16: case 56: pos = skipVarint(buf, pos, end); break
      case 26: case 98: pos = skipBytes(buf, pos, end); break
      case 74: case 82: {
        const after = skipBytes(buf, pos, end)
        if (after < 0) return after
        const length = readVarint(buf, pos, end)
        if (tag === 74) traceIdBytes = length
        else spanIdBytes = length
        pos = after
        break
      }
      default: pos = skipOther(buf, pos, end, tag, RECORD_FIELDS)
    }
    if (pos < 0) return pos
    if (pos > end) return PAST_END
  }
  if (end - start > MAX_RECORD_BYTES) return TOO_LARGE
  if (depthFault > 0) return depthFault
  if (traceIdBytes !== 0 && traceIdBytes !== 16) return BAD_TRACE_ID
  return spanIdBytes !== 0 && spanIdBytes !== 8 ? BAD_SPAN_ID : 0
}

/** Resource or Scope: `pairTag` is the tag of its attributes, `bytesTags` those of its strings, bit tag >> 3. */
const walkAttributes = (buf: Uint8Array, start: number, end: number, pairTag: number, known: number): number => {
  let pos = start
  let outcome = 0
  while (pos < end) {
    const tag = readTag(buf, pos, end)
    if (tag < 0) return tag
    pos = skipVarint(buf, pos, end)
    const isPair = tag === pairTag
    if (isPair || (pairTag === 26 && (tag === 10 || tag === 18))) {
      const after = skipBytes(buf, pos, end)
      if (after < 0) return after
      if (isPair) {
        const inner = walkPair(buf, after - readVarint(buf, pos, end), after, 1)
        if (inner < 0) return inner
        if (inner > 0) outcome = inner
      }
      pos = after
    } else if (tag === (pairTag === 26 ? 32 : 16)) pos = skipVarint(buf, pos, end)
    else pos = skipOther(buf, pos, end, tag, known)
    if (pos < 0) return pos
  }
  return outcome
}

/** Everything counted since `firstIndex` is rejected for what its resource or scope is. */
const rejectAll = (state: State, firstIndex: number, firstFault: number, code: number): void => {
  state.rejected.length = firstFault
  state.codes.length = firstFault
  for (let index = firstIndex; index < state.count; index++) {
    state.rejected.push(index)
    state.codes.push(code)
  }
}

const walkScopeLogs = (buf: Uint8Array, start: number, end: number, state: State): number => {
  const firstIndex = state.count
  const firstFault = state.rejected.length
  let pos = start
  let sharedBytes = 0
  let recordBytes = 0
  let scopeFault = 0
  while (pos < end) {
    const tag = readTag(buf, pos, end)
    if (tag < 0) return tag
    pos = skipVarint(buf, pos, end)
    if (tag !== 18 && tag !== 10 && tag !== 26) {
      pos = skipOther(buf, pos, end, tag, THREE_FIELDS)
      if (pos < 0) return pos
      continue
    }
    const after = skipBytes(buf, pos, end)
    if (after < 0) return after
    const length = readVarint(buf, pos, end)
    if (tag === 18) {
      if (state.count === MAX_RECORDS) return TOO_MANY
      const outcome = walkRecord(buf, after - length, after)
      if (outcome < 0) return outcome
      if (outcome > 0) {
        state.rejected.push(state.count)
        state.codes.push(outcome)
      } else recordBytes += length + RECORD_OVERHEAD_BYTES
      state.count++
    } else {
      sharedBytes += length
      const outcome = tag === 10 ? walkAttributes(buf, after - length, after, 26, SCOPE_FIELDS) : 0
      if (outcome < 0) return outcome
      if (outcome > 0) scopeFault = outcome
    }
    pos = after
  }
  if (scopeFault > 0) rejectAll(state, firstIndex, firstFault, scopeFault)
  else state.expandedBytes += recordBytes + sharedBytes * (state.count - firstIndex - (state.rejected.length - firstFault))
  return 0
}

const walkResourceLogs = (buf: Uint8Array, start: number, end: number, state: State): number => {
  const firstIndex = state.count
  const firstFault = state.rejected.length
  const expandedBefore = state.expandedBytes
  let pos = start
  let sharedBytes = 0
  let resourceFault = 0
  while (pos < end) {
    const tag = readTag(buf, pos, end)
    if (tag < 0) return tag
    pos = skipVarint(buf, pos, end)
    if (tag !== 18 && tag !== 10 && tag !== 26) {
      pos = skipOther(buf, pos, end, tag, THREE_FIELDS)
      if (pos < 0) return pos
      continue
    }
    const after = skipBytes(buf, pos, end)
    if (after < 0) return after
    const from = after - readVarint(buf, pos, end)
    let outcome = 0
    if (tag === 18) outcome = walkScopeLogs(buf, from, after, state)
    else {
      sharedBytes += after - from
      if (tag === 10) outcome = walkAttributes(buf, from, after, 10, RESOURCE_FIELDS)
    }
    if (outcome < 0) return outcome
    if (outcome > 0) resourceFault = outcome
    pos = after
  }
  if (resourceFault > 0) {
    rejectAll(state, firstIndex, firstFault, resourceFault)
    state.expandedBytes = expandedBefore
  } else state.expandedBytes += sharedBytes * (state.count - firstIndex - (state.rejected.length - firstFault))
  return 0
}

const walkRequest = (buf: Uint8Array, state: State): number => {
  const end = buf.length
  let pos = 0
  while (pos < end) {
    const tag = readTag(buf, pos, end)
    if (tag < 0) return tag
    pos = skipVarint(buf, pos, end)
    if (tag !== 10) {
      pos = skipOther(buf, pos, end, tag, REQUEST_FIELDS)
      if (pos < 0) return pos
      continue
    }
    const after = skipBytes(buf, pos, end)
    if (after < 0) return after
    const outcome = walkResourceLogs(buf, after - readVarint(buf, pos, end), after, state)
    if (outcome < 0) return outcome
    pos = after
  }
  return 0
}

export const walkProtobuf = (body: Uint8Array): Walk => {
  const state: State = { count: 0, expandedBytes: 0, rejected: [], codes: [] }
  const outcome = walkRequest(body, state)
  if (outcome === TOO_MANY) return tooLarge(`more than ${MAX_RECORDS} records in one request`)
  if (outcome < 0) return malformed(describeFault(outcome))
  if (state.expandedBytes > MAX_EXPANDED_BYTES) return tooLarge(`the records would take more than ${MAX_EXPANDED_BYTES} bytes when stored`)
  const reasons: Partial<Record<RejectReason, number>> = {}
  for (const code of state.codes) reasons[reasonOf[code]] = (reasons[reasonOf[code]] ?? 0) + 1
  return { ok: true, recordCount: state.count, expandedBytes: state.expandedBytes, rejected: state.rejected, reasons }
}
