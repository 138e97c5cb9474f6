// Random queries of one tenant over a store in which another's rows match just as well: none of those may be seen, neither as
// rows nor in counts, groups, keys or times. What is counted must be what a second reading of the filter counts.
import fc from 'fast-check'
import { parseFilter } from '../../../api/filter/parser.ts'
import { printFilter } from '../../../api/filter/printer.ts'
import { findFacets } from '../../../clickhouse/queries/find-facets.ts'
import { explainEmpty } from '../../../clickhouse/queries/explain-empty.ts'
import type { Field, FilterNode } from '../../../clickhouse/queries/filter-tree.ts'
import { findAggregate } from '../../../clickhouse/queries/find-aggregate.ts'
import { findLogs } from '../../../clickhouse/queries/find-logs.ts'
import type { LogFilter } from '../../../clickhouse/queries/logs-search.ts'
import { TransientError } from '../../../streams/contracts/errors.ts'
import { trees } from '../../api/filter/trees.ts'
import { matches } from '../../support/filter-matches.ts'
import { randomRows, toStored, vocabulary } from './random-rows.ts'
import type { TestStore } from './store.ts'

const ROWS = 60
const NOON = Math.floor(Date.now() / 86_400_000) * 86_400_000 - 43_200_000
const toNs = (ms: number): bigint => BigInt(ms) * 1_000_000n
const LAST_MS = NOON + ROWS
const CANARY = 'canary'
const AT_WORK = 4

const attribute = (of: 'record' | 'resource', key: string, value: string): FilterNode => ({
  op: '=',
  field: { kind: 'attribute', of, key },
  value,
})
/** One parameter in eight queries: all together find nothing. */
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.oneof({ weight: 7, arbitrary: fc.constant(null) }, { weight: 1, arbitrary })
interface Asked {
  readonly tree: FilterNode
  readonly words: string | null
  readonly service: string | null
  readonly severityMin: number | null
  readonly attr: readonly [string, string] | null
  readonly trace: string | null
  readonly by: readonly Field[]
  readonly step: number | null
}
const queries: fc.Arbitrary<Asked> = fc.record({
  tree: trees(vocabulary),
  words: maybe(vocabulary.words),
  service: maybe(fc.constantFrom('abc', '1')),
  severityMin: maybe(fc.constantFrom(9, 17)),
  attr: maybe(
    fc.tuple(
      vocabulary.keys,
      vocabulary.values.filter((value) => value !== ''),
    ),
  ),
  step: fc.constantFrom(null, 60),
  trace: maybe(fc.constantFrom('ab12', '00ff')),
  by: fc.subarray<Field>(
    [
      { kind: 'column', name: 'service' },
      { kind: 'severity' },
      { kind: 'attribute', of: 'either', key: 'user.id' },
      { kind: 'attribute', of: 'either', key: 'canary.key' },
    ],
    { maxLength: 3 },
  ),
})
/** The simple parameters as a filter says them. */
const whole = (asked: Asked): FilterNode => ({
  op: 'and',
  nodes: [
    asked.tree,
    ...(asked.words === null ? [] : [{ op: 'words', text: asked.words } as const]),
    ...(asked.service === null ? [] : [{ op: '=', field: { kind: 'column', name: 'service' }, value: asked.service } as const]),
    ...(asked.severityMin === null ? [] : [{ op: '>=', field: { kind: 'severity' }, value: String(asked.severityMin) } as const]),
    ...(asked.trace === null ? [] : [{ op: '=', field: { kind: 'column', name: 'trace_id' }, value: asked.trace } as const]),
    ...(asked.attr === null
      ? []
      : [{ op: 'or', nodes: [attribute('record', ...asked.attr), attribute('resource', ...asked.attr)] } as const]),
  ],
})

/** A store that is out of time on a busy machine has said nothing of anybody's rows: it is asked again, four times. */
const patiently = async <T>(query: () => Promise<T>, left = 4): Promise<T> => {
  try {
    return await query()
  } catch (error) {
    if (left === 0 || !(error instanceof TransientError)) throw error
    return await patiently(query, left - 1)
  }
}

