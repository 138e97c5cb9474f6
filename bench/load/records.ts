// What the records of a load say, as values: encoders write them, and what a store gives back is compared with them. A record
// is the same in every attempt but for the attempt's id and its times.
import { crc32 } from 'node:zlib'

export type Attribute = readonly [key: string, value: string | number]
export interface BenchRecord {
  readonly severityNumber: number
  readonly severityText: string
  readonly body: string
  readonly traceId: string
  readonly spanId: string
  /** `attempt.id` comes first in the encoded form and is none of these. */
  readonly attributes: readonly Attribute[]
}
export interface BenchResource {
  readonly attributes: readonly Attribute[]
  readonly records: readonly BenchRecord[]
}

export const ATTEMPT_ID = 'attempt.id'
export const ATTEMPT_INDEX = 'attempt.index'
export const SCOPE = 'bench'
const words = [
  'checkout',
  'payment',
  'accepted',
  'upstream',
  'retry',
  'cache',
  'miss',
  'session',
  'opened',
  'order',
  'shipped',
  'latency',
  'budget',
  'queue',
  'drained',
  'token',
]

const toRecord = (index: number): BenchRecord => {
  const pick = (step: number): string => words[(index * step + step) % words.length]
  const failed = index % 50 === 0
  return {
    severityNumber: failed ? 17 : 9,
    severityText: failed ? 'ERROR' : 'INFO',
    body: `request ${1000 + (index % 777)} ${pick(3)} ${pick(5)} ${pick(7)} in ${index % 97} ms by worker ${index % 13}`,
    traceId: (index + 1).toString(16).padStart(32, 'a'),
    spanId: (index + 1).toString(16).padStart(16, 'b'),
    attributes: [
      [ATTEMPT_INDEX, index],
      ['http.route', `/api/v1/${pick(11)}/{id}`],
      ['user.id', `u-${(index * 7919) % 100_000}`],
      ['duration_ms', index % 97],
      ['http.request.method', 'GET'],
    ],
  }
}

export const toResources = (shape: {
  readonly records: number
  readonly resources: number
  readonly servicePrefix?: string
}): BenchResource[] => {
  const perResource = Math.ceil(shape.records / shape.resources)
  return Array.from({ length: Math.ceil(shape.records / perResource) }, (_, resource) => ({
    attributes: [
      ['service.name', `${shape.servicePrefix ?? 'service'}-${resource}`],
      ['service.version', '1.4.2'],
      ['deployment.environment.name', 'bench'],
      ['host.name', `host-${resource}`],
      ['telemetry.sdk.language', 'nodejs'],
    ],
    records: Array.from({ length: Math.min(perResource, shape.records - resource * perResource) }, (_record, index) =>
      toRecord(resource * perResource + index),
    ),
  }))
}

const pairs = (attributes: readonly Attribute[]): string =>
  attributes
    .map(([key, value]) => `${key}=${value}`)
    .sort()
    .join(',')

/** Of one attempt: the sum over its records of a CRC-32 of everything but id and times. `CONTENT_SQL` says the same of rows. */
export const contentSum = (resources: readonly BenchResource[]): number => {
  let sum = 0
  for (const { attributes, records } of resources) {
    for (const one of records)
      sum += crc32(
        [one.severityNumber, one.severityText, one.traceId, one.spanId, one.body, pairs(one.attributes), pairs(attributes)].join('|'),
      )
  }
  return sum
}

const pairsSql = (map: string): string =>
  `arrayStringConcat(arraySort(arrayMap((k, v) -> concat(k, '=', v), mapKeys(${map}), mapValues(${map}))), ',')`
/** Over a table with the columns of the Collector's exporter. */
export const CONTENT_SQL = `sum(CRC32(concat(toString(SeverityNumber), '|', SeverityText, '|', TraceId, '|', SpanId, '|', Body, '|', ${pairsSql(`mapFilter((k, v) -> k != '${ATTEMPT_ID}', LogAttributes)`)}, '|', ${pairsSql('ResourceAttributes')})))`
