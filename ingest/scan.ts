// Which records of a plain body are accepted: picks the walk by what the body is said to be. Pure; runs on the ingest
// thread for small bodies and protobuf, on a thread beside it for large JSON.
import type { Format } from '../streams/contracts/envelope.ts'
import { walkEvents } from '../streams/otlp/walk-events.ts'
import { walkOtlpJson } from '../streams/otlp/walk-json.ts'
import { walkProtobuf } from '../streams/otlp/walk-protobuf.ts'
import type { Walk } from '../streams/otlp/walk.ts'

export type BodyKind = 'otlp_protobuf' | 'otlp_json' | 'events' | 'events_ndjson'

export interface Scan { readonly walk: Walk; readonly format: Format }

/** A JSON body that is not one document may be lines: senders of NDJSON often call it application/json. */
const scanEvents = (body: Uint8Array): Scan => {
  const whole = walkEvents(body, 'json')
  if (whole.ok || whole.reason === 'too_large') return { walk: whole, format: 'json' }
  const lines = walkEvents(body, 'ndjson')
  return lines.ok && lines.recordCount > lines.rejected.length ? { walk: lines, format: 'ndjson' } : { walk: whole, format: 'json' }
}

export const scan = (body: Uint8Array, kind: BodyKind): Scan => {
  switch (kind) {
    case 'otlp_protobuf': return { walk: walkProtobuf(body), format: 'protobuf' }
    case 'otlp_json': return { walk: walkOtlpJson(body), format: 'json' }
    case 'events': return scanEvents(body)
    case 'events_ndjson': return { walk: walkEvents(body, 'ndjson'), format: 'ndjson' }
  }
}
