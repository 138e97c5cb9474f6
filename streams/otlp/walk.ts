// What every walk answers and the limits it keeps. A walk decides which records of a body are accepted; ingest answers
// with it and the decoder skips the same indices, so the rules live here once. accepted + rejected = recordCount.

/** Faults of one record: it is rejected, the rest of the body is kept. Also metric labels. */
export type RejectReason =
  | 'invalid_trace_id'
  | 'invalid_span_id'
  | 'invalid_parent_span_id'
  | 'record_too_large'
  | 'nesting_too_deep'
  | 'not_an_object'
  | 'empty_event'
  | 'invalid_json'

/** Faults of the whole body: 400 and 413. */
export type MalformedReason = 'malformed' | 'too_large'

export interface Malformed {
  readonly ok: false
  readonly reason: MalformedReason
  readonly message: string
}
export interface Walked {
  readonly ok: true
  /** Records in order of appearance, rejected ones included. */
  readonly recordCount: number
  /** Stored size: per accepted record its own bytes, those of its resource and scope, and 128. */
  readonly expandedBytes: number
  /** Ascending. */
  readonly rejected: readonly number[]
  readonly reasons: Readonly<Partial<Record<RejectReason, number>>>
}
export type Walk = Walked | Malformed

export const MAX_RECORD_BYTES = 1024 * 1024
/** Levels of values in a record: a plain body is 1, the elements of a list in it 2. */
export const MAX_DEPTH = 32
export const MAX_RECORDS = 500_000
export const MAX_EXPANDED_BYTES = 256 * 1024 * 1024
/** What a row costs beside its bytes: time, position, ids, offsets. */
export const RECORD_OVERHEAD_BYTES = 128

export const malformed = (message: string): Malformed => ({ ok: false, reason: 'malformed', message })
export const tooLarge = (message: string): Malformed => ({ ok: false, reason: 'too_large', message })

const texts: Record<RejectReason, string> = {
  invalid_trace_id: 'trace_id is not 16 bytes or is all zero',
  invalid_span_id: 'span_id is not 8 bytes or is all zero',
  invalid_parent_span_id: 'parent_span_id is not 8 bytes',
  record_too_large: `larger than ${MAX_RECORD_BYTES} bytes`,
  nesting_too_deep: `nested deeper than ${MAX_DEPTH} levels`,
  not_an_object: 'not a JSON object',
  empty_event: 'an object without keys',
  invalid_json: 'not valid JSON',
}

/** For people: "2 records rejected: trace_id is not 16 bytes (2)"; empty when nothing was rejected. */
export const describeRejections = (reasons: Walked['reasons']): string => {
  const entries = Object.entries(reasons) as [RejectReason, number][]
  if (entries.length === 0) return ''
  const total = entries.reduce((sum, [, count]) => sum + count, 0)
  return `${total} record${total === 1 ? '' : 's'} rejected: ${entries.map(([reason, count]) => `${texts[reason]} (${count})`).join(', ')}`
}

/** Folds a list of faults, null = accepted, into a walk: for the formats whose records are objects anyway. */
export const toWalk = (faults: readonly (RejectReason | null)[], expandedBytes: number): Walk => {
  if (faults.length > MAX_RECORDS) return tooLarge(`more than ${MAX_RECORDS} records in one request`)
  if (expandedBytes > MAX_EXPANDED_BYTES) return tooLarge(`the records would take more than ${MAX_EXPANDED_BYTES} bytes when stored`)
  const rejected: number[] = []
  const reasons: Partial<Record<RejectReason, number>> = {}
  faults.forEach((reason, index) => {
    if (reason === null) return
    rejected.push(index)
    reasons[reason] = (reasons[reason] ?? 0) + 1
  })
  return { ok: true, recordCount: faults.length, expandedBytes, rejected, reasons }
}
