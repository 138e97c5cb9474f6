// What is asked, as the routes of the API ask it: a page of records with facets and the page behind it, or an aggregate.
import { findAggregate } from '../../clickhouse/queries/find-aggregate.ts'
import { findFacets } from '../../clickhouse/queries/find-facets.ts'
import { findLogs } from '../../clickhouse/queries/find-logs.ts'
import type { Aggregation } from '../../clickhouse/queries/logs-aggregate.ts'
import type { ClickHouse } from '../../clickhouse/client.ts'
import { positionOf, type LogFilter } from '../../clickhouse/queries/logs-search.ts'
import { DAY_MS, pick, SERVICES, type Stored } from './rows.ts'

const SPANS = { '15 min': 900_000, '24 h': DAY_MS, '7 days': 7 * DAY_MS } as const
type Span = keyof typeof SPANS
const ALL_SPANS = Object.keys(SPANS) as Span[]
const LIMIT = 100
/** As the aggregate route keeps apart at most. */
const GROUPS = 10

/** Times in milliseconds. `secondMs` is null where the first page was the last one. */
export interface Answer {
  readonly firstMs: number
  readonly pageMs: number
  readonly secondMs: number | null
  readonly rows: number
  readonly counted: number
}
type Ask = (clickhouse: ClickHouse, range: Pick<LogFilter, 'fromNs' | 'toNs'>, round: number, stored: Stored) => Promise<Answer>
export interface Kind {
  readonly name: string
  readonly spanMs: number
  readonly isInEveryGranule: boolean
  readonly ask: Ask
}

export const NOTHING_ASKED = { tenant: 'default', service: null, severityMin: 0, words: [], attributes: [], traceId: null } as const

const search =
  (filterOf: (round: number, stored: Stored) => Partial<LogFilter>): Ask =>
  async (clickhouse, range, round, stored) => {
    const filter: LogFilter = { ...NOTHING_ASKED, ...range, ...filterOf(round, stored) }
    const begun = performance.now()
    const { rows } = await findLogs(clickhouse, filter, LIMIT + 1, null)
    const pageMs = performance.now() - begun
    const facets = await findFacets(clickhouse, filter, { rows, limit: LIMIT + 1, tookMs: pageMs })
    const firstMs = performance.now() - begun
    const counted = facets.rows.reduce((sum, row) => sum + Number(row.records), 0)
    if (rows.length <= LIMIT) return { firstMs, pageMs, secondMs: null, rows: rows.length, counted }
    const next = performance.now()
    await findLogs(clickhouse, filter, LIMIT + 1, positionOf(rows[LIMIT - 1]))
    return { firstMs, pageMs, secondMs: performance.now() - next, rows: rows.length, counted }
  }

const aggregate =
  (asked: Partial<LogFilter>, by: Aggregation['by'], stepSeconds: number | null): Ask =>
  async (clickhouse, range) => {
    const begun = performance.now()
    const { rows } = await findAggregate(
      clickhouse,
      { filter: { ...NOTHING_ASKED, ...range, ...asked }, by, measured: null, stepSeconds },
      GROUPS,
    )
    const tookMs = performance.now() - begun
    return {
      firstMs: tookMs,
      pageMs: tookMs,
      secondMs: null,
      rows: rows.length,
      counted: rows.reduce((sum, row) => sum + Number(row.records), 0),
    }
  }

const service = (round: number): string => `service-${pick(round, SERVICES)}`
const over = (name: string, spans: readonly Span[], ask: Ask, isInEveryGranule = false): Kind[] =>
  spans.map((span) => ({ name: `${name}, ${span}`, spanMs: SPANS[span], isInEveryGranule, ask }))

/** Words by rank: word1 stands in half of the records, word100 in 1 % (about ten in each granule), word2000 in 0.05 %, word40000 in 25 of a million. */
export const KINDS: readonly Kind[] = [
  ...over(
    'no filter',
    ALL_SPANS,
    search(() => ({})),
  ),
  ...over(
    'service',
    ALL_SPANS,
    search((n) => ({ service: service(n) })),
  ),
  ...over(
    'errors',
    ALL_SPANS,
    search(() => ({ severityMin: 17 })),
  ),
  ...over(
    'errors of a service',
    ALL_SPANS,
    search((n) => ({ severityMin: 17, service: service(n) })),
  ),
  ...over(
    'common word',
    ALL_SPANS,
    search((n) => ({ words: [`word${1 + pick(n, 10)}`] })),
  ),
  ...over(
    'word in every granule',
    ALL_SPANS,
    search((n) => ({ words: [`word${90 + pick(n, 40)}`] })),
    true,
  ),
  ...over(
    'word in most granules',
    ALL_SPANS,
    search((n) => ({ words: [`word${500 + pick(n, 500)}`] })),
  ),
  ...over(
    'rare word',
    ALL_SPANS,
    search((n) => ({ words: [`word${30_000 + pick(n, 20_000)}`] })),
  ),
  ...over(
    'absent word',
    ALL_SPANS,
    search((n) => ({ words: [`absent${n}`] })),
  ),
  ...over(
    'two common words',
    ALL_SPANS,
    search((n) => ({ words: [`word${1 + pick(n, 10)}`, `word${20 + pick(n, 40)}`] })),
  ),
  ...over(
    'two words in every granule',
    ALL_SPANS,
    search((n) => ({ words: [`word${90 + pick(n, 40)}`, `word${130 + pick(n, 40)}`] })),
    true,
  ),
  ...over(
    'three words of a record',
    ALL_SPANS,
    search((_, { words }) => ({ words: words.slice(2, 5) })),
  ),
  ...over(
    'attribute, rare value',
    ALL_SPANS,
    search((_, { user }) => ({ attributes: [['user.id', user]] })),
  ),
  ...over(
    'attribute, common value',
    ALL_SPANS,
    search((n) => ({ attributes: [['http.route', `/api/v1/route${pick(n, 40)}`]] })),
  ),
  ...over(
    'attribute, absent key',
    ALL_SPANS,
    search((n) => ({ attributes: [['cart.id', String(1_000_000 + n)]] })),
  ),
  ...over(
    'resource attribute',
    ALL_SPANS,
    search((n) => ({ attributes: [['host.name', `host-${pick(n, 200)}`]] })),
  ),
  ...over(
    'trace',
    ALL_SPANS,
    search((_, { TraceId }) => ({ traceId: TraceId })),
  ),
  ...over(
    'service, warnings, word',
    ALL_SPANS,
    search((n) => ({ service: service(n), severityMin: 13, words: [`word${1 + pick(n, 10)}`] })),
  ),
  ...over('counts per minute', ['15 min', '24 h'], aggregate({}, [], 60)),
  ...over('errors per minute and service', ['15 min', '24 h'], aggregate({ severityMin: 17 }, [{ kind: 'column', name: 'service' }], 60)),
  ...over(
    'counts by service and severity',
    ['15 min', '24 h'],
    aggregate({}, [{ kind: 'column', name: 'service' }, { kind: 'severity' }], null),
  ),
]
