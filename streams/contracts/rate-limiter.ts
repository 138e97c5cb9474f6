// A token bucket per key: `perSecond` requests a second, a second's worth at once. Memory is bounded by the keys that are
// known: look-ups are by ids of credentials, never by what a caller makes up.

export interface RateLimiter {
  /** 0 when the request may go on; otherwise milliseconds until one may. */
  take(key: string, perSecond: number, nowMs: number): number
}

interface Bucket {
  left: number
  atMs: number
}
const MAX_KEYS = 10_000

export const createRateLimiter = (): RateLimiter => {
  const buckets = new Map<string, Bucket>()
  return {
    take: (key, perSecond, nowMs) => {
      let bucket = buckets.get(key)
      if (bucket === undefined) {
        // The one that was made first goes: at worst a second's worth is given twice.
        if (buckets.size >= MAX_KEYS) buckets.delete(buckets.keys().next().value as string)
        bucket = { left: perSecond, atMs: nowMs }
        buckets.set(key, bucket)
      }
      bucket.left = Math.min(perSecond, bucket.left + (Math.max(0, nowMs - bucket.atMs) * perSecond) / 1000)
      bucket.atMs = nowMs
      if (bucket.left < 1) return Math.ceil(((1 - bucket.left) * 1000) / perSecond)
      bucket.left -= 1
      return 0
    },
  }
}
