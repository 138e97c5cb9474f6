// Random records and random questions: what search answers, page by page, is what a plain filter over the records gives.
// A failure names the seed of its run.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findFacets } from '../../../clickhouse/queries/find-facets.ts'
import { findLogs } from '../../../clickhouse/queries/find-logs.ts'
import { positionOf, type FacetRow, type LogFilter, type LogPosition, type LogRow } from '../../../clickhouse/queries/logs-search.ts'
import { toWords } from '../../../clickhouse/queries/words.ts'
import { repeated } from '../../support/repeated.ts'
import { openTestStore, toRow, type LogRecord, type TestStore } from './store.ts'

const HOUR = 3_600_000
const END = Math.floor(Date.now() / (24 * HOUR)) * 24 * HOUR - 12 * HOUR
const SEED = Date.now() % 1_000_000
const RECORDS = 10_000
const QUESTIONS = repeated(30)

let state = SEED
const random = (): number => {
  state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
  return (state >>> 8) / 8_388_608
}
const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]
const maybe = <T>(share: number, value: () => T, otherwise: T): T => (random() < share ? value() : otherwise)

const WORDS = [
  'the',
  'request',
  'Request',
  'TIMEOUT',
  'timeOut',
  'NullPointerException',
  'größe',
  'Ärger',
  '42',
  'x86',
  'ssl',
  'λόγος',
  'retry',
  'id7f3a',
]
const SEPARATORS = [' ', ', ', '=', '_', '/', '\n', ' \u0000', '-']
const SERVICES = ['cart', 'payments', 'shop front', '']
const VALUES = ['1', '200', '', 'ünï', 'h1']
const sentence = (): string =>
  Array.from({ length: 1 + Math.floor(random() ** 2 * 9) }, () => pick(WORDS)).reduce((text, word) => text + pick(SEPARATORS) + word)
const pairs = (): Record<string, string> =>
  Object.fromEntries(Array.from({ length: Math.floor(random() * 3) }, () => [pick(['user.id', 'host.name', 'http.status']), pick(VALUES)]))
const randomCase = (word: string): string =>
  word.replaceAll(/[A-Za-z]/g, (letter) => (random() < 0.5 ? letter.toLowerCase() : letter.toUpperCase()))

/** A few instants hold many records, others one; some are received a day earlier or later than they happened. */
const records = Array.from({ length: RECORDS }, (_, n): LogRecord => {
  const ms = END - (random() < 0.3 ? Math.floor(random() * 20) * 2 * HOUR : Math.floor(random() ** 2 * 72 * HOUR))
  return {
    tenant: maybe(0.1, () => 'other', 'own'),
    ms,
    body: random() < 0.0005 ? `once-${n} ${sentence()}` : sentence(),
    service: pick(SERVICES),
    severity: Math.floor(random() * 25),
    attributes: pairs(),
    resource: pairs(),
    traceId: maybe(0.5, () => `${pick(['a', 'b', 'c'])}`.repeat(32), ''),
    day: new Date(ms + maybe(0.1, () => pick([-1, 1]), 0) * 24 * HOUR).toISOString().slice(0, 10),
    partition: Math.floor(random() * 3),
    offset: Math.floor(n / 50),
    index: n,
  }
})

const tokensOf = (text: string): Set<string> =>
  new Set(toWords(text).map((word) => word.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase())))
const tokens = new Map(records.map((record) => [record, tokensOf(record.body)]))
/** As the specification says it, with nothing of ClickHouse in it. A key that is absent equals the empty text. */
const matches =
  (filter: LogFilter) =>
  (record: LogRecord): boolean => {
    const ns = BigInt(record.ms) * 1_000_000n
    return (
      record.tenant === filter.tenant &&
      ns >= filter.fromNs &&
      ns <= filter.toNs &&
      (filter.service === null || record.service === filter.service) &&
      record.severity! >= filter.severityMin &&
      (filter.traceId === null || record.traceId === filter.traceId) &&
      filter.words.every((word) => tokens.get(record)!.has([...tokensOf(word)][0])) &&
      filter.attributes.every(([key, value]) => (record.attributes![key] ?? '') === value || (record.resource![key] ?? '') === value)
    )
  }
const newestFirst = (a: LogRecord, b: LogRecord): number =>
  b.ms - a.ms || b.partition! - a.partition! || b.offset - a.offset || b.index! - a.index!

