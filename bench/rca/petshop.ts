// PetShop (CC-BY-4.0, Amazon): 5-minute metrics of 41 components, a call graph, and issues with the component that was broken.
// A case is two days without issues, as history, and the half hour around one issue.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Meaning, MeaningOf, ServiceSeries, Values } from '../../analytics/rca/series.ts'
import { declaredEdge } from '../../analytics/rca/graph.ts'
import { parseTable } from './table.ts'
import type { Case } from './case.ts'

/** Without a time free of issues (temporal_traffic1 and 2 have none) there is nothing to compare with: 52 issues remain of 68. */
const TRAFFIC = ['low_traffic', 'high_traffic'] as const
const BUCKET_S = 300

const ERRORS: Meaning = { up: 'errors', down: null, count: true, adds: true }
const REQUESTS: Meaning = { up: 'traffic_rise', down: 'traffic_drop', count: true, adds: false, served: true }
const MEAN: Meaning = { up: 'latency', down: null, count: false, adds: true }
const PERCENTILE: Meaning = { ...MEAN, adds: false }
const meaningOf: MeaningOf = (metric) =>
  metric === 'errors'
    ? ERRORS
    : metric === 'requests'
      ? REQUESTS
      : metric === 'latency.Average'
        ? MEAN
        : metric.startsWith('latency.')
          ? PERCENTILE
          : null

interface Metrics {
  readonly times: readonly number[]
  readonly columns: ReadonlyMap<string, Values>
}
const key = (...parts: string[]): string => parts.join('\n')
const readMetrics = (file: string): Metrics => {
  const {
    head: [services, metrics, statistics],
    times,
    column,
  } = parseTable(readFileSync(file, 'utf8'))
  return {
    times,
    columns: new Map(services.slice(1).map((service, i) => [key(service, metrics[i + 1], statistics[i + 1]), column(i + 1)])),
  }
}

const graphOf = (file: string) => {
  const [head, ...rows] = readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.split(','))
  return rows.flatMap((row) => head.slice(1).flatMap((callee, i) => (Number(row[i + 1]) > 0 ? [declaredEdge(row[0], callee)] : [])))
}

/** Availability is what share of requests succeeded; counted, two failures of ten are not as much as two hundred of a thousand. */
const errorsOf = (requests: Values, availability: Values): Values =>
  requests.map((count, i) =>
    count === 0 ? 0 : count === null || availability[i] === null ? null : Math.round(count * (1 - availability[i]! / 100)),
  )

const seriesOf = (history: Metrics, issue: Metrics): ServiceSeries[] => {
  const services = new Set([...history.columns.keys(), ...issue.columns.keys()].map((name) => name.split('\n')[0]))
  const read = (...name: [string, string, string]): Values =>
    [history, issue].flatMap(({ times, columns }) => columns.get(key(...name)) ?? times.map(() => null))
  return [...services].map((service) => {
    const requests = read(service, 'requests', 'Sum')
    const latencies = ['Average', 'p50', 'p90', 'p95', 'p99'].map(
      (statistic) => [`latency.${statistic}`, read(service, 'latency', statistic)] as const,
    )
    return {
      service,
      metrics: { ...Object.fromEntries(latencies), requests, errors: errorsOf(requests, read(service, 'availability', 'Average')) },
      weights: { 'latency.Average': requests },
    }
  })
}

interface Target {
  readonly target: { readonly node: string; readonly metric: 'latency' | 'availability'; readonly timestamp: number }
  readonly root_cause: { readonly node: string }
}

export const readPetshop = (directory: string): Case[] =>
  TRAFFIC.flatMap((traffic) => {
    const folder = join(directory, 'dataset', traffic)
    const history = readMetrics(join(folder, 'noissue', 'metrics.csv'))
    const calls = graphOf(join(folder, 'graph.csv'))
    return ['train', 'test'].flatMap((part) =>
      readdirSync(join(folder, part))
        .sort()
        .map((issue): Case => {
          const metrics = readMetrics(join(folder, part, issue, 'metrics.csv'))
          const {
            target,
            root_cause: { node },
          } = JSON.parse(readFileSync(join(folder, part, issue, 'target.json'), 'utf8')) as Target
          const recentFrom = history.times.length
          // A bucket belongs to the side on which more of it lies.
          const onset = recentFrom + metrics.times.filter((time) => time + BUCKET_S / 2 < target.timestamp).length
          return {
            name: `${traffic}/${part}/${issue}`,
            truth: node,
            series: seriesOf(history, metrics),
            meaningOf,
            calls,
            moment: { onset, recentFrom },
            symptoms: [{ service: target.node, kind: target.metric === 'latency' ? 'latency' : 'errors' }],
          }
        }),
    )
  })
