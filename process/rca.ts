// Root-cause analysis with what it stands on: rows and series, and what people said of their services.
import { createRca } from '../analytics/rca/rca.ts'
import { createTopology } from '../api/services/service-declarations.ts'
import type { Rca } from '../streams/contracts/rca.ts'
import type { Servers } from './servers.ts'

export const openRca = ({ clickhouse, store }: Pick<Servers, 'clickhouse' | 'store'>, clock: () => number): Rca =>
  createRca({ clickhouse, now: clock, topology: createTopology(store) })
