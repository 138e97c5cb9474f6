// Patterns of messages: what is new, what grew and what is gone between two ranges. Counts are kept by minute, so ranges are
// whole minutes; rates take the part of a minute that has passed into account.
import { Type, type Static } from 'typebox'
import { MAX_COUNTED, MAX_TEXTS, templateCounts, textsKnownFirst, textsOfCounted } from '../../clickhouse/queries/log-patterns.ts'
import { TransientError } from '../../streams/contracts/errors.ts'
import type { App } from '../app.ts'
import { apiError } from '../errors.ts'
import { emptiness, explainNothing } from '../explain.ts'
import { logParameters, toLogFilter } from '../log-filter.ts'
import { compare, sorted, SORTS, type Compared, type Found, type Sort, type Spans } from '../patterns/compare.ts'
import { principalOf } from '../plugins/authentication.ts'
import type { RouteDeps } from '../ports.ts'
import { errors, Time } from '../schemas/shapes.ts'
import { parseTime, resolveRange } from '../time-range.ts'
import { levelOf } from './logs.ts'

const MINUTE_MS = 60_000
const MAX_SERVICES = 20

interface Minutes {
  readonly fromMs: number
  readonly toMs: number
}
const toMinutes = ({ fromMs, toMs }: Minutes): Minutes => ({
  fromMs: Math.floor(fromMs / MINUTE_MS) * MINUTE_MS,
  toMs: Math.max(Math.ceil(toMs / MINUTE_MS), Math.floor(fromMs / MINUTE_MS) + 1) * MINUTE_MS,
})
const iso = (ms: number): string => new Date(ms).toISOString()

interface Ranges {
  readonly range: Minutes
  readonly baseline: Minutes
}
const baselineFault = (path: string, code: string, message: string, { fromMs, toMs }: Minutes): Error =>
  apiError('BAD_TIME_RANGE', message, [
    {
      path,
      code,
      message:
        'the baseline lies before or behind the range, and ends where the range begins unless told otherwise; both are whole minutes',
      example: `baseline_from=${iso(2 * fromMs - toMs)}&baseline_to=${iso(fromMs)}`,
    },
  ])
/** Of ranges that lie beside one another the minute that both have a part of is the range's; the baseline keeps one of its own at least. */
const beside = (asked: Minutes, range: Minutes, isBefore: boolean): Minutes => {
  const { fromMs, toMs } = toMinutes(asked)
  const [endMs, beginMs] = [Math.min(toMs, range.fromMs), Math.max(fromMs, range.toMs)]
  return isBefore
    ? { fromMs: Math.min(fromMs, endMs - MINUTE_MS), toMs: endMs }
    : { fromMs: beginMs, toMs: Math.max(toMs, beginMs + MINUTE_MS) }
}
/** The baseline is as long as the range and ends where it begins, unless told otherwise. Overlap is judged of what was asked. */
const readRanges = (query: { from?: string; to?: string; baseline_from?: string; baseline_to?: string }, nowMs: number): Ranges => {
  const asked = resolveRange(query.from, query.to, nowMs)
  const range = toMinutes(asked)
  const toMs = query.baseline_to === undefined ? asked.fromMs : parseTime('baseline_to', query.baseline_to, nowMs)
  const lengthMs = range.toMs - range.fromMs
  const fromMs = query.baseline_from === undefined ? toMs - lengthMs : parseTime('baseline_from', query.baseline_from, nowMs)
  if (fromMs > toMs) throw baselineFault('baseline_from', 'order', 'the baseline begins after its end', range)
  const isBefore = toMs <= asked.fromMs
  if (!isBefore && fromMs < asked.toMs) throw baselineFault('baseline_to', 'overlap', 'the baseline and the range overlap', range)
  return { range, baseline: beside({ fromMs, toMs }, range, isBefore) }
}
const spansOf = ({ range, baseline }: Ranges, nowMs: number): Spans => {
  const secondsOf = ({ fromMs, toMs }: Minutes): number => Math.max(1, (Math.min(toMs, nowMs) - fromMs) / 1000)
  return { rangeSeconds: secondsOf(range), baselineSeconds: secondsOf(baseline) }
}

