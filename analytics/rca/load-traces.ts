// Who appears in whose traces in a window, within bounds that do not grow with the traffic: all of it where it is little, samples where it is much.
import { sampledTraces, SLICES, type TracedRow, type TraceRow } from '../../clickhouse/queries/topology.ts'
import type { ClickHouse } from '../../clickhouse/client.ts'
import type { WindowMs } from './evidence.ts'
import type { Trace } from './graph.ts'

/** So many records are read at most, about: of more, the start of each eighth of the window. */
const RECORDS_READ = 2_000_000
/** Of these, so many are grouped at most: of more, every n-th trace. Some thousands of traces are all that is looked at. */
const RECORDS_GROUPED = 150_000

/** What to read at the start of each of `slices` parts of a window, so that about `most` of its records are read; 0: all of it. */
export const sliceMsOf = ({ fromMs, toMs }: WindowMs, slices: number, { records, most }: { records: number; most: number }): number =>
  records <= most ? 0 : Math.max(1, Math.floor(((toMs - fromMs) / slices) * (most / records)))

export const toTrace = (row: TraceRow): Trace => ({
  id: row.trace,
  visits: row.services.map((service, i) => ({ service, firstUs: Number(row.first_us[i]), lastUs: Number(row.last_us[i]) })),
})

export interface FoundTraces {
  readonly rows: readonly TracedRow[]
  /** Of how many, about. */
  readonly found: number
}
/** @param records about how many of the tenant there are in the window. @throws what the store throws. */
export const loadTraces = async (
  clickhouse: Pick<ClickHouse, 'query'>,
  tenant: string,
  window: WindowMs,
  records: number,
): Promise<FoundTraces> => {
  const sliceMs = sliceMsOf(window, SLICES, { records, most: RECORDS_READ })
  const share = Math.min(1, RECORDS_READ / Math.max(1, records))
  const oneIn = Math.max(1, Math.ceil((records * share) / RECORDS_GROUPED))
  const { fromMs, toMs } = window
  const rows = await clickhouse.query(sampledTraces, { tenant, fromMs, toMs, oneIn, sliceMs })
  return { rows, found: Math.round((Number(rows[0]?.found ?? 0) * oneIn) / share) }
}
