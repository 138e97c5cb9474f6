// ExportTraceServiceRequest → columns, without an object or a string per span. Two passes over each ResourceSpans, because its resource
// may stand behind its spans. Of a span only what otel_spans has is looked at; the rest is skipped by its length.
// Throws PermanentError DECODE_FAILED on broken framing; the caller takes the message's rows back.
import { PAST_END, readTag, readVarint, skipOther, skipVarint } from '../../streams/otlp/protobuf-wire.ts'
import type { Source } from './bytes.ts'
import { indexOfText } from './dictionary.ts'
import type { Receipt } from './event-time.ts'
import { beginRun, clearPairs, createPairs, endRun, restart } from './pairs.ts'
import { putPair } from './protobuf-attributes.ts'
import { createCursor, forEachField, GROUP_FIELDS, readRecords, REQUEST_FIELDS, RESOURCE_FIELDS, restartCursor } from './protobuf-fields.ts'
import { contentAt, failed, lengthOf, PAIR_FIELDS, sound } from './protobuf-value.ts'
import { SERVICE_NAME, serviceOf, unknownService } from './service-name.ts'
import { createSpanWriter, fillService } from './span-columns.ts'
import type { SpanColumns, SpanFields } from './span-columns.ts'

const SPAN_FIELDS = 0b1_1111_1111_1111_1110
const FLAGS_TAG = 133
const newFields = (): SpanFields => ({
  startLow: 0,
  startHigh: 0,
  endLow: 0,
  endHigh: 0,
  kind: 0,
  status: 0,
  flags: 0,
  traceFrom: 0,
  spanFrom: 0,
  parentFrom: -1,
  nameFrom: 0,
  nameLength: 0,
  peerFrom: 0,
  peerLength: 0,
})
const clear = (fields: SpanFields): void => {
  fields.startLow = fields.startHigh = fields.endLow = fields.endHigh = 0
  fields.kind = fields.status = fields.flags = 0
  fields.parentFrom = -1
  fields.nameLength = fields.peerLength = 0
}

/** Attributes that name the service which a call is for, today's name of it and the one before. */
export const PEER_NAMES = ['service.peer.name', 'peer.service'] as const
const peerNames = PEER_NAMES.map((name) => Buffer.from(name))
const isPeerName = (src: Source, from: number, length: number): boolean =>
  peerNames.some((name) => name.length === length && name.compare(src.buf, from, from + length) === 0)
const mayBePeerName = (length: number): boolean => length === 12 || length === 17

/** Notes the value of a KeyValue in [from, end) that names a peer by a plain string. */
const notePeer = (fields: SpanFields, src: Source, from: number, end: number): void => {
  const { buf } = src
  // Mostly the key comes first, and its length says that it is another.
  if (end - from > 1 && buf[from] === 10 && buf[from + 1] < 128 && !mayBePeerName(buf[from + 1])) return
  let isPeer = false
  let valueFrom = 0
  let valueEnd = 0
  for (let pos = from; pos < end;) {
    const tag = sound(readTag(buf, pos, end))
    pos = sound(skipVarint(buf, pos, end))
    if (tag !== 10 && tag !== 18) {
      pos = sound(skipOther(buf, pos, end, tag, PAIR_FIELDS))
      continue
    }
    const start = contentAt(src, pos, end)
    const length = lengthOf(src, pos, end)
    pos = start + length
    if (tag === 10) isPeer = mayBePeerName(length) && isPeerName(src, start, length)
    else {
      valueFrom = start
      valueEnd = pos
    }
  }
  if (isPeer) notePeerText(fields, src, valueFrom, valueEnd)
}

/** The AnyValue in [from, end), where it is a string. */
const notePeerText = (fields: SpanFields, src: Source, from: number, end: number): void => {
  for (let pos = from; pos < end;) {
    const tag = sound(readTag(src.buf, pos, end))
    pos = sound(skipVarint(src.buf, pos, end))
    if (tag === 10) {
      fields.peerFrom = contentAt(src, pos, end)
      fields.peerLength = lengthOf(src, pos, end)
    }
    pos = sound(skipOther(src.buf, pos, end, tag, 0))
  }
}

const statusOf = (src: Source, from: number, end: number, before: number): number => {
  let code = before
  for (let pos = from; pos < end;) {
    const tag = sound(readTag(src.buf, pos, end))
    pos = sound(skipVarint(src.buf, pos, end))
    if (tag === 24) {
      code = sound(readVarint(src.buf, pos, end))
      pos = sound(skipVarint(src.buf, pos, end))
    } else pos = sound(skipOther(src.buf, pos, end, tag, 1 << 3))
  }
  return code
}

