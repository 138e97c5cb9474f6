// How anomalous each service is around an onset: the strongest change of each kind, how sure that makes it that something is
// wrong there, and how much of the whole damage is its own.
import type { CauseKind } from '../../streams/contracts/rca.ts'
import { addsUp, changeOf, type Change, type Damage } from './change.ts'
import type { MeaningOf, Moment, ServiceSeries } from './series.ts'

export interface Strength {
  readonly service: string
  /** Strongest kind first, one of each: several metrics of one kind see the same thing. */
  readonly changes: readonly Change[]
  /** Sigma: squares of independent deviations add up. */
  readonly score: number
  /** It answered nobody before the onset: what calls it has changed, not it. */
  readonly appeared: boolean
}

/** Sigma from which a service rather is unwell than not: of the hundreds of healthy series that are looked at, some reach three. */
export const ANOMALOUS = 4
/** Half of that is worth a look; less is not. */
export const NOTABLE = ANOMALOUS / 2
/** Traffic follows other causes more often than it is one; never-seen messages are also what a deploy or a rare path brings. */
const WEIGHT: Readonly<Partial<Record<CauseKind, number>>> = { traffic_rise: 0.3, traffic_drop: 0.7, new_messages: 0.7 }
/** Less than a tenth of its work left: it does not do less, it is gone. */
const GONE = 0.1

export const isGone = ({ kind, before, after }: Change): boolean => kind === 'traffic_drop' && after <= GONE * before
export const weightedZ = (change: Change): number => Math.abs(change.z) * (isGone(change) ? 1 : (WEIGHT[change.kind] ?? 1))
/** 0 to 1: a half at ANOMALOUS; a hundred sigma say hardly more than twenty. */
export const belief = (sigma: number): number => sigma ** 2 / (sigma ** 2 + ANOMALOUS ** 2)

/** The strongest change of each kind, with the damage as a metric of that kind tells it which adds up. */
const strongestOf = (series: ServiceSeries, moment: Moment, meaningOf: MeaningOf): Change[] => {
  const strongest = new Map<CauseKind, Change>()
  const damages = new Map<CauseKind, { readonly z: number; readonly damage: Damage }>()
  for (const metric of Object.keys(series.metrics).sort()) {
    const meaning = meaningOf(metric)
    if (meaning === null) continue
    const measured = { metric, meaning, values: series.metrics[metric], weights: series.weights?.[metric] }
    const change = changeOf(measured, moment)
    // A total that did not rise says so, too.
    if (change === null && addsUp(measured) && !damages.has(meaning.up!)) damages.set(meaning.up!, { z: 0, damage: { metric, added: 0 } })
    if (change === null) continue
    const z = Math.abs(change.z)
    if (z > Math.abs(strongest.get(change.kind)?.z ?? 0)) strongest.set(change.kind, change)
    if (change.damage !== null && z > (damages.get(change.kind)?.z ?? -1)) damages.set(change.kind, { z, damage: change.damage })
  }
  return [...strongest.values()]
    .map((change) => ({ ...change, damage: damages.get(change.kind)?.damage ?? null }))
    .sort((a, b) => weightedZ(b) - weightedZ(a))
}

const appearedAt = (series: ServiceSeries, onset: number, meaningOf: MeaningOf): boolean => {
  const served = Object.keys(series.metrics).filter((metric) => meaningOf(metric)?.served === true)
  return served.length > 0 && !served.some((metric) => series.metrics[metric].slice(0, onset).some((value) => value !== null && value > 0))
}

export const strengthOf = (series: ServiceSeries, moment: Moment, meaningOf: MeaningOf): Strength => {
  const changes = strongestOf(series, moment, meaningOf)
  return {
    service: series.service,
    changes,
    score: Math.hypot(...changes.map(weightedZ)),
    appeared: appearedAt(series, moment.onset, meaningOf),
  }
}

/** What is to be told of: the strongest change, and what else stands out. */
export const notable = ({ changes }: Strength): readonly Change[] => changes.filter((change) => Math.abs(change.z) >= NOTABLE)

/** Per metric, the most that any service added: what the others are measured by. */
export const mostAdded = (strengths: Iterable<Strength>): ReadonlyMap<string, number> => {
  const most = new Map<string, number>()
  for (const { changes } of strengths)
    for (const { damage } of changes) if (damage !== null) most.set(damage.metric, Math.max(most.get(damage.metric) ?? 0, damage.added))
  return most
}

/** A caller waits for what its callee spends and fails with what its callee fails: the damage is largest where it is done. A root, because a small part may still be the cause. */
export const shareOf = ({ damage }: Change, most: ReadonlyMap<string, number>): number => {
  const whole = damage === null ? 0 : (most.get(damage.metric) ?? 0)
  return whole === 0 ? 1 : Math.sqrt(damage!.added / whole)
}
