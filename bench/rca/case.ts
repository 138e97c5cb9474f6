// One fault with its truth, as the ranking is asked about it, and what a list of answers is worth.
import type { Edge } from '../../analytics/rca/graph.ts'
import { rank } from '../../analytics/rca/rank.ts'
import type { MeaningOf, Moment, ServiceSeries } from '../../analytics/rca/series.ts'
import type { Symptom } from '../../analytics/rca/suspect.ts'

export interface Case {
  readonly name: string
  readonly truth: string
  readonly series: readonly ServiceSeries[]
  readonly meaningOf: MeaningOf
  readonly calls: readonly Edge[]
  readonly moment: Moment
  readonly symptoms: readonly Symptom[]
}

/** Processor time since: the machine may have other work. */
export const cpuMs = (since: NodeJS.CpuUsage): number => {
  const { user, system } = process.cpuUsage(since)
  return (user + system) / 1000
}

export interface Answer {
  readonly name: string
  readonly truth: string
  /** 1 = first; 0 = not listed. */ readonly rank: number
  readonly listed: readonly string[]
  readonly ms: number
}

export const answer = ({ name, truth, series, meaningOf, moment, symptoms, calls }: Case): Answer => {
  const begun = process.cpuUsage()
  const listed = rank({ series, meaningOf, moment, symptoms, calls, deploys: new Map(), outside: [] }).ranked.map((one) => one.service)
  return { name, truth, rank: listed.indexOf(truth) + 1, listed, ms: cpuMs(begun) }
}

export interface Score {
  readonly cases: number
  readonly top1: number
  readonly top3: number
  /** Mean of top-1 to top-5. */ readonly avg5: number
  readonly msPerCase: number
}

const share = (answers: readonly Answer[], k: number): number =>
  answers.filter((one) => one.rank > 0 && one.rank <= k).length / answers.length

export const scoreOf = (answers: readonly Answer[]): Score => ({
  cases: answers.length,
  top1: share(answers, 1),
  top3: share(answers, 3),
  avg5: [1, 2, 3, 4, 5].reduce((sum, k) => sum + share(answers, k), 0) / 5,
  msPerCase: answers.reduce((sum, one) => sum + one.ms, 0) / answers.length,
})
