// Rounds → ratios. In every round one of ours runs as two identical copies: how far they are apart is the noise of the stage. A peer is
// compared with ours of the same round, with the mean where there are two.
import { median, noiseOf, ratioToOurs, type Ratio } from '../measure/statistics.ts'
import type { Bar } from './plot.ts'
import { totalCpu, type Result, type Stage } from './result.ts'

/** Whom a peer is compared with, and which parts of each count. */
export interface Pairing {
  readonly stage: Stage
  readonly what: string
  readonly load: string
  readonly ours: readonly string[]
  readonly copies: readonly [string, string]
  readonly peer: string
  readonly parts: 'all' | readonly string[]
}
export interface ComparedRow {
  /** Stable from run to run: the baseline knows a row by it. */
  readonly key: string
  readonly stage: Stage
  readonly what: string
  readonly load: string
  readonly peer: string
  readonly peerDurability: string
  readonly ours: string
  readonly oursDurability: string
  /** CPU-s per million records, medians. */
  readonly peerCost: number
  readonly oursCost: number
  readonly noise: number
  readonly ratio: Ratio
  readonly isFailed: boolean
}

const costOf = (result: Result, parts: Pairing['parts']): number =>
  parts === 'all' ? totalCpu(result) : parts.reduce((sum, part) => sum + (result.cpuPerMillion[part] ?? 0), 0)

/** Null when one of them did not run in every round. */
export const compare = (results: readonly Result[], { stage, what, load, ours, copies, peer, parts }: Pairing): ComparedRow | null => {
  const of = (contestant: string): Result[] => results.filter((one) => one.contestant === contestant && one.load === load)
  const [theirs, own, identical] = [of(peer), ours.map(of), copies.map(of)]
  if (theirs.length === 0 || [...own, ...identical].some((rounds) => rounds.length !== theirs.length)) return null
  const costs = (rounds: readonly Result[], counted: Pairing['parts']): number[] => rounds.map((one) => costOf(one, counted))
  const peerCosts = costs(theirs, parts)
  const ownCosts = peerCosts.map((_, round) => own.reduce((sum, rounds) => sum + costOf(rounds[round], parts), 0) / own.length)
  const noise = noiseOf(costs(identical[0], 'all'), costs(identical[1], 'all'))
  const oursDurability = own[0][0].durability
  return {
    key: [stage, what, load, ours[0], peer].join(' | '),
    stage,
    what,
    load,
    peer,
    peerDurability: theirs[0].durability,
    ours: ours[0],
    oursDurability,
    peerCost: median(peerCosts),
    oursCost: median(ownCosts),
    noise,
    ratio: ratioToOurs(peerCosts, ownCosts, noise),
    isFailed: [...theirs, ...own.flat()].some(({ faults }) => faults.length > 0),
  }
}

/** Ours once for each load and part, beside all its peers. */
export const barsOf = (rows: readonly ComparedRow[]): Bar[] => {
  const bars = rows.flatMap(({ stage, what, load, ours, oursDurability, oursCost, peer, peerDurability, peerCost }): Bar[] => {
    const group = `${stage}: ${load}; ${what}`
    return [
      { group, label: `${ours} (${oursDurability})`, value: oursCost, isOurs: true },
      { group, label: `${peer} (${peerDurability})`, value: peerCost, isOurs: false },
    ]
  })
  const once = new Map(bars.map((bar) => [`${bar.group}\n${bar.label}`, bar]))
  return [...once.values()].sort((a, b) => Number(b.isOurs) - Number(a.isOurs))
}

/** Of how much was sent: a start that is shared by few records weighs more than one that is shared by many. */
export interface RunSize {
  readonly records: number
  readonly seconds: number
}
export interface Baseline {
  /** Absent from those of before it was written down. */ readonly size?: RunSize
  readonly rows: readonly { readonly key: string; readonly ratio: number; readonly noise: number }[]
}
export const toBaseline = (rows: readonly ComparedRow[], size: RunSize): Baseline => ({
  size,
  rows: rows.map(({ key, ratio, noise }) => ({ key, ratio: ratio.median, noise })),
})

/** Ratios of runs of another size say nothing of each other. @throws Error. */
export const assertSameSize = (baseline: Baseline, runs: readonly { readonly size: RunSize }[]): void => {
  const { size: known } = baseline
  if (known === undefined)
    throw new Error('the baseline does not say of how much it is: `npm run bench:compare -- --quick --baseline` makes one that does')
  const sizeOf = ({ records, seconds }: RunSize): string => `${records.toLocaleString('en')} records or ${seconds} s`
  const other = runs.find(({ size }) => sizeOf(size) !== sizeOf(known))
  if (other !== undefined)
    throw new Error(`the baseline is of ${sizeOf(known)} a turn, the run of ${sizeOf(other.size)}: they are not to be compared`)
}

/** What is worse than the baseline by more than the noise of both, in words; what one side lacks is named apart. */
export const checkAgainst = (
  rows: readonly ComparedRow[],
  baseline: Baseline,
): { readonly worse: readonly string[]; readonly missing: readonly string[]; readonly compared: number } => {
  const now = new Map(rows.map((row) => [row.key, row]))
  const known = baseline.rows.filter(({ key }) => now.has(key))
  return {
    compared: known.length,
    missing: baseline.rows.filter(({ key }) => !now.has(key)).map(({ key }) => key),
    worse: known.flatMap((before) => {
      const row = now.get(before.key)!
      const isWorse = row.ratio.median * row.noise * before.noise < before.ratio
      return isWorse
        ? [
            `${before.key}: ${before.ratio.toFixed(2)} → ${row.ratio.median.toFixed(2)}, more than the noise of × ${(row.noise * before.noise).toFixed(2)}`,
          ]
        : []
    }),
  }
}
