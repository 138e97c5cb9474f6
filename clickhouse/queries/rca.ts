// What root-cause analysis reads of the logs around an incident: who appears in whose traces, and what was deployed.
// Receive day prunes partitions: a record is received at most a day before its event time, or later.
import type { Query } from '../client.ts'
import { inSlices, type TraceRow } from './topology.ts'

const IN_WINDOW = ` FROM otel_logs
WHERE tenant = {tenant:String} AND Timestamp >= fromUnixTimestamp64Milli({fromMs:Int64}) AND Timestamp < fromUnixTimestamp64Milli({toMs:Int64})
  AND receive_day >= toDate(fromUnixTimestamp64Milli({fromMs:Int64}), 'UTC') - 1`

/**
 * Traces in which a service takes part and another one too: first and last record of each service, microseconds. A few hundred, over longer,
 * for who calls it now and then: what is not found in two seconds is not looked for.
 */
export const tracesOfService: Query<TraceRow> = {
  name: 'rca.traces_of_service',
  sql: `SELECT TraceId AS trace, groupArray(service) AS services, groupArray(toString(first)) AS first_us, groupArray(toString(last)) AS last_us FROM (
  SELECT TraceId, ServiceName AS service, toUnixTimestamp64Micro(toDateTime64(min(Timestamp), 6)) AS first, toUnixTimestamp64Micro(toDateTime64(max(Timestamp), 6)) AS last`.concat(
    IN_WINDOW,
    `
  AND TraceId IN (SELECT DISTINCT TraceId`,
    IN_WINDOW,
    ` AND ServiceName = {service:String} AND TraceId != '' LIMIT 1000)
  GROUP BY TraceId, ServiceName ORDER BY TraceId, first, service
) GROUP BY TraceId HAVING count() > 1 ORDER BY trace
SETTINGS max_rows_to_read = 100000000, read_overflow_mode = 'break', max_execution_time = 2, timeout_overflow_mode = 'break'`,
  ),
}

export interface VersionRow {
  readonly service: string
  /** Of a deployment that a service announced: `event:…`. */
  readonly version: string
  readonly first_ms: string
}
/** Of a window with too many records the start of each is read: a version is then known so much later. */
export const VERSION_SLICES = 60
const firstOfEach = (version: string, which: string): string =>
  `SELECT ServiceName AS service, ${version} AS version, toString(toUnixTimestamp64Milli(toDateTime64(min(Timestamp), 3))) AS first_ms`.concat(
    IN_WINDOW,
    ` AND ${which}
GROUP BY service, version, intDiv(toUnixTimestamp64Second(Timestamp), 30) ORDER BY first_ms, service, version LIMIT 50000`,
  )
/** Versions that a service logged under, once for each half minute. */
export const versionsInWindow: Query<VersionRow> = {
  name: 'rca.versions_in_window',
  sql: firstOfEach("ResourceAttributes['service.version']", `version != '' AND ${inSlices(VERSION_SLICES)}`),
}
/** Deployments that services announced, as versions `event:…`. */
export const deploymentsInWindow: Query<VersionRow> = {
  name: 'rca.deployments_in_window',
  sql: firstOfEach("concat('event:', Body)", "EventName = 'deployment'"),
}

export interface ErrorTemplateRow {
  readonly template: string
  readonly records: string
}
/** The commonest messages of errors of some services, with numbers and ids masked. */
export const errorTemplates: Query<ErrorTemplateRow> = {
  name: 'rca.error_templates',
  sql: `SELECT replaceRegexpAll(substring(Body, 1, 200), '[0-9a-fA-F]{8,}|[0-9]+', '#') AS template, toString(count()) AS records`.concat(
    IN_WINDOW,
    ` AND ServiceName IN {services:Array(String)} AND SeverityNumber >= 17
GROUP BY template ORDER BY count() DESC, template LIMIT 20
SETTINGS max_rows_to_read = 100000000, read_overflow_mode = 'break'`,
  ),
}
