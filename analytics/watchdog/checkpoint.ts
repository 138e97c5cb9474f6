// The watchdog's memory between runs, of each shard apart. Written whole into one of two slots, its header last; read back only where
// header and rows are of one generation. A later owner's generations are above an earlier one's, whatever that one still writes.
import type { ClickHouse } from '../../clickhouse/client.ts'
import { checkpointHeader, checkpointServices } from '../../clickhouse/queries/anomalies.ts'
import type { OpenBucket } from '../series/rollup.ts'
import type { Cursor, Shard } from './read-partials.ts'
import { newServiceState, type ServiceState } from './service-state.ts'

const FORMAT = 3
const CHUNK = 5_000

interface Stored extends Omit<ServiceState, 'tenant' | 'service' | 'pending'> { readonly pending: OpenBucket[] }
export interface Checkpoint { readonly generation: number; readonly cursors: readonly Cursor[]; readonly services: readonly ServiceState[] }

export const loadCheckpoint = async (clickhouse: Pick<ClickHouse, 'query'>, shard: Shard): Promise<Checkpoint> => {
  const [header] = await clickhouse.query(checkpointHeader, { shard: shard.index })
  if (header === undefined) return { generation: 0, cursors: [], services: [] }
  const generation = Number(header.generation)
  const { format, cursors, of = 1 } = JSON.parse(header.state) as { format: number; cursors: Cursor[]; of?: number }
  // Of another version's state, or of other shards', nothing is taken: the partials are read again from the first.
  if (format !== FORMAT || of !== shard.of) return { generation, cursors: [], services: [] }
  const rows = await clickhouse.query(checkpointServices, { slot: header.slot, generation })
  const services = rows.map(({ tenant, service, state }) => {
    const { pending, ...rest } = JSON.parse(state) as Stored
    return { ...newServiceState(tenant, service), ...rest, pending: new Map(pending.map((bucket) => [bucket.bucketMs, bucket])) }
  })
  return { generation, cursors, services }
}

export const saveCheckpoint = async (clickhouse: Pick<ClickHouse, 'insertRows'>, shard: Shard, checkpoint: Checkpoint): Promise<void> => {
  const { generation } = checkpoint
  const slot = 2 * shard.index + generation % 2
  // Serialised before the first wait: the states go on changing.
  const rows = checkpoint.services.map(({ tenant, service, pending, ...rest }) =>
    ({ slot, tenant, service, generation, state: JSON.stringify({ ...rest, pending: [...pending.values()] }) }))
  const header = { slot, tenant: '', service: '', generation, state: JSON.stringify({ format: FORMAT, of: shard.of, cursors: checkpoint.cursors }) }
  for (let i = 0; i < rows.length; i += CHUNK) await clickhouse.insertRows({ table: 'watchdog_checkpoints', rows: rows.slice(i, i + CHUNK) })
  await clickhouse.insertRows({ table: 'watchdog_checkpoints', rows: [header] })
}
