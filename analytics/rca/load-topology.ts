// Loads what the graph of services in a window is made from, within bounds that do not grow with the traffic.
import { pointsInWindow } from '../../clickhouse/queries/series-points.ts'
import { sampledTraces, seenServices, SLICES, type TracedRow } from '../../clickhouse/queries/topology.ts'
import type { ClickHouse } from '../../clickhouse/client.ts'
import type { Topology, TopologyQuestion } from '../../streams/contracts/rca.ts'
import { GRID_MS } from './analyse.ts'
import { loadSpanCalls } from './span-calls.ts'
import { toSeries } from './to-series.ts'
import type { ExaminedTrace, TopologyInput } from './topology.ts'

/** So many records are read at most, about: of more, the start of each eighth of the window. */
const RECORDS_READ = 2_000_000
/** Of these, so many are grouped at most: of more, every n-th trace. Some thousands of traces are all that is looked at. */
const RECORDS_GROUPED = 150_000
/** Correlation looks back so far from the end; of longer ones it says less, not more. */
const CORRELATED_MS = 30 * 60_000
const TIMEOUT_MS = 4000

export interface TopologySources {
  readonly clickhouse: Pick<ClickHouse, 'query'>
  readonly topology: (tenant: string) => Promise<Topology>
}

const toExamined = (row: TracedRow): ExaminedTrace => ({
  id: row.trace,
  visits: row.services.map((service, i) => ({ service, firstUs: Number(row.first_us[i]), lastUs: Number(row.last_us[i]) })),
  errors: row.errors.map(Number),
})

export const loadTopology = async (
  tenant: string,
  { fromMs, toMs, correlation }: TopologyQuestion,
  { clickhouse, topology }: TopologySources,
): Promise<TopologyInput> => {
  const [from, to] = [Math.floor(fromMs / 1000), Math.ceil(toMs / 1000)]
  const correlated = { fromMs: Math.floor(Math.max(fromMs, toMs - CORRELATED_MS) / GRID_MS) * GRID_MS, toMs }
  const [seen, told, spans, points] = await Promise.all([
    clickhouse.query(seenServices, { tenant, from, to }, { timeoutMs: TIMEOUT_MS }),
    topology(tenant),
    loadSpanCalls(clickhouse, tenant, { fromMs, toMs }),
    correlation ? clickhouse.query(pointsInWindow, { tenant, from: correlated.fromMs / 1000, to }, { timeoutMs: TIMEOUT_MS }) : [],
  ])
  const records = seen.reduce((sum, one) => sum + Number(one.records), 0)
  const share = Math.min(1, RECORDS_READ / Math.max(1, records))
  const sliceMs = share === 1 ? 0 : Math.max(1, Math.floor(((toMs - fromMs) / SLICES) * share))
  const oneIn = Math.max(1, Math.ceil((records * share) / RECORDS_GROUPED))
  const rows = await clickhouse.query(sampledTraces, { tenant, fromMs, toMs, oneIn, sliceMs }, { timeoutMs: TIMEOUT_MS })
  return {
    seen: seen.map((row) => ({
      service: row.service,
      records: Number(row.records),
      errors: Number(row.errors),
      firstMs: row.first * 1000,
      lastMs: Math.min(toMs, row.last * 1000 + GRID_MS),
    })),
    traces: rows.map(toExamined),
    tracesFound: Math.round((Number(rows[0]?.found ?? 0) * oneIn) / share),
    spans,
    told,
    series: toSeries(points, correlated),
  }
}
