// The watchdog's memory between runs, of each shard apart. Written whole into one of two slots, its header last; read back only where
// header and rows are of one generation. A later owner's generations are above an earlier one's, whatever that one still writes.
// Calibrated detectors are large and change little: their bytes are rows of their own, and the checkpoint says which and what came since.
import type { ClickHouse } from '../../clickhouse/client.ts'
import { checkpointCalibrations, checkpointHeader, checkpointServices } from '../../clickhouse/queries/checkpoints.ts'
import type { PeriodState } from '../anomaly/periods.ts'
import type { SurpriseBytes } from '../anomaly/surprise/bytes.ts'
import type { OpenBucket } from '../series/rollup.ts'
import type { Cursor, Shard } from './read-partials.ts'
import { isToBeStored, learnAgain, newSeriesPeriods, type Learned, type SeriesPeriods, type StoredAs } from './series-periods.ts'
import { newServiceState, type ServiceState } from './service-state.ts'

const FORMAT = 3
const CHUNK = 5_000
/** Rows of 5 KB that are read at once. */
const PAGE = 4_000

interface PeriodsEntry {
  readonly state: PeriodState
  readonly storedAs: StoredAs | null
  readonly since: Learned[]
}
interface Entry extends Omit<ServiceState, 'tenant' | 'service' | 'pending' | 'periods'> {
  readonly pending: OpenBucket[]
  /** Absent in checkpoints from before there were any. */
  readonly periods?: Readonly<Record<string, PeriodsEntry>>
}
export interface Checkpoint {
  readonly generation: number
  readonly cursors: readonly Cursor[]
  readonly services: readonly ServiceState[]
}

/** Bytes that a checkpoint names, and what was learned behind them. Where they are gone, a series learns anew. */
const loadCalibrations = async (
  clickhouse: Pick<ClickHouse, 'query'>,
  shard: Shard,
  bytes: SurpriseBytes,
  waiting: Map<string, SeriesPeriods>,
): Promise<void> => {
  const pages = Math.ceil(waiting.size / PAGE)
  for (let page = 0; page < pages; page++) {
    for (const row of await clickhouse.query(checkpointCalibrations, { shard: shard.index, shards: shard.of, page, pages })) {
      const series = waiting.get(JSON.stringify([row.tenant, row.service, row.metric]))
      if (series?.storedAs == null || series.storedAs.slot !== row.slot || series.storedAs.generation !== Number(row.generation)) continue
      const stored = new Uint8Array(Buffer.from(row.state, 'base64'))
      if (bytes.isWhole(stored)) series.calibrated = stored
    }
  }
  for (const series of waiting.values()) {
    if (series.calibrated === null && series.storedAs !== null) Object.assign(series, { storedAs: null, since: [] })
    else if (series.since!.length > 0) learnAgain(bytes, (series.calibrated ??= bytes.fresh()), series.since!)
  }
}

export const loadCheckpoint = async (clickhouse: Pick<ClickHouse, 'query'>, shard: Shard, bytes: SurpriseBytes): Promise<Checkpoint> => {
  const [header] = await clickhouse.query(checkpointHeader, { shard: shard.index })
  if (header === undefined) return { generation: 0, cursors: [], services: [] }
  const generation = Number(header.generation)
  const { format, cursors, of = 1 } = JSON.parse(header.state) as { format: number; cursors: Cursor[]; of?: number }
  // Of another version's state, or of other shards', nothing is taken: the partials are read again from the first.
  if (format !== FORMAT || of !== shard.of) return { generation, cursors: [], services: [] }
  const rows = await clickhouse.query(checkpointServices, { slot: header.slot, generation })
  const waiting = new Map<string, SeriesPeriods>()
  const services = rows.map(({ tenant, service, state }): ServiceState => {
    const { pending, periods = {}, ...rest } = JSON.parse(state) as Entry
    const read = Object.fromEntries(
      Object.entries(periods).map(([metric, entry]) => {
        const series = { ...newSeriesPeriods(tenant, service, metric), ...entry }
        waiting.set(JSON.stringify([tenant, service, metric]), series)
        return [metric, series]
      }),
    )
    return {
      ...newServiceState(tenant, service),
      ...rest,
      periods: read,
      pending: new Map(pending.map((bucket) => [bucket.bucketMs, bucket])),
    }
  })
  await loadCalibrations(clickhouse, shard, bytes, waiting)
  return { generation, cursors, services }
}

interface Storing {
  readonly series: SeriesPeriods
  readonly as: StoredAs
  readonly learned: number
  readonly row: object
}

/** Of series whose bytes are due: what to write, and where. */
const toBeStored = (services: readonly ServiceState[], generation: number): Map<SeriesPeriods, Storing> => {
  const due = new Map<SeriesPeriods, Storing>()
  for (const { tenant, service, periods } of services)
    for (const [metric, series] of Object.entries(periods)) {
      if (!isToBeStored(series)) continue
      const as: StoredAs = { slot: series.storedAs?.slot === 0 ? 1 : 0, generation }
      due.set(series, {
        series,
        as,
        learned: series.since?.length ?? 0,
        row: { tenant, service, metric, ...as, state: Buffer.from(series.calibrated!).toString('base64') },
      })
    }
  return due
}

export const saveCheckpoint = async (clickhouse: Pick<ClickHouse, 'insertRows'>, shard: Shard, checkpoint: Checkpoint): Promise<void> => {
  const { generation } = checkpoint
  const slot = 2 * shard.index + (generation % 2)
  // Serialised before the first wait: the states go on changing.
  const due = toBeStored(checkpoint.services, generation)
  const entryOf = (series: SeriesPeriods): PeriodsEntry => {
    const as = due.get(series)?.as
    return as === undefined
      ? { state: series.state, storedAs: series.storedAs, since: series.since ?? [] }
      : { state: series.state, storedAs: as, since: [] }
  }
  const rows = checkpoint.services.map(({ tenant, service, pending, periods, ...rest }) => ({
    slot,
    tenant,
    service,
    generation,
    state: JSON.stringify({
      ...rest,
      pending: [...pending.values()],
      periods: Object.fromEntries(Object.entries(periods).map(([metric, series]) => [metric, entryOf(series)])),
    }),
  }))
  const header = {
    slot,
    tenant: '',
    service: '',
    generation,
    state: JSON.stringify({ format: FORMAT, of: shard.of, cursors: checkpoint.cursors }),
  }
  const write = async (table: string, all: readonly object[]): Promise<void> => {
    for (let i = 0; i < all.length; i += CHUNK) await clickhouse.insertRows({ table, rows: all.slice(i, i + CHUNK) })
  }
  await write(
    'watchdog_calibrations',
    [...due.values()].map((one) => one.row),
  )
  await write('watchdog_checkpoints', rows)
  await write('watchdog_checkpoints', [header])
  // Only now: a checkpoint that failed is nobody's to go on from.
  for (const { series, as, learned } of due.values()) Object.assign(series, { storedAs: as, since: (series.since ?? []).slice(learned) })
}
