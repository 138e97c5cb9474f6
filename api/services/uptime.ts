// How much of a time a monitor was up, from the times when it was down. Pure.

export interface Outage {
  readonly startMs: number
  /** Null while it goes on. */ readonly endMs: number | null
}

/** Per cent with three digits, from outages that do not overlap; null for no time at all. */
export const uptimePercent = (outages: readonly Outage[], fromMs: number, toMs: number): number | null => {
  if (toMs <= fromMs) return null
  const downMs = outages.reduce(
    (sum, { startMs, endMs }) => sum + Math.max(0, Math.min(endMs ?? toMs, toMs) - Math.max(startMs, fromMs)),
    0,
  )
  return Math.round((1 - downMs / (toMs - fromMs)) * 100_000) / 1000
}

export interface UptimeBucket {
  readonly from: string
  readonly to: string
  readonly uptimePercent: number | null
  readonly misses: number
}

/** Equal parts of a time, oldest first; null where the monitor did not exist yet. */
export const toTimeline = (
  outages: readonly Outage[],
  fromMs: number,
  toMs: number,
  buckets: number,
  existsFromMs: number,
): UptimeBucket[] => {
  const edge = (index: number): number => Math.round(fromMs + ((toMs - fromMs) * index) / buckets)
  return Array.from({ length: buckets }, (_, index) => {
    const [start, end] = [edge(index), edge(index + 1)]
    return {
      from: new Date(start).toISOString(),
      to: new Date(end).toISOString(),
      uptimePercent: uptimePercent(outages, Math.max(start, existsFromMs), end),
      misses: outages.filter((outage) => outage.startMs >= start && outage.startMs < end).length,
    }
  })
}
