// Spans of a decoded range → what they add to the series of each (tenant, service, 10 s): requests, failures and milliseconds of the
// service and of each of its operations, by the time when they ended. Only entries count: what a service does on the way to its
// answer is its own affair. Reads the finished columns only, so that a recount of otel_spans gives the same figures.
import { operationMetric } from '../../streams/contracts/metric-value.ts'
import { keyText } from '../decode/dictionary.ts'
import type { SpanColumns } from '../decode/span-columns.ts'
import { bucketOf, createServices, measure, measuredOf } from './partials.ts'
import type { Measured } from './partials.ts'
import { countOf } from './partials-block.ts'
import type { PartialRow } from './partials-block.ts'

/** Of a service in one range; later ones are `other`. The watchdog bounds them again, over all ranges. */
export const MAX_OPERATIONS = 50
export const OTHER_OPERATION = 'other'
const ERROR = 2
const HALF = 4294967296

interface Served {
  count: number
  errors: number
  durations: Measured | null
}
interface SpanEntry {
  readonly tenant: string
  readonly service: string
  readonly number: number
  readonly bucket: number
  readonly whole: Served
  readonly operations: Map<string, Served>
}

const newServed = (): Served => ({ count: 0, errors: 0, durations: null })

const add = (served: Served, isError: boolean, ms: number): void => {
  served.count++
  if (isError) served.errors++
  if (ms === 0) return
  if (served.durations === null) served.durations = measuredOf(ms)
  else measure(served.durations, ms)
}

const metricsOf = ({ count, errors, durations }: Served, nameOf: (metric: string) => string): [string, Measured][] => [
  [nameOf('span.rate'), countOf(count)],
  ...(errors > 0 ? [[nameOf('span.error_rate'), countOf(errors)] as [string, Measured]] : []),
  ...(durations === null ? [] : [[nameOf('span.duration'), durations] as [string, Measured]]),
]

/** Names of operations, bounded per service: in order of first appearance. */
const createOperations = (columns: SpanColumns) => {
  const known = new Map<number, Map<number, string>>()
  return (service: number, name: number): string => {
    let names = known.get(service)
    if (names === undefined) known.set(service, (names = new Map()))
    const found = names.get(name)
    if (found !== undefined) return found
    if (name === 0 || names.size === MAX_OPERATIONS) return OTHER_OPERATION
    const text = keyText(columns.name.dictionary, name)
    names.set(name, text)
    return text
  }
}

export const foldSpans = (columns: SpanColumns): readonly PartialRow[] => {
  const services = createServices(columns)
  const operationOf = createOperations(columns)
  const entries = new Map<string, SpanEntry>()
  let last: SpanEntry | null = null
  const entryOf = (row: number): SpanEntry => {
    // Sums of halves: exact, as bucketOf is.
    const low = columns.time[2 * row] + columns.duration[2 * row]
    const bucket = bucketOf(low % HALF, columns.time[2 * row + 1] + columns.duration[2 * row + 1] + (low >= HALF ? 1 : 0))
    const number = services.numberOf(columns.tenant.index[row], columns.service.index[row])
    if (last !== null && last.number === number && last.bucket === bucket) return last
    const key = `${number} ${bucket}`
    last = entries.get(key) ?? null
    if (last === null) entries.set(key, (last = { ...services.names[number], number, bucket, whole: newServed(), operations: new Map() }))
    return last
  }
  for (let row = 0; row < columns.rows; row++) {
    if (columns.entry[row] === 0) continue
    const entry = entryOf(row)
    const isError = columns.status[row] === ERROR
    const ms = (columns.duration[2 * row + 1] * HALF + columns.duration[2 * row]) / 1e6
    add(entry.whole, isError, ms)
    const operation = operationOf(entry.number, columns.name.index[row])
    let served = entry.operations.get(operation)
    if (served === undefined) entry.operations.set(operation, (served = newServed()))
    add(served, isError, ms)
  }
  return [...entries.values()].map(({ tenant, service, bucket, whole, operations }) => ({
    tenant,
    service,
    bucket,
    metrics: [
      ...metricsOf(whole, (metric) => metric),
      ...[...operations].flatMap(([operation, served]) => metricsOf(served, (metric) => operationMetric(metric, operation))),
    ],
  }))
}