/** A length-delimited field of the span. Of a repeated one the last counts; statuses merge. */
const noteContent = (fields: SpanFields, src: Source, tag: number, from: number, length: number): void => {
  switch (tag) {
    case 74:
      notePeer(fields, src, from, from + length)
      break
    // Of another length the span was rejected, or it is the parent's and there is none.
    case 10:
      if (length === 16) fields.traceFrom = from
      break
    case 18:
      if (length === 8) fields.spanFrom = from
      break
    case 34:
      fields.parentFrom = length === 8 ? from : -1
      break
    case 42:
      fields.nameFrom = from
      fields.nameLength = length
      break
    case 122:
      fields.status = statusOf(src, from, from + length, fields.status)
      break
    default: // trace state, events, links
  }
}

/** Fixed-width and varint fields. Position behind it. */
const noteNumber = (fields: SpanFields, src: Source, tag: number, pos: number, end: number): number => {
  switch (tag) {
    case 57:
    case 65: {
      if (end - pos < 8) throw failed(PAST_END)
      const low = src.view.getUint32(pos, true)
      const high = src.view.getUint32(pos + 4, true)
      if (tag === 57) {
        fields.startLow = low
        fields.startHigh = high
      } else {
        fields.endLow = low
        fields.endHigh = high
      }
      return pos + 8
    }
    case FLAGS_TAG:
      if (end - pos < 4) throw failed(PAST_END)
      fields.flags = src.view.getUint32(pos, true)
      return pos + 4
    case 48:
      fields.kind = sound(readVarint(src.buf, pos, end))
      return sound(skipVarint(src.buf, pos, end))
    case 80:
    case 96:
    case 112:
      return sound(skipVarint(src.buf, pos, end))
    default:
      return sound(skipOther(src.buf, pos, end, tag, SPAN_FIELDS))
  }
}

const readFields = (fields: SpanFields, src: Source, from: number, end: number): void => {
  const { buf } = src
  for (let pos = from; pos < end;) {
    let tag = buf[pos++]
    if (tag > 127) {
      tag = sound(readTag(buf, pos - 1, end))
      pos = sound(skipVarint(buf, pos - 1, end))
    }
    if ((tag & 7) === 2 && tag <= 122 && (SPAN_FIELDS & (1 << (tag >>> 3))) !== 0) {
      let length = pos < end ? buf[pos] : 128
      if (length < 128) pos++
      else {
        length = lengthOf(src, pos, end)
        pos = contentAt(src, pos, end)
      }
      if (length > end - pos) throw failed(PAST_END)
      noteContent(fields, src, tag, pos, length)
      pos += length
    } else pos = noteNumber(fields, src, tag, pos, end)
  }
}

export interface SpansReader {
  /** `rejected`: ascending indices to leave out. */
  read(src: Source, rejected: readonly number[], receipt: Receipt): void
}

export const createSpansReader = (columns: SpanColumns): SpansReader => {
  const writer = createSpanWriter(columns)
  const resource = createPairs()
  const fields = newFields()
  let serviceKey = 0
  let serviceIsText = false
  const cursor = createCursor()
  const readSpan = (src: Source, from: number, end: number, recordIndex: number, receipt: Receipt): void => {
    clear(fields)
    readFields(fields, src, from, end)
    writer.put(src, fields, recordIndex, receipt)
  }

  const readResourceSpans = (src: Source, from: number, end: number, receipt: Receipt): void => {
    restart(resource)
    beginRun(resource)
    serviceIsText = false
    const onResource = (tag: number, start: number, after: number): boolean => {
      if (tag !== 10) return false
      const isText = putPair(resource, src, start, after)
      if (resource.keys[resource.count - 1] === serviceKey) serviceIsText = isText
      return true
    }
    const first = columns.rows
    forEachField(src, from, end, GROUP_FIELDS, (tag, start, after) => {
      if (tag === 10) forEachField(src, start, after, RESOURCE_FIELDS, onResource)
      return tag === 10 || tag === 18 || tag === 26
    })
    endRun(resource)
    forEachField(src, from, end, GROUP_FIELDS, (tag, start, after) => {
      if (tag === 18) readRecords(src, start, after, cursor, receipt, readSpan)
      return true
    })
    fillService(columns, serviceIsText ? serviceOf(columns, resource, serviceKey) : unknownService(columns), first)
  }

  return {
    read: (src, rejected, receipt) => {
      restartCursor(cursor, rejected)
      clearPairs(resource, columns.service.dictionary.seed)
      serviceKey = indexOfText(resource.dictionary, SERVICE_NAME)
      forEachField(src, 0, src.buf.length, REQUEST_FIELDS, (tag, start, after) => {
        if (tag === 10) readResourceSpans(src, start, after, receipt)
        return tag === 10
      })
    },
  }
}
