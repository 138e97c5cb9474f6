// The messages around records, alike in every signal: request, ResourceLogs or ResourceSpans, scope, Resource; and which of the records
// in them are read. Throws PermanentError DECODE_FAILED on broken framing.
import { readTag, skipOther, skipVarint } from '../../streams/otlp/protobuf-wire.ts'
import type { Source } from './bytes.ts'
import type { Receipt } from './event-time.ts'
import { contentAt, lengthOf, sound } from './protobuf-value.ts'

/** Known fields of each, bit n = field n. */
export const REQUEST_FIELDS = 1 << 1
export const GROUP_FIELDS = (1 << 1) | (1 << 2) | (1 << 3)
export const RESOURCE_FIELDS = (1 << 1) | (1 << 2)
export const SCOPE_FIELDS = (1 << 1) | (1 << 2) | (1 << 3) | (1 << 4)

/** Calls `visit` with the content of every length-delimited field whose tag it knows; the rest is skipped or a fault. */
export const forEachField = (
  src: Source,
  from: number,
  end: number,
  known: number,
  visit: (tag: number, start: number, after: number) => boolean,
): void => {
  for (let pos = from; pos < end;) {
    const tag = sound(readTag(src.buf, pos, end))
    pos = sound(skipVarint(src.buf, pos, end))
    if ((tag & 7) !== 2) {
      // Counts of dropped attributes: the only known fields that are varints.
      const isCount = (tag === 16 && known === RESOURCE_FIELDS) || (tag === 32 && known === SCOPE_FIELDS)
      pos = isCount ? sound(skipVarint(src.buf, pos, end)) : sound(skipOther(src.buf, pos, end, tag, known))
      continue
    }
    const start = contentAt(src, pos, end)
    const after = start + lengthOf(src, pos, end)
    if (!visit(tag, start, after)) sound(skipOther(src.buf, pos, end, tag, known))
    pos = after
  }
}

/** How far the records of a body have been counted; `rejected` are ascending indices to leave out. */
export interface RecordCursor {
  rejected: readonly number[]
  next: number
  index: number
}
export const createCursor = (): RecordCursor => ({ rejected: [], next: 0, index: 0 })
export const restartCursor = (cursor: RecordCursor, rejected: readonly number[]): void => {
  cursor.rejected = rejected
  cursor.next = 0
  cursor.index = 0
}

/** The records of a scope, in [from, end), but for rejected ones. */
export const readRecords = (
  src: Source,
  from: number,
  end: number,
  cursor: RecordCursor,
  receipt: Receipt,
  read: (src: Source, from: number, end: number, recordIndex: number, receipt: Receipt) => void,
): void => {
  for (let pos = from; pos < end;) {
    const tag = sound(readTag(src.buf, pos, end))
    pos = sound(skipVarint(src.buf, pos, end))
    if (tag !== 18) {
      pos = sound(skipOther(src.buf, pos, end, tag, 0))
      continue
    }
    const start = contentAt(src, pos, end)
    pos = start + lengthOf(src, pos, end)
    if (cursor.next < cursor.rejected.length && cursor.rejected[cursor.next] === cursor.index) cursor.next++
    else read(src, start, pos, cursor.index, receipt)
    cursor.index++
  }
}
