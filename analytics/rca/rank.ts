// Which anomalous service explains the others: the one that has no anomalous callee and is reached by an anomalous path. A rank
// is a product of factors between 0 and 1, each of them kept, so that an answer can be argued with:
//   suspicion     something is wrong here, by its own signals, in the way in which trouble was noticed, and the damage is its own
//   unexplained   nothing that it depends on is as unwell, along services that are
//   reached       trouble that was noticed comes from it along services that are unwell
//   correlation   it moves together with what was noticed
//   in time       it was not later than what was noticed
//   changed       it was deployed shortly before
// Pure and deterministic. The product and the benchmark ask the same function.
import type { CauseFactors, CauseKind } from '../../streams/contracts/rca.ts'
import { laggedCorrelation } from './correlation.ts'
import type { Edge } from './graph.ts'
import { edgesByService, reachedFrom } from './paths.ts'
import type { MeaningOf, Moment, ServiceSeries, Values } from './series.ts'
import { NOTABLE, strengthOf, weightedZ, type Strength } from './strength.ts'
import { either, explainedBy, suspectsOf, type Outside, type Symptom } from './suspect.ts'

export interface Deploy {
  readonly service: string
  readonly atMs: number
  readonly version: string
  readonly previous: string
}
export interface Ranked {
  readonly service: string
  readonly score: number
  readonly factors: CauseFactors
  readonly kind: CauseKind
  readonly strength: Strength
  readonly explainedBy: readonly string[]
  readonly deploy: Deploy | null
}

export interface RankInput {
  readonly series: readonly ServiceSeries[]
  readonly meaningOf: MeaningOf
  readonly moment: Moment
  readonly symptoms: readonly Symptom[]
  /** Edges that say who calls whom; correlation is no way for trouble to take. */
  readonly calls: readonly Edge[]
  /** A deploy shortly before the onset, per service. */
  readonly deploys: ReadonlyMap<string, Deploy>
  readonly outside: readonly Outside[]
}
export interface Ranking {
  readonly strengths: ReadonlyMap<string, Strength>
  readonly ranked: readonly Ranked[]
}

/** The least that a rough factor leaves of a rank: graphs have holes, and minutes correlate by chance. */
const LEAST = 0.5
/** How far an explanation is believed: now and then both are broken. */
const EXPLAINS = 0.9
/** How much of a rank is left without a deploy just before: faults follow changes, but a fifth must not outweigh what is seen. */
const UNCHANGED = 0.8
/** Pairs from which a correlation says anything. */
const MIN_PAIRS = 4
const MAX_CAUSES = 10

const softened = (factor: number): number => LEAST + (1 - LEAST) * factor

/** With what was noticed, by the strongest change of each: a half where one has too little data, and no factor where the place where it was noticed has. */
const correlationWith = (
  { series, symptoms, moment }: RankInput,
  strengths: ReadonlyMap<string, Strength>,
): ((service: string) => number) => {
  const byName = new Map(series.map((one) => [one.service, one]))
  const valuesOf = (service: string): Values | null => {
    const metric = strengths.get(service)?.changes[0]?.metric
    return metric === undefined ? null : byName.get(service)!.metrics[metric].slice(moment.recentFrom)
  }
  const noticed = new Set(symptoms.map((one) => one.service))
  const others = [...noticed]
    .map(valuesOf)
    .filter((values) => values !== null && values.filter((value) => value !== null).length >= MIN_PAIRS) as Values[]
  return (service) => {
    if (noticed.has(service) || others.length === 0) return 1
    const own = valuesOf(service)
    const found =
      own === null ? [] : others.flatMap((other) => laggedCorrelation(own, other, 0, MIN_PAIRS) ?? []).map(({ r }) => Math.abs(r))
    return found.length === 0 ? LEAST : Math.max(...found)
  }
}

/** The strongest change, but errors where they are plain: slowness is mostly how they feel. */
const kindOf = ({ changes }: Strength): CauseKind | undefined =>
  (changes.find((change) => change.kind === 'errors' && weightedZ(change) >= 0.3 * weightedZ(changes[0])) ?? changes[0])?.kind

/** The services that may be the cause, most likely first. */
export const rank = (input: RankInput): Ranking => {
  const strengths = new Map(input.series.map((one) => [one.service, strengthOf(one, input.moment, input.meaningOf)]))
  const suspects = suspectsOf(strengths, input.symptoms, input.outside)
  const calls = edgesByService(input.calls)
  const explained = explainedBy(suspects, calls)
  const reached = reachedFrom(new Set(input.symptoms.map((one) => one.service)), calls, (service) => {
    const suspect = suspects.get(service)
    return suspect === undefined ? 0 : Math.max(suspect.failing, suspect.starved)
  })
  const correlation = correlationWith(input, strengths)
  const firstNoticed = Math.max(...input.symptoms.map(({ service }) => strengths.get(service)?.changes[0]?.firstIndex ?? -1))
  const ranked = [...suspects.values()]
    .filter(({ strength, seen }) => strength.score >= NOTABLE || seen !== undefined)
    .map(({ service, strength, failing, starved, seen }): Ranked => {
      const deploy = input.deploys.get(service) ?? null
      const first = strength.changes[0]?.firstIndex ?? -1
      const factors: CauseFactors = {
        suspicion: either(failing, starved) * (strength.appeared ? LEAST : 1),
        unexplained: 1 - EXPLAINS * explained.get(service)!.chance,
        reached: softened(reached === null ? 1 : (reached.get(service) ?? 0)),
        correlation: softened(correlation(service)),
        // One bucket is what a fault may lie across.
        inTime: firstNoticed >= 0 && first > firstNoticed + 1 ? LEAST : 1,
        changed: deploy === null ? UNCHANGED : 1,
      }
      const score = Object.values(factors).reduce((product, factor) => product * factor, 1)
      return {
        service,
        score,
        factors,
        kind: kindOf(strength) ?? seen?.kind ?? 'errors',
        strength,
        explainedBy: explained.get(service)!.by,
        deploy,
      }
    })
  return {
    strengths,
    ranked: ranked
      .filter((one) => one.score > 0)
      .sort((a, b) => b.score - a.score || (a.service < b.service ? -1 : 1))
      .slice(0, MAX_CAUSES),
  }
}
