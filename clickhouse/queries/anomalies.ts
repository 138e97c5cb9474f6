// Anomalies and alerts as the API lists them, and what the watchdog needs of them after a restart.
import type { Query } from '../client.ts'

export interface AnomalyRow {
  readonly anomaly_id: string
  readonly kind: string
  readonly service_id: string
  readonly metric_name: string
  readonly anomaly_score: number
  readonly z_score: number
  readonly detected_at_ms: string
  readonly started_at_ms: string
  readonly resolved_at_ms: string
  readonly resolved: number
  readonly rca_triggered: number
  readonly observed: number
  readonly expected: number
  readonly lower: number
  readonly upper: number
  readonly history: number
  readonly signal: string
  readonly direction: number
  readonly summary: string
  readonly signals: readonly { readonly name: string; readonly share: number }[]
}

const COLUMNS = `anomaly_id, kind, service_id, metric_name, anomaly_score, z_score,
toString(toUnixTimestamp64Milli(detected_at)) AS detected_at_ms, toString(toUnixTimestamp64Milli(started_at)) AS started_at_ms,
toString(toUnixTimestamp64Milli(resolved_at)) AS resolved_at_ms, resolved, rca_triggered, observed, expected, lower, upper, history, signal, direction, summary, signals`
const FILTER = ` FROM anomalies FINAL
WHERE tenant = {tenant:String} AND ({service:String} = '' OR service_id = {service:String})
  AND detected_at >= fromUnixTimestamp64Milli({sinceMs:Int64}) AND detected_at <= fromUnixTimestamp64Milli({untilMs:Int64})
  AND anomaly_score >= {minScore:Float64}`

/** The last row of the page before. */
export interface AnomalyPosition {
  readonly detectedMs: string
  readonly id: string
}
/** Newest first, behind a position; empty service = every one. A page begins behind (untilMs + 1, '') when there is none before it. */
export const listAnomalies: Query<AnomalyRow> = {
  name: 'anomalies.list',
  sql: 'SELECT '.concat(
    COLUMNS,
    FILTER,
    ` AND (detected_at, anomaly_id) < (fromUnixTimestamp64Milli({afterMs:Int64}), {afterId:String})
ORDER BY detected_at DESC, anomaly_id DESC LIMIT {limit:UInt32}`,
  ),
}
export const countAnomalies: Query<{ readonly total: string }> = {
  name: 'anomalies.count',
  sql: 'SELECT toString(count()) AS total'.concat(FILTER),
}

export interface OpenAnomalyRow {
  readonly tenant: string
  readonly anomaly_id: string
  readonly started_at_ms: string
}
export const openAnomalies: Query<OpenAnomalyRow> = {
  name: 'all_tenants.open_anomalies',
  sql: `SELECT tenant, anomaly_id, toString(toUnixTimestamp64Milli(started_at)) AS started_at_ms FROM anomalies FINAL
WHERE kind = 'anomaly' AND resolved = 0 AND cityHash64(tenant) % {shards:UInt32} = {shard:UInt32}`,
}

/** The whole row of one anomaly, to write it again as resolved. */
export const anomalyById: Query<AnomalyRow> = {
  name: 'anomalies.by_id',
  sql: 'SELECT '.concat(COLUMNS, ' FROM anomalies FINAL WHERE tenant = {tenant:String} AND anomaly_id = {id:String}'),
}

export interface SimilarRow {
  readonly total: string
  readonly ids: readonly string[]
}
/** Earlier anomalies of the same series on the same side: how many, and the last five. */
export const similarAnomalies: Query<SimilarRow> = {
  name: 'anomalies.similar',
  sql: `SELECT toString(count()) AS total, arrayMap(p -> p.2, arraySlice(arrayReverseSort(groupArray((detected_at, anomaly_id))), 1, 5)) AS ids FROM anomalies FINAL
WHERE tenant = {tenant:String} AND service_id = {service:String} AND metric_name = {metric:String} AND direction = {direction:Int8}
  AND detected_at < fromUnixTimestamp64Milli({beforeMs:Int64}) AND anomaly_id != {id:String}`,
}

export const recentAnomalies: Query<{ readonly total: string }> = {
  name: 'all_tenants.recent_anomalies',
  sql: `SELECT toString(count()) AS total FROM anomalies FINAL
WHERE kind = 'anomaly' AND detected_at >= fromUnixTimestamp64Milli({sinceMs:Int64}) AND cityHash64(tenant) % {shards:UInt32} = {shard:UInt32}`,
}
