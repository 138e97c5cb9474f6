// Log search: time range, service, severity, words, attributes, trace; newest first, by keyset cursor.
import { Type } from 'typebox'
import { findFacets } from '../../clickhouse/queries/find-facets.ts'
import { findLogs } from '../../clickhouse/queries/find-logs.ts'
import { MAX_ATTRIBUTES, MAX_WORDS, type FacetRow, type LogFilter, type LogPosition, type LogRow } from '../../clickhouse/queries/logs-search.ts'
import { toWords } from '../../clickhouse/queries/words.ts'
import type { App } from '../app.ts'
import { apiError } from '../errors.ts'
import { principalOf } from '../plugins/authentication.ts'
import type { RouteDeps } from '../ports.ts'
import { errors, LogEvent, Time } from '../schemas/shapes.ts'
import { resolveRange } from '../time-range.ts'

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const
const levelOf = (severity: number): string => severity >= 1 && severity <= 24 ? LEVELS[Math.floor((severity - 1) / 4)] : 'unspecified'
const toSeverity = (text: string | undefined): number => {
  if (text === undefined) return 0
  const level = LEVELS.indexOf(text.toLowerCase() as (typeof LEVELS)[number])
  if (level >= 0) return level * 4 + 1
  const number = Number(text)
  if (Number.isInteger(number) && number >= 0 && number <= 24) return number
  throw apiError('VALIDATION_FAILED', 'severity_min is not a severity', [{ path: 'severity_min', code: 'enum', message: `one of ${LEVELS.join(', ')} or a number from 0 to 24` }])
}
const toAttributes = (attributes: readonly string[]): [string, string][] => attributes.map((text) => {
  const colon = text.indexOf(':')
  if (colon <= 0) throw apiError('VALIDATION_FAILED', 'attr is not key:value', [{ path: 'attr', code: 'pattern', message: 'key:value, for example user.id:42' }])
  return [text.slice(0, colon), text.slice(colon + 1)]
})

const isoNanos = (text: string): string => {
  const nanos = BigInt(text)
  const seconds = nanos / 1_000_000_000n
  return new Date(Number(seconds) * 1000).toISOString().replace('.000Z', `.${String(nanos % 1_000_000_000n).padStart(9, '0')}Z`)
}
const positionOf = (row: LogRow): LogPosition => ({ timestampNs: row.timestamp_ns, logId: row.log_id, partition: row.log_partition, offset: row.log_offset, index: row.record_index })

export const toEvent = (row: LogRow) => ({
  id: Buffer.from([row.log_id, row.log_partition, row.log_offset, row.record_index].join(':')).toString('base64url'),
  ts: isoNanos(row.timestamp_ns), observedTs: isoNanos(row.observed_ns), level: levelOf(row.SeverityNumber), severityNumber: row.SeverityNumber, service: row.ServiceName, message: row.Body,
  ...(row.ResourceAttributes['host.name'] === undefined ? {} : { host: row.ResourceAttributes['host.name'] }),
  ...(row.TraceId === '' ? {} : { traceId: row.TraceId }), ...(row.SpanId === '' ? {} : { spanId: row.SpanId }), ...(row.EventName === '' ? {} : { eventName: row.EventName }),
  attrs: row.LogAttributes, resource: row.ResourceAttributes,
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
  app.get('/api/v1/logs/search', {
    schema: {
      operationId: 'searchLogs', tags: ['logs'], summary: 'Search logs, newest first. Facets come with the first page only; they count every match from facetsFrom on, which is the start of the range unless facetsPartial.',
      querystring: Type.Object({
        from: Type.Optional(Time), to: Type.Optional(Time), q: Type.Optional(Type.String({ maxLength: 1000, description: 'words in the body, in any case, all of them present; punctuation only separates them' })),
        service: Type.Optional(Type.String({ maxLength: 255 })), severity_min: Type.Optional(Type.String({ maxLength: 20 })), trace_id: Type.Optional(Type.String({ pattern: '^[0-9a-fA-F]{32}$' })),
        attr: Type.Optional(Type.Array(Type.String({ maxLength: 2000 }), { maxItems: MAX_ATTRIBUTES, description: 'key:value, on the record or its resource' })),
        limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })), cursor: Type.Optional(Type.String({ maxLength: 2000 })),
      }, { additionalProperties: false }),
      response: {
        200: Type.Object({ events: Type.Array(LogEvent), nextCursor: Type.Optional(Type.String()), tookMs: Type.Integer(), facets: Type.Optional(Facets), facetsFrom: Type.Optional(Type.String()), facetsPartial: Type.Optional(Type.Boolean()), range: Type.Object({ from: Type.String(), to: Type.String() }), truncated: Type.Boolean() }),
        ...errors,
      },
    },
  }, async (request) => {
    const { tenant } = principalOf(request)
    const { from, to, q = '', service, severity_min: severity, trace_id: traceId, attr = [], limit = 100, cursor } = request.query
    const asked = { from: from ?? '', to: to ?? '', q, service: service ?? '', severity: severity ?? '', traceId: traceId ?? '', attr }
    const begun = performance.now()
    const page = cursor === undefined ? null : deps.cursors.decode<LogPosition>(cursor, tenant, asked)
    const fresh = resolveRange(from, to, deps.clock())
    const range: readonly [string, string] = page?.range ?? [new Date(fresh.fromMs).toISOString(), new Date(fresh.toMs).toISOString()]
    const words = toWords(q)
    if (q !== '' && words.length === 0) throw apiError('VALIDATION_FAILED', 'q has no word', [{ path: 'q', code: 'no_word', message: 'a word is a run of letters, digits or characters beyond ASCII; spaces and punctuation only separate words. Leave q out to search without words' }])
    if (words.length > MAX_WORDS) throw apiError('VALIDATION_FAILED', `q has more than ${MAX_WORDS} words`, [{ path: 'q', code: 'maxItems', message: `at most ${MAX_WORDS} words` }])
    const filter: LogFilter = {
      tenant, fromNs: BigInt(Date.parse(range[0])) * 1_000_000n, toNs: BigInt(Date.parse(range[1])) * 1_000_000n + 999_999n, service: service ?? null,
      severityMin: toSeverity(severity), words, attributes: toAttributes(attr), traceId: traceId?.toLowerCase() ?? null,
    }
    const rows = await findLogs(deps.clickhouse, filter, limit + 1, page?.key ?? null)
    const facets = page === null ? await findFacets(deps.clickhouse, filter, { rows, limit: limit + 1, tookMs: performance.now() - begun }) : null
    const shown = rows.slice(0, limit)
    const truncated = rows.length > limit
    return {
      events: shown.map(toEvent), ...(truncated ? { nextCursor: deps.cursors.encode(positionOf(shown[limit - 1]), tenant, asked, range) } : {}),
      tookMs: Math.round(performance.now() - begun), range: { from: range[0], to: range[1] }, truncated,
      ...(facets === null ? {} : { facets: toFacets(facets.rows), facetsFrom: isoNanos(String(facets.fromNs)), facetsPartial: facets.fromNs > filter.fromNs }),
    }
  })
}
