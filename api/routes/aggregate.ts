// Logs counted and measured: by up to three fields and by time. The largest groups are shown, the rest is one row, nothing is
// left out without being said.
import { Type } from 'typebox'
import type { Field } from '../../clickhouse/queries/filter-tree.ts'
import { MAX_GROUPS, type Aggregation } from '../../clickhouse/queries/logs-aggregate.ts'
import { findAggregate, type FoundAggregate } from '../../clickhouse/queries/find-aggregate.ts'
import { TransientError } from '../../streams/contracts/errors.ts'
import type { App } from '../app.ts'
import {
  autoStep,
  bucketsOf,
  columnsOf,
  isMeasured,
  METRICS,
  mostBuckets,
  mostGroups,
  niceStep,
  OTHER,
  parseStep,
  toRows,
  type Metric,
  type Range,
  type Shape,
} from '../aggregation.ts'
import { apiError } from '../errors.ts'
import { emptiness, explainNothing } from '../explain.ts'
import { parseFields } from '../filter/parser.ts'
import { printField } from '../filter/printer.ts'
import { FILTER_LANGUAGE, filterFault, logParameters, toLogFilter } from '../log-filter.ts'
import { principalOf } from '../plugins/authentication.ts'
import type { RouteDeps } from '../ports.ts'
import { errors, Time } from '../schemas/shapes.ts'
import { resolveRange } from '../time-range.ts'

const MAX_BY = 3
const fault = (path: string, code: string, message: string, example?: string): Error =>
  apiError('VALIDATION_FAILED', `${path}: ${message}`, [{ path, code, message, ...(example === undefined ? {} : { example }) }])

const readFields = (path: string, texts: readonly string[]): Field[] =>
  texts.flatMap((text) => {
    const parsed = parseFields(text)
    if (!parsed.ok) throw filterFault(path, parsed.error)
    return parsed.value
  })
const readBy = (texts: readonly string[]): Field[] => {
  const by = readFields('by', texts)
  if (by.length > MAX_BY) throw fault('by', 'maxItems', `at most ${MAX_BY} fields`, 'by=service&by=severity')
  if (new Set(by.map(printField)).size < by.length) throw fault('by', 'uniqueItems', 'each field once', 'by=service&by=severity')
  if (by.some((field) => field.kind === 'column' && field.name === 'body'))
    throw fault('by', 'field', 'bodies are too many to group by', 'by=service')
  return by
}
const readMeasured = (text: string | undefined, metrics: readonly Metric[]): Field | null => {
  const needs = metrics.find(isMeasured)
  if (text === undefined && needs !== undefined)
    throw fault('field', 'required', `${needs} needs field, the attribute that is measured`, `metric=${needs}&field=duration_ms`)
  const [field = null, ...more] = text === undefined ? [] : readFields('field', [text])
  if (more.length > 0 || field?.kind === 'column')
    throw fault('field', 'field', 'one attribute whose values are numbers', 'field=duration_ms')
  return field
}
const readStep = (text: string | undefined, range: Range, columns: number, isGrouped: boolean): number | null => {
  if (text === undefined) return null
  const most = mostBuckets(columns + 1, isGrouped)
  const step = text === 'auto' ? Math.max(autoStep(range), niceStep(range, most)) : parseStep(text)
  if (step === null) throw fault('step', 'pattern', 'auto, or seconds as 300 or 5m', 'step=5m')
  if (bucketsOf(range, step) > most)
    throw fault('step', 'minimum', `the range would have more than ${most} buckets`, `step=${niceStep(range, most)}`)
  return step
}

const Answer = Type.Object({
  columns: Type.Array(Type.String(), { description: 'time (start of the bucket) when there is a step, the fields of by, the metrics' }),
  rows: Type.Array(Type.Array(Type.Unsafe<string | number | null>({ type: ['string', 'number', 'null'] })), {
    description: 'by time, then the larger group first; buckets without records are left out; null = no value',
  }),
  range: Type.Object({ from: Type.String(), to: Type.String() }),
  step: Type.Unsafe<number | null>({ type: ['integer', 'null'], description: 'seconds' }),
  groups: Type.Optional(
    Type.Object({
      returned: Type.Integer(),
      matched: Type.Integer(),
      matchedAtLeast: Type.Boolean(),
      other: Type.String({ description: 'in the columns of by, for all further groups together' }),
    }),
  ),
  truncated: Type.Boolean({ description: 'the smaller groups are one row together' }),
  truncatedReason: Type.Optional(Type.String({ enum: ['groups'] })),
  ...emptiness,
  tookMs: Type.Integer(),
})

