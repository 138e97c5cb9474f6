// How much of what is sent in each stage. What a peer takes too is sent at a rate that all of them can take: cost is compared, not a
// backlog; how much ours can take at most is asked of ours alone.
import type { Load } from '../contestants/run-load.ts'
import { COMPRESSIONS } from '../load/encoded.ts'

/** `seconds` bounds each load, for who cannot keep up. */
export interface Size {
  readonly records: number
  readonly seconds: number
}

const LARGE = 1000
const WARM_UP_RECORDS = 300_000
/** A request of few records is mostly a request: fewer records show its cost. */
const SMALL_SHARE = 10

const base = ({ records, seconds }: Size) => ({
  recordsPerRequest: LARGE,
  records,
  maxSeconds: seconds,
  warmUpRecords: Math.min(WARM_UP_RECORDS, records),
})

export const EDGE_RATE = 100_000
const EDGE_SMALL_RATE = 10_000
export const edgeLoad = (size: Size): Load => ({ ...base(size), recordsPerSecond: EDGE_RATE })
export const smallEdgeLoad = (size: Size): Load => ({
  ...base(size),
  recordsPerRequest: 10,
  records: size.records / SMALL_SHARE,
  warmUpRecords: size.records / SMALL_SHARE,
  recordsPerSecond: EDGE_SMALL_RATE,
})
export const edgeLoads = (size: Size): Load[] => [
  edgeLoad(size),
  { ...edgeLoad(size), compression: 'gzip' },
  { ...edgeLoad(size), compression: 'zstd' },
  smallEdgeLoad(size),
]
/** The Collector with ClickHouse takes about 70,000 records a second on two cores. */
const STORE_RATE = 30_000
const STORE_WARM_UP_RECORDS = 100_000
export const storeLoad = (size: Size): Load => ({
  ...base(size),
  warmUpRecords: Math.min(STORE_WARM_UP_RECORDS, size.records),
  recordsPerSecond: STORE_RATE,
})
export const drainLoads = (size: Size): Load[] => [
  { ...base(size), records: 2 * size.records, recordsPerSecond: null },
  { ...base(size), recordsPerSecond: null, format: 'json' },
]
/** The same records of few and of many: a tenant has a watchdog's share, a service its series. */
export const growthLoads = (size: Size): [few: Load, many: Load] => {
  const load = { ...base(size), recordsPerSecond: null }
  return [
    { ...load, tenants: 1, services: 8 },
    { ...load, tenants: 20, services: 100 },
  ]
}
/** As fast as it goes, to see how fast that is. */
const CALIBRATE_SECONDS = 10
export const halfLoads = (size: Size): { readonly calibrate: Load; readonly half: (recordsPerSecond: number) => Load } => {
  const load = { ...base(size), connections: 16 }
  const seconds = Math.min(CALIBRATE_SECONDS, size.seconds)
  return {
    calibrate: { ...load, records: 1_000_000 * seconds, recordsPerSecond: null, maxSeconds: seconds },
    half: (recordsPerSecond) => ({
      ...load,
      recordsPerSecond: Math.max(LARGE, Math.floor(recordsPerSecond / 2)),
      records: Math.max(LARGE, Math.floor(recordsPerSecond / 2)) * seconds,
      maxSeconds: size.seconds,
    }),
  }
}
export const matrixLoads = (size: Size): Load[] =>
  (['protobuf', 'json'] as const).flatMap((format) =>
    COMPRESSIONS.flatMap((compression) =>
      [1, 10, 100, LARGE].map((recordsPerRequest): Load => {
        // As many requests for each size would take long at 1,000 records, as many records long at 1.
        const records = Math.min(size.records, recordsPerRequest * Math.max(200, Math.round(size.records / 100)))
        return {
          recordsPerRequest,
          records,
          warmUpRecords: records / 2,
          recordsPerSecond: null,
          maxSeconds: size.seconds,
          format,
          compression,
        }
      }),
    ),
  )
