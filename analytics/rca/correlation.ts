// How two series move together. Who moved first is said only where the lag is clear: at samples of a second or more it rarely is.
import { sampleCorrelation } from 'simple-statistics'
import type { ServiceSeries, Values } from './series.ts'

const MAX_LAG = 12
const MIN_PAIRS = 30
const MIN_R = 0.6
/** A peak away from lag 0 must beat it by this much to say who moved first. */
const LAG_GAIN = 0.15

/** Pearson of a(t) with b(t + lag) where both have data; null when too few, or one does not vary. */
export const laggedCorrelation = (a: Values, b: Values, lag: number, leastPairs = MIN_PAIRS): { r: number; n: number } | null => {
  const xs: number[] = []
  const ys: number[] = []
  for (let i = Math.max(0, -lag); i < a.length && i + lag < b.length; i++) {
    const x = a[i]
    const y = b[i + lag]
    if (x !== null && y !== null && x !== undefined && y !== undefined) {
      xs.push(x)
      ys.push(y)
    }
  }
  if (xs.length < leastPairs) return null
  const r = sampleCorrelation(xs, ys)
  return Number.isFinite(r) ? { r, n: xs.length } : null
}

/** Strong, and by Fisher's transformation four and a half sigma from none: there are many pairs to choose from. */
const significant = ({ r, n }: { r: number; n: number }): boolean =>
  Math.abs(r) >= MIN_R && Math.atanh(Math.min(Math.abs(r), 0.999999)) * Math.sqrt(n - 3) >= 4.5

export interface Correlated {
  readonly r: number
  readonly lagBuckets: number
  readonly metric: string
}

export const correlate = (a: ServiceSeries, b: ServiceSeries): Correlated | null => {
  let best: Correlated | null = null
  for (const metric of Object.keys(a.metrics).sort()) {
    if (b.metrics[metric] === undefined) continue
    const at0 = laggedCorrelation(a.metrics[metric], b.metrics[metric], 0)
    if (at0 === null || Math.abs(at0.r) < 0.3) continue
    let peak = { ...at0, lag: 0 }
    for (let lag = -MAX_LAG; lag <= MAX_LAG; lag++) {
      const at = laggedCorrelation(a.metrics[metric], b.metrics[metric], lag)
      if (at !== null && Math.abs(at.r) > Math.abs(peak.r)) peak = { ...at, lag }
    }
    if (Math.abs(peak.r) - Math.abs(at0.r) < LAG_GAIN) peak = { ...at0, lag: 0 }
    if (significant(peak) && (best === null || Math.abs(peak.r) > Math.abs(best.r))) best = { r: peak.r, lagBuckets: peak.lag, metric }
  }
  return best
}
