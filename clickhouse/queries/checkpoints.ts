// The watchdog's checkpoints: a header, a row of each service, and the bytes of its calibrated detectors.
import type { Query } from '../client.ts'

export interface CheckpointHeader {
  readonly slot: number
  readonly generation: string
  readonly state: string
}
export const checkpointHeader: Query<CheckpointHeader> = {
  name: 'all_tenants.checkpoint_header',
  sql: `SELECT slot, toString(c.generation) AS generation, state FROM watchdog_checkpoints AS c FINAL
WHERE tenant = '' AND service = '' AND intDiv(slot, 2) = {shard:UInt32} ORDER BY c.generation DESC LIMIT 1`,
}
export interface CheckpointService {
  readonly tenant: string
  readonly service: string
  readonly state: string
}
export const checkpointServices: Query<CheckpointService> = {
  name: 'all_tenants.checkpoint_services',
  sql: `SELECT tenant, service, state FROM watchdog_checkpoints FINAL
WHERE slot = {slot:UInt8} AND generation = {generation:UInt64} AND NOT (tenant = '' AND service = '') ORDER BY tenant, service`,
}

export interface CalibrationRow {
  readonly tenant: string
  readonly service: string
  readonly metric: string
  readonly slot: number
  readonly generation: string
  /** Base64. */ readonly state: string
}
/** Page by page: they are large. */
export const checkpointCalibrations: Query<CalibrationRow> = {
  name: 'all_tenants.checkpoint_calibrations',
  sql: `SELECT tenant, service, metric, slot, toString(c.generation) AS generation, state FROM watchdog_calibrations AS c FINAL
WHERE cityHash64(tenant) % {shards:UInt32} = {shard:UInt32} AND cityHash64(tenant, service, metric) % {pages:UInt32} = {page:UInt32}`,
}
