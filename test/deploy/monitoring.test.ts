// The dashboard and the alert rules for ourselves: every expression is PromQL, and every metric in it is one that a process tells.
import { readFileSync } from 'node:fs'
import { parser } from '@prometheus-io/lezer-promql'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { createMetrics as createIngestMetrics } from '../../ingest/metrics.ts'
import { createMetrics, type MetricParts } from '../../process/metrics.ts'

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
interface Rule {
  readonly alert: string
  readonly expr: string
  readonly labels: Record<string, string>
  readonly annotations: Record<string, string>
}
const rules = (parse(read('deploy/prometheus/rules.yml')) as { groups: { rules: Rule[] }[] }).groups.flatMap((group) => group.rules)
const dashboard = JSON.parse(read('deploy/grafana/lapwing.json')) as { panels: { title: string; targets: { expr: string }[] }[] }
/** Grafana's variables stand for what PromQL has there. */
const expressions = [
  ...rules.map(({ alert, expr }) => [alert, expr] as const),
  ...dashboard.panels.flatMap(({ title, targets }) =>
    targets.map(({ expr }) => [title, expr.replaceAll('$__rate_interval', '5m').replaceAll('$job', '.*')] as const),
  ),
]

/** Names of metrics, and whether all of the text was understood. */
const analyse = (expr: string): { readonly metrics: string[]; readonly errors: number } => {
  const metrics: string[] = []
  let errors = 0
  parser.parse(expr).iterate({
    enter: (node) => {
      if (node.type.isError) errors += 1
      if (node.name === 'Identifier' && node.node.parent?.name === 'VectorSelector') metrics.push(expr.slice(node.from, node.to))
    },
  })
  return { metrics, errors }
}

const parts = {
  ingest: async () => ({ ...createIngestMetrics().snapshot(), latencyBoundsMs: [1], inflightBytes: 0, sockets: 0, openRequests: 0 }),
  log: { lag: async () => [], retentionMs: Infinity },
  outbox: null,
  clickhouseRestarts: () => 0,
  analysis: {
    consumer: { stats: () => ({ poison: {}, retries: {}, failing: [], logRows: 0, ranges: 0, openRanges: 0, assignedPartitions: 0 }) },
    watchdog: { stats: () => ({ shards: 1, seriesMonitored: 0, seriesRefused: 0 }) },
    retention: { stats: () => ({ last: null, droppedDays: 0, droppedRows: 0 }) },
  },
} as unknown as MetricParts
const told = new Set(
  [...(await createMetrics(parts)()).matchAll(/^# TYPE (\S+) (\S+)/gm)].flatMap(([, name, type]) =>
    type === 'histogram' ? [name, `${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
  ),
)

describe('what watches us', () => {
  it.each(expressions)('%s: %s', (_name, expr) => {
    const { metrics, errors } = analyse(expr)
    expect(errors).toBe(0)
    for (const metric of metrics) if (metric !== 'up') expect(told, metric).toContain(metric)
    expect(metrics.length > 0 || expr === 'vector(1)').toBe(true)
  })

  it('the check of expressions finds what is wrong', () => {
    expect(analyse('sum(rate(lapwing_x[5m])').errors).toBeGreaterThan(0)
    expect(analyse('sum by (a) (rate(lapwing_x{b="c"}[5m])) > 1')).toEqual({ metrics: ['lapwing_x'], errors: 0 })
  })

  it('every alert names its service, a severity and what it means; one of them always fires', () => {
    for (const { labels, annotations } of rules)
      expect([labels.service, ['none', 'minor', 'major', 'critical'].includes(labels.severity), annotations.summary.length > 0]).toEqual([
        'lapwing',
        true,
        true,
      ])
    expect(rules[0]).toMatchObject({ alert: 'Watchdog', expr: 'vector(1)' })
  })

  it('the operations page says of every metric of ours what it means, and of no other', () => {
    const page = new Set([...read('docs/operations.md').matchAll(/^\| `(lapwing_\w+)/gm)].map(([, name]) => name))
    const ours = [...told].filter((name) => name.startsWith('lapwing_') && !/_(bucket|sum|count)$/.test(name)).sort()
    expect([...page].sort()).toEqual(ours)
  })
})