const question = (): LogFilter => {
  const fromMs = END - Math.floor(random() ** 2 * 80 * HOUR)
  return {
    tenant: 'own',
    fromNs: BigInt(fromMs) * 1_000_000n,
    toNs: BigInt(fromMs + Math.floor(random() * (END - fromMs + 1))) * 1_000_000n + maybe(0.5, () => 999_999n, 0n),
    service: maybe<string | null>(0.4, () => pick(SERVICES), null),
    severityMin: maybe(0.4, () => Math.floor(random() * 25), 0),
    words: maybe<string[]>(
      0.6,
      () =>
        Array.from({ length: 1 + Math.floor(random() * 3) }, () =>
          randomCase(maybe(0.9, () => pick(WORDS), pick(['absent', 'reques', 'time']))),
        ),
      [],
    ),
    attributes: maybe<[string, string][]>(0.3, () => [[pick(['user.id', 'host.name', 'no.such']), pick(VALUES)]], []),
    traceId: maybe<string | null>(0.2, () => pick(['a', 'b']).repeat(32), null),
  }
}

const countsOf = (list: readonly LogRecord[]): Map<string, number> => {
  const counts = new Map<string, number>()
  for (const record of list)
    counts.set(`${record.service}|${record.severity}`, (counts.get(`${record.service}|${record.severity}`) ?? 0) + 1)
  return counts
}
const sorted = (counts: Iterable<readonly [string, number]>): (readonly [string, number])[] =>
  [...counts].sort((a, b) => (a[0] < b[0] ? -1 : 1))
const facetCounts = (rows: readonly FacetRow[]) =>
  sorted(rows.map((row) => [`${row.service}|${row.severity}`, Number(row.records)] as const))

describe(`search answers what a plain filter does (seed ${SEED})`, () => {
  let store: TestStore
  beforeAll(async () => {
    store = await openTestStore()
    // Several parts, some of them merged.
    for (let first = 0; first < RECORDS; first += 2500)
      await store.clickhouse.insertRows({ table: 'otel_logs', rows: records.slice(first, first + 2500).map(toRow) })
  })
  afterAll(() => store.dispose())

  /** Says that a search has taken as much after its first look: 0 is a cheap one, 100 ms a dear one, and neither ends its page for want of time. */
  const clockOf = (tookMs: number): (() => number) => {
    let looks = 0
    return () => (looks++ === 0 ? 0 : tookMs)
  }
  const walk = async (filter: LogFilter, limit: number): Promise<{ rows: LogRow[]; first: LogRow[] }> => {
    const rows: LogRow[] = []
    let first: LogRow[] | null = null
    for (let after: LogPosition | null = null; ;) {
      const { rows: page } = await findLogs(store.clickhouse, filter, limit + 1, after, clockOf(pick([0, 100])))
      first ??= page
      rows.push(...page.slice(0, limit))
      if (page.length <= limit) return { rows, first }
      after = positionOf(page[limit - 1])
    }
  }

  it('on pages that follow one another without gap or repeat, in the whole order', { timeout: repeated(120_000) }, async () => {
    let found = 0
    for (let n = 0; n < QUESTIONS; n += 1) {
      const filter = question()
      const expected = records.filter(matches(filter)).sort(newestFirst)
      const limit = Math.max(pick([1, 7, 100, 1000]), Math.ceil(expected.length / 6))
      const told = `question ${n}: ${JSON.stringify(filter, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value))}, limit ${limit}`
      const { rows, first } = await walk(filter, limit)
      expect(
        rows.map((row) => row.record_index),
        told,
      ).toEqual(expected.map((record) => record.index))
      expect(
        rows.map((row) => row.Body),
        told,
      ).toEqual(expected.map((record) => record.body))
      const facets = await findFacets(store.clickhouse, filter, { rows: first, limit: limit + 1, tookMs: pick([0, 20, 90, 1000]) })
      expect(facets.fromNs >= filter.fromNs, told).toBe(true)
      expect(facetCounts(facets.rows), told).toEqual(
        sorted(countsOf(expected.filter((record) => BigInt(record.ms) * 1_000_000n >= facets.fromNs))),
      )
      found += expected.length
    }
    expect(found).toBeGreaterThan(QUESTIONS)
  })
})
