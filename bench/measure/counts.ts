// That a run lost, doubled and altered nothing: every acknowledged attempt is there once and whole, and what was not acknowledged
// is there whole and once, or not at all.
import { ATTEMPT_DIGITS, attemptId, type Corpus } from '../load/body.ts'
import { ATTEMPT_ID, ATTEMPT_INDEX, CONTENT_SQL } from '../load/records.ts'

export interface StoredAttempt {
  readonly attempt: number
  readonly records: number
  /** Different indices among them. */ readonly distinct: number
  readonly isAltered: boolean
}
type Select = <Row>(sql: string) => Promise<Row[]>

/** A reader's query may take five minutes and a part of the memory. */
const ROWS_PER_QUERY = 1_000_000

/** From a table with the columns of the Collector's exporter, ours or its own. */
export const selectAttempts = async (select: Select, corpus: Corpus, run: string): Promise<StoredAttempt[]> => {
  const id = `LogAttributes['${ATTEMPT_ID}']`
  const [{ rows }] = await select<{ rows: number }>('SELECT count() AS rows FROM otel_logs')
  const slices = Math.max(1, Math.ceil(rows / ROWS_PER_QUERY))
  const found: StoredAttempt[] = []
  for (let slice = 0; slice < slices; slice++) {
    const part = await select<{ attempt: number; records: number; distinct: number; content: number }>(
      `SELECT toUInt64(substring(${id}, -${ATTEMPT_DIGITS})) AS attempt, count() AS records, groupBitmap(toUInt32(LogAttributes['${ATTEMPT_INDEX}'])) AS distinct, ${CONTENT_SQL} AS content
       FROM otel_logs WHERE startsWith(${id}, '${attemptId(run, 0).slice(0, -ATTEMPT_DIGITS)}') AND cityHash64(${id}) % ${slices} = ${slice} GROUP BY attempt`,
    )
    for (const { attempt, records, distinct, content } of part)
      found.push({ attempt, records, distinct, isAltered: records === corpus.records && content !== corpus.content })
  }
  return found
}

export const faultsOf = (stored: readonly StoredAttempt[], acknowledged: readonly number[], recordsEach: number): string[] => {
  const found = new Map(stored.map((one) => [one.attempt, one]))
  const lost = acknowledged.filter((attempt) => !found.has(attempt)).length
  const doubled = stored.filter(({ records, distinct }) => records > distinct).length
  const torn = stored.filter(({ distinct }) => distinct !== recordsEach).length
  const altered = stored.filter(({ isAltered }) => isAltered).length
  const faults = { 'acknowledged and lost': lost, doubled, torn, altered }
  return Object.entries(faults).flatMap(([what, count]) => (count === 0 ? [] : [`${count} requests ${what}`]))
}

const LOOK_EVERY_MS = 100
/** Resolves when `count` has come to `wanted`, or to nothing new for `stallMs`: then the counts will say what is missing. */
export const untilArrived = async (count: () => Promise<number>, wanted: number, stallMs = 20_000): Promise<void> => {
  let last = -1
  for (let deadline = Date.now() + stallMs; Date.now() < deadline;) {
    const now = await count()
    if (now >= wanted) return
    if (now !== last) deadline = Date.now() + stallMs
    last = now
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))
  }
}