const DESCRIPTION = `For counts and trends, instead of paging through a search. Without step one row per group for the whole range; with step one per bucket and group. rate is per second; p50 to p999, min, max, avg and sum are of field, and records without a number in it are left out; quantiles are estimates. An empty answer says why. What takes longer than 4 s is refused with QUERY_TOO_LARGE.

${FILTER_LANGUAGE}`

/** @throws ApiError QUERY_TOO_LARGE. */
const aggregate = async (clickhouse: RouteDeps['clickhouse'], asked: Aggregation, most: number): Promise<FoundAggregate> => {
  try {
    return await findAggregate(clickhouse, asked, most)
  } catch (error) {
    if (!(error instanceof TransientError) || error.code !== 'QUERY_TIMED_OUT') throw error
    throw apiError('QUERY_TOO_LARGE', 'the aggregate takes longer than 4 s', [
      { path: 'from', code: 'too_large', message: 'a shorter range', example: 'from=now-1h' },
    ])
  }
}

export const aggregateRoutes = (app: App, deps: RouteDeps): void => {
  app.get(
    '/api/v1/logs/aggregate',
    {
      schema: {
        operationId: 'aggregateLogs',
        tags: ['logs'],
        summary: 'Count and measure logs by up to three fields and by time',
        description: DESCRIPTION,
        querystring: Type.Object(
          {
            from: Type.Optional(Time),
            to: Type.Optional(Time),
            ...logParameters,
            metric: Type.Optional(
              Type.Array(Type.String({ enum: [...METRICS] }), {
                minItems: 1,
                maxItems: 6,
                uniqueItems: true,
                description: 'count unless told otherwise; several: the parameter several times',
                examples: [['count', 'rate']],
              }),
            ),
            field: Type.Optional(Type.String({ maxLength: 512, description: 'attribute that is measured', examples: ['duration_ms'] })),
            by: Type.Optional(
              Type.Array(Type.String({ maxLength: 512 }), {
                maxItems: MAX_BY,
                description: 'fields of the filter language to group by, at most three; severity is the name of the level',
                examples: [['service', 'severity']],
              }),
            ),
            step: Type.Optional(
              Type.String({
                maxLength: 10,
                description: 'width of a bucket of time: seconds, 5m, 1h, or auto for at most 60 buckets; left out: one bucket',
                examples: ['auto'],
              }),
            ),
            limit: Type.Optional(
              Type.Integer({
                minimum: 1,
                maximum: 100,
                description: 'groups that are shown, the largest; 20 unless told otherwise',
                examples: [10],
              }),
            ),
          },
          { additionalProperties: false },
        ),
        response: { 200: Answer, ...errors },
      },
    },
    async (request) => {
      const { tenant } = principalOf(request)
      const begun = performance.now()
      const { from, to, metric = ['count'], field: fieldText, by: byTexts = [], step: stepText, limit = 20, ...selection } = request.query
      const range = resolveRange(from, to, deps.clock())
      const echoed = [new Date(range.fromMs).toISOString(), new Date(range.toMs).toISOString()] as const
      const filter = toLogFilter(selection, tenant, echoed)
      const [metrics, by] = [metric as Metric[], readBy(byTexts)]
      const measured = readMeasured(fieldText, metrics)
      const stepSeconds = readStep(stepText, range, by.length + metrics.length, by.length > 0)
      const shape: Shape = { range, stepSeconds, by: by.map(printField), metrics }
      const asked: Aggregation = { filter, by, measured, stepSeconds }
      const columns = columnsOf(shape)
      const shown = Math.min(limit, mostGroups(columns.length, stepSeconds === null ? 1 : bucketsOf(range, stepSeconds)))

      const { groups, rows } = await aggregate(deps.clickhouse, asked, shown)
      const matched = Number(groups.at(0)?.groups ?? 0)
      const truncated = matched > groups.length
      return {
        columns,
        rows: toRows(shape, groups, rows),
        range: { from: echoed[0], to: echoed[1] },
        step: stepSeconds,
        ...(by.length === 0 ? {} : { groups: { returned: groups.length, matched, matchedAtLeast: matched >= MAX_GROUPS, other: OTHER } }),
        truncated,
        ...(truncated ? { truncatedReason: 'groups' } : {}),
        ...(rows.length === 0 ? await explainNothing(deps.clickhouse, filter, measured) : {}),
        tookMs: Math.round(performance.now() - begun),
      }
    },
  )
}
