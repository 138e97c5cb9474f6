// Log search: time range, service, severity, words, attributes, trace; newest first, by keyset cursor.
import { Type } from 'typebox'
import { findFacets } from '../../clickhouse/queries/find-facets.ts'
import { findLogs } from '../../clickhouse/queries/find-logs.ts'
import { positionOf, type FacetRow, type LogPosition, type LogRow } from '../../clickhouse/queries/logs-search.ts'
import type { App } from '../app.ts'
import { emptiness, explainNothing } from '../explain.ts'
import { FILTER_LANGUAGE, logParameters, toLogFilter } from '../log-filter.ts'
import { principalOf } from '../plugins/authentication.ts'
import type { RouteDeps } from '../ports.ts'
import { errors, LogEvent, Time } from '../schemas/shapes.ts'
import { resolveRange } from '../time-range.ts'

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const
export const levelOf = (severity: number): string =>
  severity >= 1 && severity <= 24 ? LEVELS[Math.floor((severity - 1) / 4)] : 'unspecified'

const isoNanos = (text: string): string => {
  const nanos = BigInt(text)
  const seconds = nanos / 1_000_000_000n
  return new Date(Number(seconds) * 1000).toISOString().replace('.000Z', `.${String(nanos % 1_000_000_000n).padStart(9, '0')}Z`)
}

export const toEvent = (row: LogRow) => ({
  id: Buffer.from([row.log_id, row.log_partition, row.log_offset, row.record_index].join(':')).toString('base64url'),
  ts: isoNanos(row.timestamp_ns),
  observedTs: isoNanos(row.observed_ns),
  level: levelOf(row.SeverityNumber),
  severityNumber: row.SeverityNumber,
  service: row.ServiceName,
  message: row.Body,
  ...(row.ResourceAttributes['host.name'] === undefined ? {} : { host: row.ResourceAttributes['host.name'] }),
  ...(row.TraceId === '' ? {} : { traceId: row.TraceId }),
  ...(row.SpanId === '' ? {} : { spanId: row.SpanId }),
  ...(row.EventName === '' ? {} : { eventName: row.EventName }),
  attrs: row.LogAttributes,
  resource: row.ResourceAttributes,
})

const Counts = Type.Unsafe<Record<string, number>>({ type: 'object', additionalProperties: { type: 'integer' } })
const Facets = Type.Object({ service: Counts, level: Counts }, { description: 'of the first page only: absent when a cursor is given' })
const toFacets = (rows: readonly FacetRow[]): { service: Record<string, number>; level: Record<string, number> } => {
  const facets = { service: Object.create(null) as Record<string, number>, level: Object.create(null) as Record<string, number> }
  for (const row of rows) {
    facets.service[row.service] = (facets.service[row.service] ?? 0) + Number(row.records)
    facets.level[levelOf(row.severity)] = (facets.level[levelOf(row.severity)] ?? 0) + Number(row.records)
  }
  return facets
}

export const logRoutes = (app: App, deps: RouteDeps): void => {
  app.get(
    '/api/v1/logs/search',
    {
      schema: {
        operationId: 'searchLogs',
        tags: ['logs'],
        summary:
          'Search logs, newest first. Facets come with the first page only; they count every match from facetsFrom on, which is the start of the range unless facetsPartial.',
        description: FILTER_LANGUAGE,
        querystring: Type.Object(
          {
            from: Type.Optional(Time),
            to: Type.Optional(Time),
            ...logParameters,
            limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
            cursor: Type.Optional(Type.String({ maxLength: 2000 })),
          },
          { additionalProperties: false },
        ),
        response: {
          200: Type.Object({
            events: Type.Array(LogEvent),
            nextCursor: Type.Optional(Type.String()),
            tookMs: Type.Integer(),
            facets: Type.Optional(Facets),
            facetsFrom: Type.Optional(Type.String()),
            facetsPartial: Type.Optional(Type.Boolean()),
            range: Type.Object({ from: Type.String(), to: Type.String() }),
            truncated: Type.Boolean(),
            truncatedReason: Type.Optional(
              Type.String({
                enum: ['limit', 'time'],
                description: 'time = the page ended early, maybe empty, with part of the range unsearched: go on with nextCursor',
              }),
            ),
            ...emptiness,
          }),
          ...errors,
        },
      },
    },
    async (request) => {
      const { tenant } = principalOf(request)
      const { from, to, limit = 100, cursor, ...selection } = request.query
      const asked = {
        from: from ?? '',
        to: to ?? '',
        q: '',
        service: '',
        severity_min: '',
        trace_id: '',
        attr: [],
        filter: '',
        ...selection,
      }
      const begun = performance.now()
      const page = cursor === undefined ? null : deps.cursors.decode<LogPosition>(cursor, tenant, asked)
      const fresh = resolveRange(from, to, deps.clock())
      const range: readonly [string, string] = page?.range ?? [new Date(fresh.fromMs).toISOString(), new Date(fresh.toMs).toISOString()]
      const filter = toLogFilter(selection, tenant, range)
      const { rows, resumeAfter } = await findLogs(deps.clickhouse, filter, limit + 1, page?.key ?? null)
      // What was not searched is not counted either.
      const searched = resumeAfter === null ? filter : { ...filter, fromNs: BigInt(resumeAfter.timestampNs) }
      const facets =
        page === null ? await findFacets(deps.clickhouse, searched, { rows, limit: limit + 1, tookMs: performance.now() - begun }) : null
      const shown = rows.slice(0, limit)
      const next = rows.length > limit ? positionOf(shown[limit - 1]) : resumeAfter
      return {
        events: shown.map(toEvent),
        ...(next === null ? {} : { nextCursor: deps.cursors.encode(next, tenant, asked, range) }),
        tookMs: Math.round(performance.now() - begun),
        range: { from: range[0], to: range[1] },
        truncated: next !== null,
        ...(next === null ? {} : { truncatedReason: resumeAfter === null ? 'limit' : 'time' }),
        ...(facets === null
          ? {}
          : { facets: toFacets(facets.rows), facetsFrom: isoNanos(String(facets.fromNs)), facetsPartial: facets.fromNs > filter.fromNs }),
        ...(rows.length === 0 && page === null && resumeAfter === null ? await explainNothing(deps.clickhouse, filter, null) : {}),
      }
    },
  )
}
