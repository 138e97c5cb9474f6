// What one run found. Processor time is in CPU-seconds per million records, of each part apart.
import type { Latencies } from '../measure/statistics.ts'

export type Durability = 'memory' | 'page cache' | 'fsync'
export const STAGES = {
  E: 'HTTP → durable log',
  G: 'log → ClickHouse',
  X: 'HTTP → ClickHouse, queryable',
  A: 'acknowledgement at half of what it can take',
  C: 'log → ClickHouse, of more tenants and services',
  D: 'detection within decoding, in memory',
  O: 'twice what it can take',
  S: 'sizes, compressions and encodings at the edge',
} as const
export type Stage = keyof typeof STAGES

export interface Result {
  readonly stage: Stage
  /** What was sent, and how. */
  readonly load: string
  readonly contestant: string
  /** Of an acknowledged record. */
  readonly durability: Durability
  readonly records: number
  readonly seconds: number
  readonly recordsPerSecond: number
  readonly cpuPerMillion: Readonly<Record<string, number>>
  readonly peakMiB: Readonly<Record<string, number>>
  /** From the intended send to the answer. */
  readonly ackMs: Latencies | null
  /** From the acknowledgement until a query finds the record. */
  readonly queryableP99Ms: number | null
  readonly bytesPerRecord: number | null
  /** False: there was nothing to count, only answers. */
  readonly isCounted: boolean
  /** What was lost, doubled or altered, in words. A run with any of them has failed, however fast it was. */
  readonly faults: readonly string[]
  readonly notes: readonly string[]
}

/** The generator, and a sink that only counts, are no part of what a user pays for. */
export const OWN_COST_OUTSIDE = ['generator', 'sink'] as const
export const totalCpu = (result: Pick<Result, 'cpuPerMillion'>): number =>
  Object.entries(result.cpuPerMillion).reduce(
    (sum, [part, cpu]) => ((OWN_COST_OUTSIDE as readonly string[]).includes(part) ? sum : sum + cpu),
    0,
  )
