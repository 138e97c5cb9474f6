// Accepts or rejects the records of an OTLP/JSON body: the parsed form carries each record's fault, this adds them up.
import { parseOtlpJson } from './otlp-json.ts'
import { RECORD_OVERHEAD_BYTES, toWalk } from './walk.ts'
import type { RejectReason, Walk } from './walk.ts'

export const walkOtlpJson = (body: Uint8Array): Walk => {
  const parsed = parseOtlpJson(body)
  if (!parsed.ok) return parsed
  const faults: (RejectReason | null)[] = []
  let expandedBytes = 0
  for (const resource of parsed.value.resourceLogs) {
    for (const scope of resource.scopeLogs) {
      for (const { reject, bytes } of scope.records) {
        faults.push(reject)
        if (reject === null) expandedBytes += bytes + resource.bytes + scope.bytes + RECORD_OVERHEAD_BYTES
      }
    }
  }
  return toWalk(faults, expandedBytes)
}
