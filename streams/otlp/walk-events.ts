// Accepts or rejects the events of a lenient JSON body: the parsed form carries each event's fault, this adds them up.
import { parseEvents } from './json-events.ts'
import { RECORD_OVERHEAD_BYTES, toWalk } from './walk.ts'
import type { Walk } from './walk.ts'

export const walkEvents = (body: Uint8Array, format: 'json' | 'ndjson'): Walk => {
  const parsed = parseEvents(body, format)
  if (!parsed.ok) return parsed
  const expandedBytes = parsed.events.reduce((sum, event) => sum + (event.ok ? event.bytes + RECORD_OVERHEAD_BYTES : 0), 0)
  return toWalk(
    parsed.events.map((event) => (event.ok ? null : event.reject)),
    expandedBytes,
  )
}