const Range = Type.Object({ from: Type.String(), to: Type.String() })
const Records = Type.Unsafe<Record<string, number>>({ type: 'object', additionalProperties: { type: 'integer' } })
const Pattern = Type.Object({
  id: Type.String({ description: "of the template's text: the same for the same text, in every service and process" }),
  template: Type.String({ description: 'the message with <num> for numbers and ids, <str> for quoted text, <*> for words that vary' }),
  severity: Type.String({ description: 'the highest of levels' }),
  levels: { ...Records, description: 'records of the range by level; of a pattern that is gone those of the baseline' },
  services: { ...Records, description: 'the same by service' },
  count: Type.Integer(),
  baselineCount: Type.Integer(),
  share: Type.Number({ description: 'of all records of the range' }),
  change: Type.Object({
    kind: Type.String({
      enum: ['new', 'back', 'more', 'less', 'same', 'gone'],
      description:
        'new = not in the baseline and never seen before the range; back = not in the baseline, but before; more and less: at least 1.5 times, at 4 sigma',
    }),
    ratio: Type.Unsafe<number | null>({ type: ['number', 'null'], description: 'of the rates, range to baseline; null: none before' }),
    sigma: Type.Number({ description: 'signed root of the Poisson deviance against equal rates' }),
  }),
  new: Type.Boolean(),
  gone: Type.Boolean(),
  firstSeen: Type.Unsafe<string | null>({
    type: ['string', 'null'],
    description: 'when it was first seen at all, also before both ranges: known for as long as it keeps coming within the retention',
  }),
  lastSeen: Type.String({
    description: 'when it was last seen in the range, to the minute; of a pattern that is gone in the baseline. It may have come since',
  }),
  variants: Type.Integer({ description: 'messages that are kept apart below it: more than one when words vary' }),
  example: Type.Unsafe<{ message: string; link: string } | null>({
    type: ['object', 'null'],
    properties: { message: { type: 'string' }, link: { type: 'string', description: 'the whole record' } },
  }),
  link: Type.String({ description: 'a search that finds records of it, by the words that do not vary' }),
})
const Answer = Type.Object({
  patterns: Type.Array(Pattern),
  matched: Type.Integer({ description: 'patterns in either range' }),
  total: Type.Integer({ description: 'records of the range' }),
  baselineTotal: Type.Integer(),
  other: Type.Object(
    { count: Type.Integer(), baselineCount: Type.Integer() },
    { description: 'records that are in no pattern: their services have more templates than are told apart' },
  ),
  range: Range,
  baseline: Range,
  truncated: Type.Boolean(),
  truncatedReason: Type.Optional(Type.String({ enum: ['limit'] })),
  ...emptiness,
  tookMs: Type.Integer(),
})

const round = (value: number): number => Number(value.toPrecision(4))
const MIN_WORD = 2
/** Whole words that every record of the pattern has. */
const searchWords = (template: string): string =>
  (template.replace(/[\p{L}\p{N}_]*<(?:num|str|\*)>[\p{L}\p{N}_]*/gu, ' ').match(/[\p{L}_]+/gu) ?? [])
    .filter((word) => word.length >= MIN_WORD)
    .slice(0, 8)
    .join(' ')

const levelName = (severityClass: number): string => levelOf(severityClass === 0 ? 0 : severityClass * 4 - 3)
const toPattern = (one: Found, { range, baseline }: Ranges, total: number): Static<typeof Pattern> => {
  const { from, to } = { from: iso((one.count > 0 ? range : baseline).fromMs), to: iso((one.count > 0 ? range : baseline).toMs) }
  const services = [...one.services].sort((a, b) => b[1] - a[1])
  const words = searchWords(one.template)
  return {
    id: one.id,
    template: one.template,
    severity: levelName(Math.max(0, ...one.levels.keys())),
    levels: Object.fromEntries([...one.levels].sort(([a], [b]) => b - a).map(([level, count]) => [levelName(level), count])),
    services: Object.fromEntries(services.slice(0, MAX_SERVICES)),
    count: one.count,
    baselineCount: one.baselineCount,
    share: total === 0 ? 0 : round(one.count / total),
    change: { kind: one.change.kind, ratio: one.change.ratio === null ? null : round(one.change.ratio), sigma: round(one.change.sigma) },
    new: one.change.kind === 'new',
    gone: one.change.kind === 'gone',
    firstSeen: one.firstSeen === null ? null : iso(one.firstSeen * 1000),
    lastSeen: iso(one.lastSeen * 1000),
    variants: one.variants,
    example:
      one.example === null
        ? null
        : { message: one.example.message, link: `/api/v1/logs/${Buffer.from(one.example.record).toString('base64url')}` },
    link: `/api/v1/logs/search?${new URLSearchParams({ ...(services.length === 1 ? { service: services[0][0] } : {}), from, to, ...(words === '' ? {} : { q: words }) }).toString()}`,
  }
}

