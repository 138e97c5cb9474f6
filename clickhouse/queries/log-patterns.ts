// Message templates of a tenant: how often each occurred in two ranges of whole minutes, and their texts. In rows of a service the
// most frequent stand for all; what is left out is told as a sum. An empty service is every service.
import type { Query } from '../client.ts'

export interface TemplateCountRow {
  readonly service: string
  readonly template: string
  readonly severity: number
  readonly records: string
  readonly before: string
  /** Unix seconds of its newest minute in the range; 0 where it has none. */
  readonly last: number
  /** The same of the baseline. */
  readonly last_before: number
  /** Of all rows, also of those that are not here. */
  readonly all_records: string
  readonly all_before: string
}

/** Receive time is at most a day behind event time: later events are stored at receive time. The hour is what the table is ordered by. */
const COUNTED = ` FROM log_template_counts AS c
WHERE tenant = {tenant:String} AND receive_day >= toDate(fromUnixTimestamp({firstFrom:UInt32}), 'UTC') - 1 AND toStartOfHour(c.minute) >= toStartOfHour(fromUnixTimestamp({firstFrom:UInt32})) AND toStartOfHour(c.minute) <= fromUnixTimestamp({lastTo:UInt32})
  AND ((c.minute >= fromUnixTimestamp({from:UInt32}) AND c.minute < fromUnixTimestamp({to:UInt32})) OR (c.minute >= fromUnixTimestamp({baselineFrom:UInt32}) AND c.minute < fromUnixTimestamp({baselineTo:UInt32})))
  AND ({service:String} = '' OR c.service = {service:String}) AND c.severity >= {severityMin:UInt8}`
const IN_RANGE = 'c.minute >= fromUnixTimestamp({from:UInt32}) AND c.minute < fromUnixTimestamp({to:UInt32})'
const IN_BASELINE = 'c.minute >= fromUnixTimestamp({baselineFrom:UInt32}) AND c.minute < fromUnixTimestamp({baselineTo:UInt32})'

export const MAX_COUNTED = 20_000
export const templateCounts: Query<TemplateCountRow> = {
  name: 'logs.template_counts',
  sql: 'SELECT service, toString(c.template) AS template, severity, toString(sumIf(c.records, '.concat(
    IN_RANGE,
    ')) AS records, toString(sumIf(c.records, ',
    IN_BASELINE,
    `)) AS before,
  toUnixTimestamp(maxIf(c.minute, `,
    IN_RANGE,
    ')) AS last, toUnixTimestamp(maxIf(c.minute, ',
    IN_BASELINE,
    `)) AS last_before,
  toString(sum(sumIf(c.records, `,
    IN_RANGE,
    ')) OVER ()) AS all_records, toString(sum(sumIf(c.records, ',
    IN_BASELINE,
    ')) OVER ()) AS all_before',
    COUNTED,
    `
GROUP BY service, c.template, severity ORDER BY sum(c.records) DESC, service, c.template, severity LIMIT {limit:UInt32}
SETTINGS max_execution_time = 4`,
  ),
}

export interface TemplateTextRow {
  readonly service: string
  readonly template: string
  readonly text: string
  readonly example: string
  readonly record: string
  readonly first_seen: number
  /** When it was last named, which is now and then: records may have come since. */
  readonly last_seen: number
}
const TEXTS = `SELECT service, toString(t.template) AS template, max(t.text) AS text, anyLast(t.example) AS example, anyLast(t.record) AS record,
  toUnixTimestamp(min(t.first_seen)) AS first_seen, toUnixTimestamp(max(t.last_seen)) AS last_seen
FROM log_templates AS t WHERE tenant = {tenant:String} AND ({service:String} = '' OR t.service = {service:String})`

export const MAX_TEXTS = 8_000
/** Of the templates that occurred most in the two ranges. */
export const textsOfCounted: Query<TemplateTextRow> = {
  name: 'logs.template_texts_counted',
  sql: TEXTS.concat(
    ' AND (t.service, t.template) IN (SELECT c.service, c.template',
    COUNTED,
    ` GROUP BY c.service, c.template ORDER BY sum(c.records) DESC, c.service, c.template LIMIT {limit:UInt32})
GROUP BY service, t.template SETTINGS max_execution_time = 4`,
  ),
}
/** Of those that were known first, some of each service: with them a pattern is the same whatever range is asked about. */
export const textsKnownFirst: Query<TemplateTextRow> = {
  name: 'logs.template_texts_known_first',
  sql: TEXTS.concat(
    ` GROUP BY service, t.template ORDER BY min(t.first_seen), t.template LIMIT 500 BY service LIMIT {limit:UInt32} SETTINGS max_execution_time = 4`,
  ),
}

export interface TemplateTextOf {
  readonly text: string
}
export const textOfTemplate: Query<TemplateTextOf> = {
  name: 'logs.template_text',
  sql: 'SELECT max(t.text) AS text FROM log_templates AS t WHERE tenant = {tenant:String} AND t.service = {service:String} AND t.template = {template:UInt64} GROUP BY t.template',
}

export interface NewTemplateRow {
  readonly service: string
  readonly template: string
  readonly text: string
  readonly first_ms: string
  readonly severity: number
  readonly records: string
}
/** Templates that some services logged for the first time in a window, errors first, then the most frequent. */
export const newTemplates: Query<NewTemplateRow> = {
  name: 'rca.new_templates',
  sql: `SELECT n.service AS service, toString(n.template) AS template, n.text AS text, toString(n.first_ms) AS first_ms, toUInt8(max(c.severity)) AS severity, toString(sum(c.records)) AS records
FROM (
  SELECT service, t.template AS template, max(t.text) AS text, toUInt64(toUnixTimestamp(min(t.first_seen))) * 1000 AS first_ms FROM log_templates AS t
  WHERE tenant = {tenant:String} AND t.service IN {services:Array(String)} GROUP BY service, t.template HAVING first_ms >= toUInt64({fromMs:Int64}) AND first_ms < toUInt64({toMs:Int64}) ORDER BY first_ms LIMIT 1000
) AS n INNER JOIN log_template_counts AS c ON c.service = n.service AND c.template = n.template
WHERE c.tenant = {tenant:String} AND c.service IN {services:Array(String)} AND toStartOfHour(c.minute) >= toStartOfHour(fromUnixTimestamp64Milli({fromMs:Int64})) AND c.minute >= toStartOfMinute(fromUnixTimestamp64Milli({fromMs:Int64})) AND c.minute < fromUnixTimestamp64Milli({toMs:Int64})
GROUP BY n.service, n.template, n.text, n.first_ms ORDER BY severity DESC, sum(c.records) DESC, n.service, n.template LIMIT 50 SETTINGS max_execution_time = 2`,
}
