// Which records of a plain body are accepted, and where one that is too large for a message is cut: picks walk and split by what the
// body is said to be. Pure; runs on the ingest thread for small bodies and protobuf, on a thread beside it for large JSON.
import type { Format } from '../streams/contracts/envelope.ts'
import { parseEvents } from '../streams/otlp/json-events.ts'
import { splitEvents, splitOtlpJson, splitOtlpJsonSpans } from '../streams/otlp/split-json.ts'
import { splitProtobuf, splitProtobufSpans } from '../streams/otlp/split-protobuf.ts'
import type { Split } from '../streams/otlp/split.ts'
import { walkEvents } from '../streams/otlp/walk-events.ts'
import { walkOtlpJson, walkOtlpJsonSpans } from '../streams/otlp/walk-json.ts'
import { walkProtobuf, walkProtobufSpans } from '../streams/otlp/walk-protobuf.ts'
import type { RejectReason, Walk } from '../streams/otlp/walk.ts'

export type BodyKind = 'otlp_protobuf' | 'otlp_json' | 'otlp_protobuf_spans' | 'otlp_json_spans' | 'events' | 'events_ndjson'

/** First rejected events whose own reason is told. */
export const MAX_FAULTS = 20

export interface Scan {
  readonly walk: Walk
  readonly format: Format
  /** Reasons of the first rejected events, in order; of events only. */
  readonly faults: readonly RejectReason[]
}

/** A walk counts reasons; which event has which is asked again, and only where several occur. */
const faultsOf = (body: Uint8Array, walk: Walk, format: 'json' | 'ndjson'): readonly RejectReason[] => {
  if (!walk.ok || walk.rejected.length === 0) return []
  const reasons = Object.keys(walk.reasons) as RejectReason[]
  const first = walk.rejected.slice(0, MAX_FAULTS)
  if (reasons.length === 1) return first.map(() => reasons[0])
  const parsed = parseEvents(body, format)
  return parsed.ok ? first.map((index) => parsed.events[index]).flatMap((event) => (event.ok ? [] : [event.reject])) : []
}

const toEventScan = (body: Uint8Array, walk: Walk, format: 'json' | 'ndjson'): Scan => ({
  walk,
  format,
  faults: faultsOf(body, walk, format),
})

/** A JSON body that is not one document may be lines: senders of NDJSON often call it application/json. */
const scanEvents = (body: Uint8Array): Scan => {
  const whole = walkEvents(body, 'json')
  if (whole.ok || whole.reason === 'too_large') return toEventScan(body, whole, 'json')
  const lines = walkEvents(body, 'ndjson')
  return lines.ok && lines.recordCount > lines.rejected.length ? toEventScan(body, lines, 'ndjson') : toEventScan(body, whole, 'json')
}

export const scan = (body: Uint8Array, kind: BodyKind): Scan => {
  switch (kind) {
    case 'otlp_protobuf':
      return { walk: walkProtobuf(body), format: 'protobuf', faults: [] }
    case 'otlp_json':
      return { walk: walkOtlpJson(body), format: 'json', faults: [] }
    case 'otlp_protobuf_spans':
      return { walk: walkProtobufSpans(body), format: 'protobuf', faults: [] }
    case 'otlp_json_spans':
      return { walk: walkOtlpJsonSpans(body), format: 'json', faults: [] }
    case 'events':
      return scanEvents(body)
    case 'events_ndjson':
      return toEventScan(body, walkEvents(body, 'ndjson'), 'ndjson')
  }
}

export interface SplitRequest {
  /** As the scan found it. */
  readonly format: Format
  readonly rejected: readonly number[]
  readonly maxBytes: number
}

/** Format of the pieces: events become arrays. */
export const pieceFormat = (kind: BodyKind): Format => (kind === 'otlp_protobuf' || kind === 'otlp_protobuf_spans' ? 'protobuf' : 'json')

export const splitBody = (body: Uint8Array, kind: BodyKind, { format, rejected, maxBytes }: SplitRequest): Split => {
  switch (kind) {
    case 'otlp_protobuf':
      return splitProtobuf(body, rejected, maxBytes)
    case 'otlp_json':
      return splitOtlpJson(body, rejected, maxBytes)
    case 'otlp_protobuf_spans':
      return splitProtobufSpans(body, rejected, maxBytes)
    case 'otlp_json_spans':
      return splitOtlpJsonSpans(body, rejected, maxBytes)
    case 'events':
    case 'events_ndjson':
      return splitEvents(body, format === 'ndjson' ? 'ndjson' : 'json', rejected, maxBytes)
  }
}
