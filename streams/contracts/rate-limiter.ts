// A token bucket per credential: `perSecond` requests a second, a second's worth at once. Processes that share a credential tell each
// other how often it was asked of them, and each fills its bucket with its share of the rate: together they let through what one bucket
// would, whoever is asked more gets more of it, and nobody is shut out. What n processes may let through beyond the rate is n seconds'
// worth at once, and what comes in before a change of shares is known. Memory is bounded by the credentials that are known: look-ups are
// by their ids, never by what a caller makes up.

/** Requests that asked to be let through. */
export interface RateUse {
  readonly tenant: string
  readonly tokenId: string
  readonly asked: number
}
export interface RateLimiter {
  /** 0 when the request may go on; otherwise milliseconds until one may. */
  take(by: { readonly tenant: string; readonly tokenId: string }, perSecond: number, nowMs: number): number
  /** What was asked since the last report, of every credential that was lately asked about, 0 among them; null when none was. */
  takeReport(nowMs: number): readonly RateUse[] | null
  /** @param others what was asked of them while the last report came about; null: nobody knows, and each keeps to the rate on its own. */
  learn(others: readonly RateUse[] | null, nowMs: number): void
}

interface Bucket {
  readonly tenant: string
  perSecond: number
  left: number
  atMs: number
  /** Of the rate: 1 while no other is known to be asked. */
  share: number
  asked: number
  askedAtMs: number
  reported: number
  /** Decaying counts of what was asked here and elsewhere. */
  own: number
  others: number
}
const MAX_KEYS = 10_000
/** Per report: at five a second, what was asked five seconds ago weighs a third. */
const DECAY = 0.96
const LATELY_MS = 15_000

const refill = (bucket: Bucket, nowMs: number): void => {
  const seconds = Math.max(0, nowMs - bucket.atMs) / 1000
  bucket.left = Math.min(bucket.perSecond, bucket.left + seconds * bucket.perSecond * bucket.share)
  bucket.atMs = nowMs
}

export const createRateLimiter = (): RateLimiter => {
  const buckets = new Map<string, Bucket>()
  return {
    take: ({ tenant, tokenId }, perSecond, nowMs) => {
      let bucket = buckets.get(tokenId)
      if (bucket === undefined) {
        // The one that was made first goes: at worst a second's worth is given twice.
        if (buckets.size >= MAX_KEYS) buckets.delete(buckets.keys().next().value as string)
        bucket = { tenant, perSecond, left: perSecond, atMs: nowMs, share: 1, asked: 0, askedAtMs: nowMs, reported: 0, own: 0, others: 0 }
        buckets.set(tokenId, bucket)
      }
      bucket.perSecond = perSecond
      refill(bucket, nowMs)
      bucket.asked += 1
      bucket.askedAtMs = nowMs
      if (bucket.left < 1) return Math.ceil(((1 - bucket.left) * 1000) / perSecond)
      bucket.left -= 1
      return 0
    },
    takeReport: (nowMs) => {
      const uses: RateUse[] = []
      for (const [tokenId, bucket] of buckets) {
        bucket.reported = bucket.asked
        if (bucket.asked === 0 && nowMs - bucket.askedAtMs > LATELY_MS) continue
        uses.push({ tenant: bucket.tenant, tokenId, asked: bucket.asked })
        bucket.asked = 0
      }
      return uses.length === 0 ? null : uses
    },
    learn: (others, nowMs) => {
      const elsewhere = new Map((others ?? []).map(({ tokenId, asked }) => [tokenId, asked]))
      for (const [tokenId, bucket] of buckets) {
        refill(bucket, nowMs)
        bucket.own = bucket.own * DECAY + bucket.reported
        bucket.others = others === null ? 0 : bucket.others * DECAY + (elsewhere.get(tokenId) ?? 0)
        bucket.reported = 0
        bucket.share = bucket.others === 0 ? 1 : bucket.own / (bucket.own + bucket.others)
      }
    },
  }
}
