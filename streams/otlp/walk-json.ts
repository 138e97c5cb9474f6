// Accepts or rejects the records of an OTLP/JSON body: the parsed form carries each record's fault, this adds them up.
import type { ParsedOtlp } from './otlp-json-groups.ts'
import { parseOtlpJson } from './otlp-json-logs.ts'
import { parseOtlpJsonSpans } from './otlp-json-spans.ts'
import { RECORD_OVERHEAD_BYTES, toWalk } from './walk.ts'
import type { RejectReason, Walk } from './walk.ts'

const walkParsed = (parsed: ParsedOtlp<unknown>): Walk => {
  if (!parsed.ok) return parsed
  const faults: (RejectReason | null)[] = []
  let expandedBytes = 0
  for (const resource of parsed.value.resources) {
    for (const scope of resource.scopes) {
      for (const { reject, bytes } of scope.records) {
        faults.push(reject)
        if (reject === null) expandedBytes += bytes + resource.bytes + scope.bytes + RECORD_OVERHEAD_BYTES
      }
    }
  }
  return toWalk(faults, expandedBytes)
}

export const walkOtlpJson = (body: Uint8Array): Walk => walkParsed(parseOtlpJson(body))
export const walkOtlpJsonSpans = (body: Uint8Array): Walk => walkParsed(parseOtlpJsonSpans(body))