export interface Hunt {
  readonly queries: number
  readonly matched: number
  readonly leaks: readonly string[]
}

/** Asks until `count` queries have been sent, or the time is over. */
export const huntCanaries = async (store: TestStore, count: number, seed: number, mostMs = Number.POSITIVE_INFINITY): Promise<Hunt> => {
  const rows = randomRows(ROWS, seed)
  const canaries = rows.map((row, index) => ({
    ...toStored({ ...row, attributes: { ...row.attributes, 'canary.key': CANARY } }, 'b', NOON + index, index),
    log_id: CANARY,
  }))
  // Newer ones as well, so that the newest record of all is not A's.
  const newer = rows.map((row, index) => ({ ...toStored(row, 'b', LAST_MS + index, index), log_id: CANARY }))
  await store.clickhouse.insertRows({
    table: 'otel_logs',
    rows: [...canaries, ...newer, ...rows.map((row, index) => toStored(row, 'a', NOON + index, index))],
  })
  const deadline = performance.now() + mostMs
  let sent = 0
  let matched = 0
  const leaks: string[] = []
  const reader: Pick<TestStore['clickhouse'], 'query'> = {
    query: (...asked) => {
      sent++
      return patiently(() => store.clickhouse.query(...asked))
    },
  }
  const ask = async (asked: Asked): Promise<void> => {
    const parsed = parseFilter(printFilter(asked.tree), 100_000)
    const filter: LogFilter = {
      tenant: 'a',
      fromNs: toNs(NOON - 1000),
      toNs: toNs(NOON + 3_600_000),
      service: asked.service,
      severityMin: asked.severityMin ?? 0,
      words: asked.words?.split(' - ') ?? [],
      attributes: asked.attr === null ? [] : [asked.attr],
      traceId: asked.trace,
      tree: parsed.ok ? parsed.value : null,
    }
    const expected = parsed.ok ? rows.filter((row) => matches(whole(asked), row)).length : -1
    const see = (what: string, found: number, seen: unknown): void => {
      if (found !== expected || JSON.stringify(seen).includes(CANARY))
        leaks.push(`${what}: ${found} instead of ${expected} for ${JSON.stringify(asked)}`)
    }
    // Without a budget of time: on a busy machine a page may end early, and the next one is not asked for here.
    const { rows: found } = await findLogs(reader, filter, 1000, null, () => 0)
    see('search', found.length, found)
    const facets = await findFacets(reader, filter, { rows: found.slice(0, 2), limit: 2, tookMs: 0 }, () => 0)
    see(
      'facets',
      facets.rows.reduce((sum, row) => sum + Number(row.records), 0),
      facets.rows,
    )
    const counted = await findAggregate(reader, { filter, by: asked.by, measured: null, stepSeconds: asked.step }, 3)
    see(
      'aggregate',
      counted.rows.reduce((sum, row) => sum + Number(row.records), 0),
      counted,
    )
    if (found.length === 0) {
      const why = await explainEmpty(reader, filter, [{ kind: 'attribute', of: 'either', key: 'canary.key' }])
      if (
        why === null ||
        why.reason !== 'field_unknown' ||
        why.nearestNs !== String(toNs(LAST_MS - 1)) ||
        why.knownKeys.some((key) => key.includes(CANARY))
      )
        leaks.push(`explanation: ${JSON.stringify(why)}`)
    }
    matched += found.length
  }
  const all = fc.sample(queries, { numRuns: Math.ceil(count / 3), seed })[Symbol.iterator]()
  await Promise.all(
    Array.from({ length: AT_WORK }, async () => {
      for (let next = all.next(); next.done !== true && sent < count && performance.now() < deadline; next = all.next())
        await ask(next.value)
    }),
  )
  return { queries: sent, matched, leaks }
}
