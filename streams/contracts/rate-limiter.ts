// A token bucket per credential: `perSecond` requests a second, a second's worth at once. Processes that share a credential tell each
// other what they let through and each takes that out of its own bucket, so that together they keep to the one rate: n processes
// let through at most the rate, and once more n seconds' worth and what comes in while they have not yet heard of each other.
// Memory is bounded by the credentials that are known: look-ups are by their ids, never by what a caller makes up.

/** Requests that were let through. */
export interface RateUse {
  readonly tenant: string
  readonly tokenId: string
  readonly taken: number
}
export interface RateLimiter {
  /** 0 when the request may go on; otherwise milliseconds until one may. */
  take(by: { readonly tenant: string; readonly tokenId: string }, perSecond: number, nowMs: number): number
  /** What was let through since the last report, by every credential that was lately asked about, 0 among them; null when none was. */
  takeReport(nowMs: number): readonly RateUse[] | null
  /** What others have let through. Beyond two seconds' worth it is forgiven: nobody who keeps to the rate from now on waits for long. */
  charge(others: readonly RateUse[]): void
}

interface Bucket {
  readonly tenant: string
  perSecond: number
  left: number
  atMs: number
  unreported: number
}
const MAX_KEYS = 10_000
const MAX_DEBT_S = 2
const LATELY_MS = 5000

export const createRateLimiter = (): RateLimiter => {
  const buckets = new Map<string, Bucket>()
  return {
    take: ({ tenant, tokenId }, perSecond, nowMs) => {
      let bucket = buckets.get(tokenId)
      if (bucket === undefined) {
        // The one that was made first goes: at worst a second's worth is given twice.
        if (buckets.size >= MAX_KEYS) buckets.delete(buckets.keys().next().value as string)
        bucket = { tenant, perSecond, left: perSecond, atMs: nowMs, unreported: 0 }
        buckets.set(tokenId, bucket)
      }
      bucket.perSecond = perSecond
      bucket.left = Math.min(perSecond, bucket.left + (Math.max(0, nowMs - bucket.atMs) * perSecond) / 1000)
      bucket.atMs = nowMs
      if (bucket.left < 1) return Math.ceil(((1 - bucket.left) * 1000) / perSecond)
      bucket.left -= 1
      bucket.unreported += 1
      return 0
    },
    takeReport: (nowMs) => {
      const uses: RateUse[] = []
      for (const [tokenId, bucket] of buckets) {
        if (bucket.unreported === 0 && nowMs - bucket.atMs > LATELY_MS) continue
        uses.push({ tenant: bucket.tenant, tokenId, taken: bucket.unreported })
        bucket.unreported = 0
      }
      return uses.length === 0 ? null : uses
    },
    charge: (others) => {
      for (const { tokenId, taken } of others) {
        const bucket = buckets.get(tokenId)
        if (bucket !== undefined) bucket.left = Math.max(bucket.left - taken, -MAX_DEBT_S * bucket.perSecond)
      }
    },
  }
}
