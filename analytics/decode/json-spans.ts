// OTLP/JSON traces → the columns of otel_spans, by way of the parsed form that the walk judges too. Slower, rarer.
import { PermanentError } from '../../streams/contracts/errors.ts'
import { UNKNOWN_SERVICE } from '../../streams/otlp/json-events.ts'
import { parseOtlpJsonSpans } from '../../streams/otlp/otlp-json-spans.ts'
import type { JsonSpan } from '../../streams/otlp/otlp-json-spans.ts'
import type { JsonAttributes } from '../../streams/otlp/otlp-json-value.ts'
import { toSource } from './bytes.ts'
import type { Receipt } from './event-time.ts'
import { high, low } from './nanos.ts'
import { PEER_NAMES } from './protobuf-spans.ts'
import { SERVICE_NAME } from './service-name.ts'
import { createSpanWriter, fillService, serviceNumber } from './span-columns.ts'
import type { SpanColumns, SpanWriter } from './span-columns.ts'

const textOf = (attributes: JsonAttributes, name: string): string => {
  const value = attributes.findLast(([key]) => key === name)?.[1]
  return typeof value === 'string' ? value : ''
}
/** The last of them, as in protobuf. */
const peerOf = (attributes: JsonAttributes): string => {
  const value = attributes.findLast(([key, text]) => typeof text === 'string' && (PEER_NAMES as readonly string[]).includes(key))?.[1]
  return typeof value === 'string' ? value : ''
}

/** Ids and texts of a span one behind the other, so that JSON and protobuf are written by the same code. */
const put = (writer: SpanWriter, span: JsonSpan, recordIndex: number, receipt: Receipt): void => {
  const ids = Buffer.from(span.traceId.concat(span.spanId, span.parentSpanId), 'hex')
  const name = Buffer.from(span.name)
  const peer = Buffer.from(peerOf(span.attributes))
  const { startTimeUnixNano: start, endTimeUnixNano: end } = span
  writer.put(
    toSource(Buffer.concat([ids, name, peer])),
    {
      startLow: low(start),
      startHigh: high(start),
      endLow: low(end),
      endHigh: high(end),
      kind: Math.max(0, span.kind),
      status: Math.max(0, span.statusCode),
      flags: span.flags,
      traceFrom: 0,
      spanFrom: 16,
      parentFrom: span.parentSpanId === '' ? -1 : 24,
      nameFrom: ids.length,
      nameLength: name.length,
      peerFrom: ids.length + name.length,
      peerLength: peer.length,
    },
    recordIndex,
    receipt,
  )
}

export interface JsonSpansReader {
  read(body: Uint8Array, rejected: readonly number[], receipt: Receipt): void
}

export const createJsonSpansReader = (columns: SpanColumns): JsonSpansReader => {
  const writer = createSpanWriter(columns)
  return {
    read: (body, rejected, receipt) => {
      const parsed = parseOtlpJsonSpans(body)
      if (!parsed.ok) throw new PermanentError('DECODE_FAILED', parsed.message)
      const isRejected = new Set(rejected)
      let recordIndex = 0
      for (const resource of parsed.value.resources) {
        const first = columns.rows
        for (const scope of resource.scopes) {
          for (const span of scope.records) {
            if (span.reject === null && !isRejected.has(recordIndex)) put(writer, span, recordIndex, receipt)
            recordIndex++
          }
        }
        fillService(columns, serviceNumber(columns, textOf(resource.attributes, SERVICE_NAME) || UNKNOWN_SERVICE), first)
      }
    },
  }
}
