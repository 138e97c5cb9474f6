// Loads what the graph of services in a window is made from, within bounds that do not grow with the traffic.
import { pointsInWindow } from '../../clickhouse/queries/series-points.ts'
import { seenServices, type TracedRow } from '../../clickhouse/queries/topology.ts'
import type { ClickHouse } from '../../clickhouse/client.ts'
import type { Topology, TopologyQuestion } from '../../streams/contracts/rca.ts'
import { GRID_MS } from './analyse.ts'
import { loadTraces, toTrace } from './load-traces.ts'
import { loadSpanCalls } from './span-calls.ts'
import { toSeries } from './to-series.ts'
import type { ExaminedTrace, TopologyInput } from './topology.ts'

/** Correlation looks back so far from the end; of longer ones it says less, not more. */
const CORRELATED_MS = 30 * 60_000

export interface TopologySources {
  readonly clickhouse: Pick<ClickHouse, 'query'>
  readonly topology: (tenant: string) => Promise<Topology>
}

const toExamined = (row: TracedRow): ExaminedTrace => ({ ...toTrace(row), errors: row.errors.map(Number) })

export const loadTopology = async (
  tenant: string,
  { fromMs, toMs, correlation }: TopologyQuestion,
  { clickhouse, topology }: TopologySources,
): Promise<TopologyInput> => {
  const [from, to] = [Math.floor(fromMs / 1000), Math.ceil(toMs / 1000)]
  const correlated = { fromMs: Math.floor(Math.max(fromMs, toMs - CORRELATED_MS) / GRID_MS) * GRID_MS, toMs }
  const [seen, told, spans, points] = await Promise.all([
    clickhouse.query(seenServices, { tenant, from, to }),
    topology(tenant),
    loadSpanCalls(clickhouse, tenant, { fromMs, toMs }),
    correlation ? clickhouse.query(pointsInWindow, { tenant, from: correlated.fromMs / 1000, to }) : [],
  ])
  const records = seen.reduce((sum, one) => sum + Number(one.records), 0)
  const { rows, found } = await loadTraces(clickhouse, tenant, { fromMs, toMs }, records)
  return {
    seen: seen.map((row) => ({
      service: row.service,
      records: Number(row.records),
      errors: Number(row.errors),
      firstMs: row.first * 1000,
      lastMs: Math.min(toMs, row.last * 1000 + GRID_MS),
    })),
    traces: rows.map(toExamined),
    tracesFound: found,
    spans,
    told,
    series: toSeries(points, correlated),
  }
}
