// LogRecord → one row. Attributes go into their column as they come; every other field is noted by position, so that the
// last of a repeated one counts, and written once the record has been read to its end.
import { PAST_END, readTag, readVarint, skipOther, skipVarint } from '../../streams/otlp/protobuf-wire.ts'
import { valueText } from './attribute-value.ts'
import { putEmpty, putHex, putText } from './bytes.ts'
import type { Bytes, Source } from './bytes.ts'
import { growRows } from './columns.ts'
import type { Columns } from './columns.ts'
import { indexOf, indexOfText } from './dictionary.ts'
import { ORIGINAL_TIMESTAMP, originalTime, putTimes } from './event-time.ts'
import type { Receipt } from './event-time.ts'
import { beginRun, endRun, putKey } from './pairs.ts'
import { mergedValue, putPair } from './protobuf-attributes.ts'
import { contentAt, failed, lengthOf, putValue, sound } from './protobuf-value.ts'

const RECORD_FIELDS = 0b1_1111_1110_1110

/** What has been seen of the current record: halves of its times, and where its fields lie. */
interface Seen {
  timeLow: number
  timeHigh: number
  observedLow: number
  observedHigh: number
  severity: number
  flags: number
  bodies: number
  bodyFrom: number
  bodyEnd: number
  textFrom: number
  textLength: number
  traceFrom: number
  traceLength: number
  spanFrom: number
  spanLength: number
  nameFrom: number
  nameLength: number
}

export interface RecordReader {
  read(src: Source, from: number, end: number, recordIndex: number, receipt: Receipt): void
}

const clear = (seen: Seen): void => {
  seen.timeLow = 0
  seen.timeHigh = 0
  seen.observedLow = 0
  seen.observedHigh = 0
  seen.severity = 0
  seen.flags = 0
  seen.bodies = 0
  seen.textLength = 0
  seen.traceLength = 0
  seen.spanLength = 0
  seen.nameLength = 0
}

/** Notes a length-delimited field of the record; attributes are read at once. */
const noteContent = (seen: Seen, columns: Columns, src: Source, tag: number, from: number, length: number): void => {
  switch (tag) {
    case 50:
      putPair(columns.attributes.pairs, src, from, from + length)
      break
    case 42:
      seen.bodies++
      seen.bodyFrom = from
      seen.bodyEnd = from + length
      break
    case 26:
      seen.textFrom = from
      seen.textLength = length
      break
    case 74:
      seen.traceFrom = from
      seen.traceLength = length
      break
    case 82:
      seen.spanFrom = from
      seen.spanLength = length
      break
    default:
      seen.nameFrom = from
      seen.nameLength = length
  }
}

/** Fixed-width and varint fields. Position behind it. */
const noteNumber = (seen: Seen, src: Source, tag: number, pos: number, end: number): number => {
  switch (tag) {
    case 9:
    case 89: {
      if (end - pos < 8) throw failed(PAST_END)
      const low = src.view.getUint32(pos, true)
      const high = src.view.getUint32(pos + 4, true)
      if (tag === 9) {
        seen.timeLow = low
        seen.timeHigh = high
      } else {
        seen.observedLow = low
        seen.observedHigh = high
      }
      return pos + 8
    }
    case 16:
      seen.severity = sound(readVarint(src.buf, pos, end))
      return sound(skipVarint(src.buf, pos, end))
    case 56:
      return sound(skipVarint(src.buf, pos, end))
    case 69:
      if (end - pos < 4) throw failed(PAST_END)
      seen.flags = src.buf[pos]
      return pos + 4
    default:
      return sound(skipOther(src.buf, pos, end, tag, RECORD_FIELDS))
  }
}

const readFields = (seen: Seen, columns: Columns, src: Source, from: number, end: number): void => {
  const { buf } = src
  for (let pos = from; pos < end;) {
    let tag = buf[pos++]
    if (tag > 127) {
      tag = sound(readTag(buf, pos - 1, end))
      pos = sound(skipVarint(buf, pos - 1, end))
    }
    if (tag === 50 || tag === 42 || tag === 26 || tag === 74 || tag === 82 || tag === 98) {
      let length = pos < end ? buf[pos] : 128
      if (length < 128) pos++
      else {
        length = lengthOf(src, pos, end)
        pos = contentAt(src, pos, end)
      }
      if (length > end - pos) throw failed(PAST_END)
      noteContent(seen, columns, src, tag, pos, length)
      pos += length
    } else pos = noteNumber(seen, src, tag, pos, end)
  }
}

/** Empty, all zero, and of a length that the walk rejects: no id. */
const putId = (bytes: Bytes, src: Source, from: number, length: number, wanted: number): void => {
  if (length === wanted) {
    for (let i = 0; i < length; i++) if (src.buf[from + i] !== 0) return putHex(bytes, src, from, length)
  }
  putEmpty(bytes)
}

const putBody = (columns: Columns, seen: Seen, src: Source, from: number, end: number): void => {
  if (seen.bodies === 0) putEmpty(columns.body)
  else if (seen.bodies === 1) putValue(columns.body, src, seen.bodyFrom, seen.bodyEnd)
  else putText(columns.body, valueText(mergedValue(src, from, end, 42)))
}

export const createRecordReader = (columns: Columns): RecordReader => {
  const seen: Seen = {
    timeLow: 0,
    timeHigh: 0,
    observedLow: 0,
    observedHigh: 0,
    severity: 0,
    flags: 0,
    bodies: 0,
    bodyFrom: 0,
    bodyEnd: 0,
    textFrom: 0,
    textLength: 0,
    traceFrom: 0,
    traceLength: 0,
    spanFrom: 0,
    spanLength: 0,
    nameFrom: 0,
    nameLength: 0,
  }
  let lastText = 0
  let lastName = 0
  return {
    read: (src, from, end, recordIndex, receipt) => {
      if (columns.rows === columns.capacity) growRows(columns)
      const { pairs } = columns.attributes
      clear(seen)
      beginRun(pairs)
      readFields(seen, columns, src, from, end)
      const row = columns.rows
      if (putTimes(columns, receipt, seen.timeLow, seen.timeHigh, seen.observedLow, seen.observedHigh)) {
        putKey(pairs, indexOfText(pairs.dictionary, ORIGINAL_TIMESTAMP))
        putText(pairs.values, originalTime(seen.timeLow, seen.timeHigh, seen.observedLow, seen.observedHigh))
      }
      endRun(pairs)
      columns.attributes.ends[row] = pairs.count
      columns.flags[row] = seen.flags
      columns.severity[row] = seen.severity > 255 ? 0 : seen.severity
      columns.recordIndex[row] = recordIndex
      lastText = indexOf(columns.severityText.dictionary, src, seen.textFrom, seen.textLength, lastText)
      lastName = indexOf(columns.eventName.dictionary, src, seen.nameFrom, seen.nameLength, lastName)
      columns.severityText.index[row] = lastText
      columns.eventName.index[row] = lastName
      putId(columns.traceId, src, seen.traceFrom, seen.traceLength, 16)
      putId(columns.spanId, src, seen.spanFrom, seen.spanLength, 8)
      putBody(columns, seen, src, from, end)
      columns.rows = row + 1
    },
  }
}