/** @throws ApiError QUERY_TOO_LARGE. */
const load = async (
  clickhouse: RouteDeps['clickhouse'],
  params: Record<string, unknown>,
  spans: Spans,
  rangeFrom: number,
): Promise<Compared> => {
  try {
    const [counts, counted, first] = await Promise.all([
      clickhouse.query(templateCounts, { ...params, limit: MAX_COUNTED }),
      clickhouse.query(textsOfCounted, { ...params, limit: MAX_TEXTS }),
      clickhouse.query(textsKnownFirst, { ...params, limit: MAX_TEXTS }),
    ])
    return compare(counts, [...first, ...counted], spans, rangeFrom)
  } catch (error) {
    if (!(error instanceof TransientError) || error.code !== 'QUERY_TIMED_OUT') throw error
    throw apiError('QUERY_TOO_LARGE', 'the comparison takes longer than 4 s', [
      { path: 'from', code: 'too_large', message: 'shorter ranges, or one service', example: 'from=now-1h' },
    ])
  }
}

export const patternRoutes = (app: App, deps: RouteDeps): void => {
  app.get(
    '/api/v1/logs/patterns',
    {
      schema: {
        operationId: 'listLogPatterns',
        tags: ['logs'],
        summary: 'Patterns of messages: what is new, what grew and what is gone between two ranges',
        description:
          "Messages that differ in numbers, ids, quoted text or in words that vary are one pattern. Counts of the range are compared with a baseline, by default the range of the same length before it; rates make ranges of any length comparable. Ranges are whole minutes; a minute that both have a part of is the range's. Records are counted as they are stored, so a pattern shows within seconds. Where the baseline has no records (baselineTotal is 0) nothing can be called new by comparison. At most 1,000 templates of a service are told apart in half an hour, the rest is in other.",
        querystring: Type.Object(
          {
            from: Type.Optional(Time),
            to: Type.Optional(Time),
            baseline_from: Type.Optional(Time),
            baseline_to: Type.Optional(Time),
            service: logParameters.service,
            severity_min: logParameters.severity_min,
            id: Type.Optional(
              Type.String({
                pattern: '^ptn-[0-9a-f]{16}$',
                description: 'only this pattern, also by an id that it had before words of it varied',
                examples: ['ptn-1f0c3a9be2d47756'],
              }),
            ),
            sort: Type.Optional(
              Type.String({
                enum: [...SORTS],
                description: 'change = what is new and severe, then what changed most',
                examples: ['change'],
              }),
            ),
            limit: Type.Optional(
              Type.Integer({ minimum: 1, maximum: 200, description: 'patterns that are shown; 20 unless told otherwise', examples: [20] }),
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
      const { service, severity_min: least, sort = 'change', limit = 20, id } = request.query
      const nowMs = deps.clock()
      const ranges = readRanges(request.query, nowMs)
      const { range, baseline } = ranges
      const filter = toLogFilter({ service, severity_min: least }, tenant, [iso(range.fromMs), iso(range.toMs)])
      const seconds = (ms: number): number => Math.min(ms / 1000, 0xffffffff)
      const params = {
        tenant,
        service: service ?? '',
        severityMin: filter.severityMin === 0 ? 0 : ((filter.severityMin - 1) >> 2) + 1,
        from: seconds(range.fromMs),
        to: seconds(range.toMs),
        baselineFrom: seconds(baseline.fromMs),
        baselineTo: seconds(baseline.toMs),
        firstFrom: seconds(Math.min(range.fromMs, baseline.fromMs)),
        lastTo: seconds(Math.max(range.toMs, baseline.toMs)),
      }
      const { patterns, other, total, baselineTotal } = await load(deps.clickhouse, params, spansOf(ranges, nowMs), params.from)
      const wanted = id === undefined ? patterns : patterns.filter((one) => one.ids.has(id))
      const shown = sorted(wanted, sort as Sort).slice(0, limit)
      const truncated = wanted.length > shown.length
      return {
        patterns: shown.map((one) => toPattern(one, ranges, total)),
        matched: wanted.length,
        total,
        baselineTotal,
        other,
        range: { from: iso(range.fromMs), to: iso(range.toMs) },
        baseline: { from: iso(baseline.fromMs), to: iso(baseline.toMs) },
        truncated,
        ...(truncated ? { truncatedReason: 'limit' } : {}),
        ...(shown.length === 0 ? await explainNothing(deps.clickhouse, filter, null) : {}),
        tookMs: Math.round(performance.now() - begun),
      }
    },
  )
}
