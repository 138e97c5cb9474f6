// ExportLogsServiceRequest → columns, without an object or a string per record. Two passes over each ResourceLogs and each
// ScopeLogs, because their fields come in any order: the first finds what the records share, the second reads the records.
// Throws PermanentError DECODE_FAILED on broken framing; the caller takes the message's rows back.
import { putEmpty, putSlice } from './bytes.ts'
import type { Bytes, Source } from './bytes.ts'
import { createShared, fillShared } from './columns.ts'
import type { Columns } from './columns.ts'
import { indexOf, indexOfText } from './dictionary.ts'
import type { Receipt } from './event-time.ts'
import { beginRun, endRun, restart } from './pairs.ts'
import { putPair } from './protobuf-attributes.ts'
import {
  createCursor,
  forEachField,
  GROUP_FIELDS,
  readRecords,
  REQUEST_FIELDS,
  RESOURCE_FIELDS,
  restartCursor,
  SCOPE_FIELDS,
} from './protobuf-fields.ts'
import { createRecordReader } from './protobuf-record.ts'
import { SERVICE_NAME, serviceOf, unknownService } from './service-name.ts'

export interface LogsReader {
  /** `rejected`: ascending record indices to leave out. */
  read(src: Source, rejected: readonly number[], receipt: Receipt): void
}

export const createLogsReader = (columns: Columns): LogsReader => {
  const shared = createShared(columns)
  const records = createRecordReader(columns)
  const serviceKeys = columns.resource.pairs.dictionary
  let serviceKey = 0
  let serviceIsText = false
  let scopeVersion = 0
  const cursor = createCursor()

  const visitResource =
    (src: Source) =>
    (tag: number, start: number, after: number): boolean => {
      if (tag !== 10) return false
      const isText = putPair(shared.resource, src, start, after)
      if (shared.resource.keys[shared.resource.count - 1] === serviceKey) serviceIsText = isText
      return true
    }
  const visitScope =
    (src: Source) =>
    (tag: number, start: number, after: number): boolean => {
      if (tag === 10) putOnly(shared.scopeName, src, start, after)
      else if (tag === 18) scopeVersion = indexOf(columns.scopeVersion.dictionary, src, start, after - start, scopeVersion)
      else if (tag === 26) putPair(shared.scope, src, start, after)
      else return false
      return true
    }

  const readScopeLogs = (src: Source, from: number, end: number, receipt: Receipt): void => {
    restart(shared.scope)
    beginRun(shared.scope)
    clearName(shared.scopeName)
    scopeVersion = 0
    shared.scopeSchemaUrl = 0
    const onScope = visitScope(src)
    forEachField(src, from, end, GROUP_FIELDS, (tag, start, after) => {
      if (tag === 10) forEachField(src, start, after, SCOPE_FIELDS, onScope)
      else if (tag === 26) shared.scopeSchemaUrl = indexOf(columns.scopeSchemaUrl.dictionary, src, start, after - start, 0)
      else return tag === 18
      return true
    })
    endRun(shared.scope)
    shared.scopeVersion = scopeVersion
    const first = columns.rows
    readRecords(src, from, end, cursor, receipt, records.read)
    fillShared(columns, shared, first)
  }

  const readResourceLogs = (src: Source, from: number, end: number, receipt: Receipt): void => {
    restart(shared.resource)
    beginRun(shared.resource)
    serviceIsText = false
    shared.resourceSchemaUrl = 0
    const onResource = visitResource(src)
    forEachField(src, from, end, GROUP_FIELDS, (tag, start, after) => {
      if (tag === 10) forEachField(src, start, after, RESOURCE_FIELDS, onResource)
      else if (tag === 26) shared.resourceSchemaUrl = indexOf(columns.resourceSchemaUrl.dictionary, src, start, after - start, 0)
      else return tag === 18
      return true
    })
    endRun(shared.resource)
    shared.service = serviceIsText ? serviceOf(columns, shared.resource, serviceKey) : unknownService(columns)
    forEachField(src, from, end, GROUP_FIELDS, (tag, start, after) => {
      if (tag === 18) readScopeLogs(src, start, after, receipt)
      return true
    })
  }

  return {
    read: (src, rejected, receipt) => {
      restartCursor(cursor, rejected)
      serviceKey = indexOfText(serviceKeys, SERVICE_NAME)
      forEachField(src, 0, src.buf.length, REQUEST_FIELDS, (tag, start, after) => {
        if (tag === 10) readResourceLogs(src, start, after, receipt)
        return tag === 10
      })
    },
  }
}

/** One String and nothing else. */
const putOnly = (bytes: Bytes, src: Source, start: number, after: number): void => {
  bytes.length = 0
  putSlice(bytes, src, start, after - start)
}
const clearName = (bytes: Bytes): void => {
  bytes.length = 0
  putEmpty(bytes)
}
