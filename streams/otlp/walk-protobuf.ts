// Accepts or rejects the records of a protobuf export request, logs or spans: resource, scope and records are framed alike in both.
// Tags and lengths only, no object and no string per record. Fields come in any order and repeat; what this walk accepts, the decoder
// must be able to store.
import { MAX_EXPANDED_BYTES, MAX_RECORDS, RECORD_OVERHEAD_BYTES, malformed, tooLarge } from './walk.ts'
import type { RejectReason, Walk } from './walk.ts'
import {
  BAD_PARENT_ID,
  BAD_SPAN_ID,
  BAD_TRACE_ID,
  RESOURCE,
  SCOPE,
  TOO_DEEP,
  TOO_LARGE,
  walkAttributes,
  walkLogRecord,
} from './walk-protobuf-record.ts'
import { walkSpan } from './walk-protobuf-span.ts'
import { describeFault, readTag, readVarint, skipBytes, skipOther, skipVarint } from './protobuf-wire.ts'

const TOO_MANY = -100
const reasonOf: Record<number, RejectReason> = {
  [TOO_DEEP]: 'nesting_too_deep',
  [BAD_TRACE_ID]: 'invalid_trace_id',
  [BAD_SPAN_ID]: 'invalid_span_id',
  [BAD_PARENT_ID]: 'invalid_parent_span_id',
  [TOO_LARGE]: 'record_too_large',
}

/** Known fields, bit n = field n: those of the request; those of ResourceLogs and ScopeLogs, or ResourceSpans and ScopeSpans. */
const REQUEST_FIELDS = 1 << 1
const GROUP_FIELDS = (1 << 1) | (1 << 2) | (1 << 3)

/** The record in [start, end): 0, or a fault. */
type WalkRecord = (buf: Uint8Array, start: number, end: number) => number
interface State {
  readonly walkRecord: WalkRecord
  count: number
  expandedBytes: number
  readonly rejected: number[]
  readonly codes: number[]
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

const walkScope = (buf: Uint8Array, start: number, end: number, state: State): number => {
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
      pos = skipOther(buf, pos, end, tag, GROUP_FIELDS)
      if (pos < 0) return pos
      continue
    }
    const after = skipBytes(buf, pos, end)
    if (after < 0) return after
    const length = readVarint(buf, pos, end)
    if (tag === 18) {
      if (state.count === MAX_RECORDS) return TOO_MANY
      const outcome = state.walkRecord(buf, after - length, after)
      if (outcome < 0) return outcome
      if (outcome > 0) {
        state.rejected.push(state.count)
        state.codes.push(outcome)
      } else recordBytes += length + RECORD_OVERHEAD_BYTES
      state.count++
    } else {
      sharedBytes += length
      const outcome = tag === 10 ? walkAttributes(buf, after - length, after, SCOPE) : 0
      if (outcome < 0) return outcome
      if (outcome > 0) scopeFault = outcome
    }
    pos = after
  }
  if (scopeFault > 0) rejectAll(state, firstIndex, firstFault, scopeFault)
  else state.expandedBytes += recordBytes + sharedBytes * (state.count - firstIndex - (state.rejected.length - firstFault))
  return 0
}

const walkResource = (buf: Uint8Array, start: number, end: number, state: State): number => {
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
      pos = skipOther(buf, pos, end, tag, GROUP_FIELDS)
      if (pos < 0) return pos
      continue
    }
    const after = skipBytes(buf, pos, end)
    if (after < 0) return after
    const from = after - readVarint(buf, pos, end)
    let outcome = 0
    if (tag === 18) outcome = walkScope(buf, from, after, state)
    else {
      sharedBytes += after - from
      if (tag === 10) outcome = walkAttributes(buf, from, after, RESOURCE)
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
    const outcome = walkResource(buf, after - readVarint(buf, pos, end), after, state)
    if (outcome < 0) return outcome
    pos = after
  }
  return 0
}

const walkBody = (body: Uint8Array, walkRecord: WalkRecord): Walk => {
  const state: State = { walkRecord, count: 0, expandedBytes: 0, rejected: [], codes: [] }
  const outcome = walkRequest(body, state)
  if (outcome === TOO_MANY) return tooLarge(`more than ${MAX_RECORDS} records in one request`)
  if (outcome < 0) return malformed(describeFault(outcome))
  if (state.expandedBytes > MAX_EXPANDED_BYTES) return tooLarge(`the records would take more than ${MAX_EXPANDED_BYTES} bytes when stored`)
  const reasons: Partial<Record<RejectReason, number>> = {}
  for (const code of state.codes) reasons[reasonOf[code]] = (reasons[reasonOf[code]] ?? 0) + 1
  return { ok: true, recordCount: state.count, expandedBytes: state.expandedBytes, rejected: state.rejected, reasons }
}

export const walkProtobuf = (body: Uint8Array): Walk => walkBody(body, walkLogRecord)
export const walkProtobufSpans = (body: Uint8Array): Walk => walkBody(body, walkSpan)
