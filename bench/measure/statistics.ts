// What is made of several rounds. Rounds of one run are compared with one another only: the machine is the same and so is its noise.

/** By nearest rank; NaN of nothing. */
export const quantile = (sorted: readonly number[], q: number): number =>
  sorted.length === 0 ? Number.NaN : sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(q * sorted.length) - 1))]
export interface Latencies {
  readonly p50: number
  readonly p99: number
  readonly p999: number
}
export const latenciesOf = (values: readonly number[]): Latencies => {
  const sorted = values.toSorted((a, b) => a - b)
  return { p50: quantile(sorted, 0.5), p99: quantile(sorted, 0.99), p999: quantile(sorted, 0.999) }
}
export const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const half = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2
}

/** How far two identical copies were apart in the worst round, as a factor of at least 1. */
export const noiseOf = (first: readonly number[], second: readonly number[]): number =>
  Math.exp(Math.max(0, ...first.map((value, round) => Math.abs(Math.log(value / second[round])))))

export interface Ratio {
  readonly median: number
  readonly low: number
  readonly high: number
  readonly verdict: 'dearer than ours' | 'cheaper than ours' | 'no difference'
}
/** Peer ÷ ours, round by round. Inside the noise there is no difference to speak of. */
export const ratioToOurs = (peer: readonly number[], ours: readonly number[], noise: number): Ratio => {
  const rounds = peer.map((value, round) => value / ours[round])
  const middle = median(rounds)
  const verdict = middle > noise ? 'dearer than ours' : middle < 1 / noise ? 'cheaper than ours' : 'no difference'
  return { median: middle, low: Math.min(...rounds), high: Math.max(...rounds), verdict }
}

/** Every contestant has every place in the order once before any has it twice. */
export const rotated = <T>(all: readonly T[], round: number): T[] => all.map((_, index) => all[(index + round) % all.length])
