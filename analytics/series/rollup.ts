// Partials → closed buckets. Values in, values out: what a bucket adds up to, when it may be closed, and what a bucket
// without data means. Times are Unix milliseconds, buckets are named by their start.
import { isCount } from '../../streams/contracts/metric-value.ts'

export const BUCKET_MS = 10_000
export const CLOSE_AFTER_MS = 15_000
export const BACKFILL_QUIET_MS = 2_000
/** In backfilled time a service is there when it has buckets this near on both sides. */
export const BRIDGE_MS = 300_000
/** A service that stops while others go on is missed for this long; behind that nobody knows whether it still exists. */
export const MISSED_MS = 600_000

export interface Aggregate {
  count: number
  sum: number
  min: number
  max: number
  sumSq: number
}

export interface Partial {
  readonly tenant: string
  readonly service: string
  readonly bucketMs: number
  readonly metrics: readonly (readonly [metric: string, aggregate: Aggregate])[]
  /** 64-bit hashes as text: they do not fit a number. */
  readonly templates: readonly string[]
  /** Log offsets that its range covers: versions are sums of these. */
  readonly covers: number
}

export interface OpenBucket {
  readonly bucketMs: number
  readonly metrics: Record<string, Aggregate>
  templates: string[]
  version: number
  /** By the watchdog's clock: when its newest partial was read. */
  lastPartialAtMs: number
}

export const newBucket = (bucketMs: number): OpenBucket => ({ bucketMs, metrics: {}, templates: [], version: 0, lastPartialAtMs: 0 })

const addTo = (total: Aggregate | undefined, part: Aggregate): Aggregate =>
  total === undefined
    ? { ...part }
    : {
        count: total.count + part.count,
        sum: total.sum + part.sum,
        sumSq: total.sumSq + part.sumSq,
        min: Math.min(total.min, part.min),
        max: Math.max(total.max, part.max),
      }

/** Adds a partial to its bucket, which the caller owns, as far as its metrics are admitted. */
export const addPartial = (bucket: OpenBucket, partial: Partial, readAtMs: number, admits: (metric: string) => boolean): void => {
  for (const [metric, aggregate] of partial.metrics) if (admits(metric)) bucket.metrics[metric] = addTo(bucket.metrics[metric], aggregate)
  if (partial.templates.length > 0) bucket.templates = [...new Set([...bucket.templates, ...partial.templates])]
  bucket.version += partial.covers
  bucket.lastPartialAtMs = Math.max(bucket.lastPartialAtMs, readAtMs)
}

/** When the bucket may close if nothing received before is still uncommitted. */
export const closesAtMs = (bucketMs: number, lastPartialAtMs: number): number =>
  Math.max(bucketMs + BUCKET_MS + CLOSE_AFTER_MS, lastPartialAtMs + BACKFILL_QUIET_MS)

export interface Clock {
  readonly nowMs: number
  /** Receive time of the oldest message not yet stored; null when all are. */ readonly uncommittedMs: number | null
}

/** A bucket ahead of the wall clock never closes: one clock in the future closes nothing. */
export const closable = (closesMs: number, clock: Clock): boolean =>
  clock.nowMs >= closesMs && (clock.uncommittedMs === null || clock.uncommittedMs > closesMs)

export interface Missing {
  readonly bucketMs: number
  /** The service's nearest buckets with data; null when there is none. */
  readonly beforeMs: number | null
  readonly afterMs: number | null
  /** We ran while the bucket was live, and the service was live before it. */
  readonly watched: boolean
  readonly othersReported: boolean
  /** No other service of the tenant is known. */
  readonly alone: boolean
}

/** What a bucket without data means for counts: nothing happened (0), or nobody looked (a gap). */
export const meaningOf = (missing: Missing): 'zero' | 'gap' => {
  if (missing.watched) return missing.othersReported ? 'zero' : 'gap'
  // Where the whole tenant is silent, its records are missing and not its events.
  if (!missing.othersReported && !missing.alone) return 'gap'
  const sinceMs = missing.beforeMs === null ? Infinity : missing.bucketMs - missing.beforeMs
  if (!missing.alone && sinceMs <= MISSED_MS) return 'zero'
  return missing.afterMs !== null && sinceMs <= BRIDGE_MS && missing.afterMs - missing.bucketMs <= BRIDGE_MS ? 'zero' : 'gap'
}

/** The value that is judged: the count, or the mean of what was measured. */
export const valueOf = (metric: string, aggregate: Aggregate | undefined): number | null => {
  if (aggregate === undefined) return isCount(metric) ? 0 : null
  if (isCount(metric)) return aggregate.count
  return aggregate.count === 0 ? null : aggregate.sum / aggregate.count
}

export const countOf = (count: number): Aggregate => ({ count, sum: count, min: count, max: count, sumSq: count * count })
