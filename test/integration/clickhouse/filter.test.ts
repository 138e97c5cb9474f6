import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findFacets } from '../../../clickhouse/queries/find-facets.ts'
import { findLogs } from '../../../clickhouse/queries/find-logs.ts'
import { filterSql } from '../../../clickhouse/queries/filter-sql.ts'
import type { FilterNode } from '../../../clickhouse/queries/filter-tree.ts'
import type { LogFilter } from '../../../clickhouse/queries/logs-search.ts'
import { parseFilter } from '../../../api/filter/parser.ts'
import { trees } from '../../api/filter/trees.ts'
import { matches } from '../../support/filter-matches.ts'
import { repeated } from '../../support/repeated.ts'
import { randomRows, toStored, vocabulary } from './random-rows.ts'
import { openTestStore, type TestStore } from './store.ts'

const NOON = Math.floor(Date.now() / 86_400_000) * 86_400_000 - 43_200_000
const ROWS = 400
const RUNS = repeated(150)
const rows = randomRows(ROWS, 11)
const filterOf = (tree: FilterNode, tenant = 'a'): LogFilter => ({
  tenant,
  fromNs: BigInt(NOON - 3_600_000) * 1_000_000n,
  toNs: BigInt(NOON + 3_600_000) * 1_000_000n,
  service: null,
  severityMin: 0,
  words: [],
  attributes: [],
  traceId: null,
  tree,
})

describe('a filter in SQL', () => {
  let store: TestStore
  beforeAll(async () => {
    store = await openTestStore()
    const stored = (tenant: string, some: typeof rows): object[] => some.map((row, index) => toStored(row, tenant, NOON + index, index))
    await store.clickhouse.insertRows({ table: 'otel_logs', rows: [...stored('a', rows), ...stored('b', rows.slice(0, 50))] })
  })
  afterAll(() => store.dispose())

  it('finds the rows that match, and no others', { timeout: repeated(60_000) }, async () => {
    const hits = { some: 0, all: 0 }
    await fc.assert(
      fc.asyncProperty(trees(vocabulary), async (tree) => {
        const expected = rows.flatMap((row, index) => (matches(tree, row) ? [index] : []))
        const found = (await findLogs(store.clickhouse, filterOf(tree), 1000, null)).rows.map((row) => row.record_index)
        expect(
          [...found].sort((a, b) => a - b),
          JSON.stringify(filterSql(tree, 'f')),
        ).toEqual(expected)
        if (expected.length > 0) hits.some++
        if (expected.length === ROWS) hits.all++
      }),
      { numRuns: RUNS },
    )
    // Otherwise nothing was compared: four in five find some of the rows, one in eight finds all.
    expect([hits.some > 0.6 * RUNS, hits.all < 0.3 * RUNS]).toEqual([true, true])
  })

  it('counts in facets what it finds', { timeout: repeated(60_000) }, async () => {
    await fc.assert(
      fc.asyncProperty(trees(vocabulary), async (tree) => {
        const filter = filterOf(tree, 'b')
        const { rows: page } = await findLogs(store.clickhouse, filter, 5, null)
        // Time stands still, so that it suffices.
        const facets = await findFacets(store.clickhouse, filter, { rows: page, limit: 5, tookMs: 0 }, () => 0)
        expect(facets.fromNs).toBe(filter.fromNs)
        expect(facets.rows.reduce((sum, row) => sum + Number(row.records), 0)).toBe(
          rows.slice(0, 50).filter((row) => matches(tree, row)).length,
        )
      }),
      { numRuns: repeated(50) },
    )
  })

  it('holds no text of the caller: values and keys are parameters', () => {
    fc.assert(
      fc.property(trees(), (tree) => {
        expect(filterSql(tree, 'f').sql.replace(/\{f\d+:(String|Float64|UInt8|Array\(String\))\}|''/g, '')).toMatch(
          /^[A-Za-z0-9()[\],!<>= -]*$/,
        )
      }),
    )
  })

  it('takes the largest filter that is parsed', async () => {
    const texts = [
      Array.from({ length: 64 }, (_, n) => `"k ${n}" = '${'v'.repeat(30)}${n}'`).join(' OR '),
      `x IN (${Array.from({ length: 64 }, (_, n) => `"v${n}"`).join(', ')})`,
      `"${'wörd '.repeat(64)}"`,
      `${'('.repeat(32)}a${')'.repeat(32)}`,
      `${'NOT '.repeat(32)}a`,
      `body ~ "${'\\\\'.repeat(1500)}"`,
    ]
    for (const text of texts) {
      const parsed = parseFilter(text)
      if (!parsed.ok) throw new Error(JSON.stringify(parsed.error))
      await findLogs(store.clickhouse, filterOf(parsed.value), 10, null)
    }
  })
})
