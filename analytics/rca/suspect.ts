// How far each service is suspected by its own signals, and who else would stand for its trouble.
import type { CauseKind } from '../../streams/contracts/rca.ts'
import type { Change } from './change.ts'
import { trustOf, type Edge } from './graph.ts'
import { ANOMALOUS, belief, isGone, mostAdded, shareOf, weightedZ, type Strength } from './strength.ts'

/** An alert or a missed heartbeat of the incident: what others saw of the service. */
export interface Outside {
  readonly service: string
  readonly kind: 'alert' | 'heartbeat'
}
/** Where trouble was noticed; null where it is not known as what. */
export interface Symptom {
  readonly service: string
  readonly kind: CauseKind | null
}

/** Chances that it fails, and that it is left without work. */
export interface Suspect {
  readonly service: string
  readonly strength: Strength
  readonly failing: number
  readonly starved: number
  readonly seen: Outside | undefined
}

/** Sigma that an alert or a missed heartbeat counts for: twice what makes unwell, because somebody chose to be told. */
const OUTSIDE_SIGMA = 2 * ANOMALOUS
/** Trouble mostly spreads as what it is, but slowness also becomes errors, and errors slowness. */
const OTHER_KIND = 0.5
/** What nobody notices as itself, but as slowness or errors of something else. */
const HIDDEN: ReadonlySet<CauseKind> = new Set(['resource', 'new_messages'])
/** More so than not. */
const LIKELY = 0.5

const FAILING: ReadonlySet<CauseKind> = new Set(['errors', 'latency', 'resource', 'new_messages', 'alert', 'heartbeat'])

export const either = (...chances: readonly number[]): number => 1 - chances.reduce((none, chance) => none * (1 - chance), 1)

/** What trouble was noticed as: told, or what the place where it was noticed shows. Empty: anything. */
const kindsOf = (symptoms: readonly Symptom[], strengths: ReadonlyMap<string, Strength>): ReadonlySet<CauseKind> =>
  new Set(
    symptoms.flatMap(({ service, kind }) =>
      kind !== null
        ? [kind]
        : (strengths.get(service)?.changes ?? [])
            .filter((change, i) => i === 0 || weightedZ(change) >= ANOMALOUS)
            .map((change) => change.kind),
    ),
  )

export const suspectsOf = (
  strengths: ReadonlyMap<string, Strength>,
  symptoms: readonly Symptom[],
  outside: readonly Outside[],
): ReadonlyMap<string, Suspect> => {
  const kinds = kindsOf(symptoms, strengths)
  const most = mostAdded(strengths.values())
  const unwell = (change: Change): number =>
    belief(weightedZ(change)) * (kinds.size === 0 || kinds.has(change.kind) || HIDDEN.has(change.kind) || isGone(change) ? 1 : OTHER_KIND)
  /** How sure it is by all signs together, times how much of the damage is its own on the average of them: many signs of a part are no whole. */
  const chance = (changes: readonly Change[], more = 0): number => {
    const sure = changes.map(unwell)
    const sum = sure.reduce((total, one) => total + one, 0)
    const share = sum === 0 ? 1 : changes.reduce((total, change, i) => total + sure[i] * shareOf(change, most), 0) / sum
    return either(...sure, more) * share
  }
  const seenAt = new Map(outside.map((one) => [one.service, one]))
  return new Map(
    [...new Set([...strengths.keys(), ...seenAt.keys()])].map((service) => {
      const strength = strengths.get(service) ?? { service, score: 0, changes: [], appeared: false }
      const seen = seenAt.get(service)
      const failing = strength.changes.filter((change) => FAILING.has(change.kind))
      return [
        service,
        {
          service,
          strength,
          seen,
          failing: chance(failing, seen === undefined ? 0 : belief(OUTSIDE_SIGMA)),
          starved: chance(strength.changes.filter((change) => !FAILING.has(change.kind))),
        },
      ]
    }),
  )
}

export interface Explanation {
  readonly by: string
  readonly chance: number
}

/** Callees that fail, or that fell silent where it fails; where it only lost work, its callers that lost theirs. */
const explanationsOf = (own: Suspect, edges: readonly Edge[], suspects: ReadonlyMap<string, Suspect>): Explanation[] =>
  edges.flatMap((edge) => {
    const other = suspects.get(edge.from === own.service ? edge.to : edge.from)
    // Whom nobody called before is not why he is called now.
    if (other === undefined || other.strength.appeared) return []
    const fails = own.failing >= own.starved
    const chance = edge.from === own.service ? Math.max(other.failing, fails ? other.starved : 0) : fails ? 0 : other.starved
    return chance === 0 ? [] : [{ by: other.service, chance: chance * trustOf(edge) }]
  })

export interface Explained {
  readonly chance: number
  readonly by: readonly string[]
}

/** For each, the most that stands for its trouble: directly, or behind one that rather does than not. */
export const explainedBy = (
  suspects: ReadonlyMap<string, Suspect>,
  calls: ReadonlyMap<string, readonly Edge[]>,
): ReadonlyMap<string, Explained> => {
  const direct = new Map([...suspects].map(([service, own]) => [service, explanationsOf(own, calls.get(service) ?? [], suspects)]))
  const most = new Map([...direct].map(([service, explanations]) => [service, Math.max(0, ...explanations.map((one) => one.chance))]))
  for (let moved = true; moved;) {
    moved = false
    for (const [service, explanations] of direct) {
      const behind = Math.max(0, ...explanations.map(({ by, chance }) => (chance >= LIKELY ? (most.get(by) ?? 0) : 0)))
      if (behind <= most.get(service)!) continue
      most.set(service, behind)
      moved = true
    }
  }
  return new Map(
    [...direct].map(([service, explanations]) => [
      service,
      { chance: most.get(service)!, by: [...new Set(explanations.filter((one) => one.chance >= LIKELY).map((one) => one.by))].sort() },
    ]),
  )
}
