import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { OTHER, toRows, type Shape } from '../../../api/aggregation.ts'
import { parseFields, parseFilter } from '../../../api/filter/parser.ts'
import { explainEmpty } from '../../../clickhouse/queries/explain-empty.ts'
import { LEVELS, type Field, type FilterNode } from '../../../clickhouse/queries/filter-tree.ts'
import type { Aggregation } from '../../../clickhouse/queries/logs-aggregate.ts'
import { findAggregate } from '../../../clickhouse/queries/find-aggregate.ts'
import type { LogFilter } from '../../../clickhouse/queries/logs-search.ts'
import { trees } from '../../api/filter/trees.ts'
import { matches, numberOf, textOf, type MatchRow } from '../../support/filter-matches.ts'
import { repeated } from '../../support/repeated.ts'
import { randomRows, toStored, vocabulary } from './random-rows.ts'
import { openTestStore, type TestStore } from './store.ts'

const NOON = Math.floor(Date.now() / 86_400_000) * 86_400_000 - 43_200_000
const RANGE = { fromMs: NOON, toMs: NOON + 3_600_000 }
const rows = randomRows(300, 23)
const msOf = (index: number): number => NOON + index * 10_000
const filterOf = (tree: FilterNode | null = null, more: Partial<LogFilter> = {}): LogFilter => ({
  tenant: 'a',
  fromNs: BigInt(RANGE.fromMs) * 1_000_000n,
  toNs: BigInt(RANGE.toMs) * 1_000_000n,
  service: null,
  severityMin: 0,
  words: [],
  attributes: [],
  traceId: null,
  tree,
  ...more,
})
const fieldsOf = (text: string): Field[] => {
  const parsed = parseFields(text)
  if (!parsed.ok) throw new Error(text)
  return parsed.value
}
const treeOf = (text: string): FilterNode => {
  const parsed = parseFilter(text)
  if (!parsed.ok) throw new Error(text)
  return parsed.value
}
const shapeOf = (part: Partial<Shape>): Shape => ({ range: RANGE, stepSeconds: null, by: [], metrics: ['count'], ...part })
const labelOf = (row: MatchRow, field: Field): string | null =>
  field.kind === 'severity' ? (LEVELS[Math.floor((row.severity - 1) / 4)] ?? 'unspecified') : textOf(row, field) || null

/** Counts by bucket and labels, one text each. */
const counted = (tree: FilterNode, by: readonly Field[], step: number | null): string[] => {
  const counts = new Map<string, number>()
  rows.forEach((row, index) => {
    if (!matches(tree, row)) return
    const time = step === null ? [] : [new Date(Math.floor(msOf(index) / 1000 / step) * step * 1000).toISOString().replace('.000', '')]
    const key = JSON.stringify([...time, ...by.map((field) => labelOf(row, field))])
    counts.set(key, (counts.get(key) ?? 0) + 1)
  })
  return [...counts].map(([key, count]) => `${key} ${count}`).sort()
}

describe('an aggregate', () => {
  let store: TestStore
  const run = async (asked: Aggregation, groups: number, shape: Shape) => {
    const found = await findAggregate(store.clickhouse, asked, groups)
    return { groups: found.groups, rows: toRows(shape, found.groups, found.rows) }
  }
  beforeAll(async () => {
    store = await openTestStore()
    await store.clickhouse.insertRows({
      table: 'otel_logs',
      rows: [
        ...rows.map((row, index) => toStored(row, 'a', msOf(index), index)),
        ...rows.map((row, index) => toStored(row, 'b', msOf(index), index)),
      ],
    })
    const durations = Array.from({ length: 1000 }, (_, n) =>
      toStored(
        { ...rows[0], service: n < 900 ? 'fast' : 'slow', attributes: { ms: String(n), odd: n % 2 === 0 ? 'none' : 'nan' }, resource: {} },
        'measured',
        NOON + n,
        n,
      ),
    )
    await store.clickhouse.insertRows({ table: 'otel_logs', rows: durations })
  })
  afterAll(() => store.dispose())

  it('counts what matches, by fields and by time', { timeout: repeated(60_000) }, async () => {
    const fields = fc.subarray(fieldsOf('service, severity, user.id, attr.n, resource.host.name, event_name, trace_id'), { maxLength: 3 })
    await fc.assert(
      fc.asyncProperty(trees(vocabulary), fields, fc.constantFrom(null, 60, 700), async (tree, by, step) => {
        const asked = { filter: filterOf(tree), by, measured: null, stepSeconds: step }
        const answer = await run(asked, 1000, shapeOf({ stepSeconds: step, by: by.map(String) }))
        expect(answer.rows.map((row) => `${JSON.stringify(row.slice(0, -1))} ${String(row.at(-1))}`).sort()).toEqual(
          counted(tree, by, step),
        )
        if (by.length > 0) expect(Number(answer.groups.at(0)?.groups ?? 0)).toBe(counted(tree, by, null).length)
      }),
      { numRuns: repeated(100) },
    )
  })

  it('shows the largest groups and folds the rest into one, so that nothing is lost', async () => {
    const by = fieldsOf('service, severity')
    const all = await run({ filter: filterOf(), by, measured: null, stepSeconds: null }, 1000, shapeOf({ by: ['service', 'severity'] }))
    const few = await run({ filter: filterOf(), by, measured: null, stepSeconds: null }, 3, shapeOf({ by: ['service', 'severity'] }))
    expect(few.rows.slice(0, 3)).toEqual(all.rows.slice(0, 3))
    expect(few.rows[3].slice(0, 2)).toEqual([OTHER, OTHER])
    expect(few.rows).toHaveLength(4)
    expect(few.rows.reduce((sum, row) => sum + Number(row[2]), 0)).toBe(rows.length)
    expect(few.groups[0].groups).toBe(String(all.rows.length))
    // By time the rest is counted by the store.
    const inTime = await run(
      { filter: filterOf(), by, measured: null, stepSeconds: 86_400 },
      3,
      shapeOf({ by: ['service', 'severity'], stepSeconds: 86_400 }),
    )
    expect(inTime.rows.map((row) => row.slice(1))).toEqual(few.rows)
  })

  it('measures an attribute; what is no number is left out', async () => {
    const [ms, odd] = fieldsOf('ms, odd')
    const metrics = ['count', 'rate', 'p50', 'p99', 'min', 'max', 'avg', 'sum'] as const
    const filter = filterOf(null, { tenant: 'measured' })
    const {
      rows: [all],
    } = await run({ filter, by: [], measured: ms, stepSeconds: null }, 0, shapeOf({ metrics }))
    expect([all[0], all[1], all[4], all[5], all[6], all[7]]).toEqual([
      1000,
      Number((1000 / 3600.001).toPrecision(6)),
      0,
      999,
      499.5,
      499_500,
    ])
    expect(Math.abs(Number(all[2]) - 499.5)).toBeLessThan(5)
    expect(Math.abs(Number(all[3]) - 989.5)).toBeLessThan(5)
    const { rows: byService } = await run(
      { filter, by: fieldsOf('service'), measured: ms, stepSeconds: null },
      10,
      shapeOf({ by: ['service'], metrics: ['count', 'max'] }),
    )
    expect(byService).toEqual([
      ['fast', 900, 899],
      ['slow', 100, 999],
    ])
    expect((await run({ filter, by: [], measured: odd, stepSeconds: null }, 0, shapeOf({ metrics }))).rows).toEqual([])
    const [severity] = fieldsOf('severity')
    const numbers = rows.map((row) => row.severity)
    expect(
      (await run({ filter: filterOf(), by: [], measured: severity, stepSeconds: null }, 0, shapeOf({ metrics: ['max', 'sum'] }))).rows,
    ).toEqual([[Math.max(...numbers), numbers.reduce((a, b) => a + b, 0)]])
    const [n] = fieldsOf('attr.n')
    const values = rows.map((row) => numberOf(row.attributes.n)).filter((value) => value !== null)
    expect(
      (await run({ filter: filterOf(), by: [], measured: n, stepSeconds: null }, 0, shapeOf({ metrics: ['count', 'min', 'max'] }))).rows,
    ).toEqual([[values.length, Math.min(...values), Math.max(...values)]])
  })

  it('that finds nothing knows why', async () => {
    const explained = async (filter: LogFilter, text = '') =>
      await explainEmpty(
        store.clickhouse,
        filter,
        fieldsOf(text || 'ms').flatMap((field) => (field.kind === 'attribute' ? [field] : [])),
      )
    const measured = { tenant: 'measured' }
    expect(await explained(filterOf(treeOf('ms = nothing'), measured))).toMatchObject({ reason: 'no_match', unknown: [] })
    expect(await explained(filterOf(treeOf('mss = 1'), measured), 'mss')).toMatchObject({
      reason: 'field_unknown',
      unknown: [{ key: 'mss' }],
      knownKeys: expect.arrayContaining(['ms']),
    })
    expect(await explained(filterOf(treeOf('resource.ms = 1'), measured), 'resource.ms')).toMatchObject({ reason: 'field_unknown' })
    const before = { ...measured, fromNs: 0n, toNs: BigInt(NOON - 1000) * 1_000_000n }
    expect(await explained(filterOf(null, before))).toMatchObject({
      reason: 'no_data_in_range',
      nearestNs: String(BigInt(NOON) * 1_000_000n),
    })
    const after = { ...measured, fromNs: BigInt(NOON + 5000) * 1_000_000n }
    expect(await explained(filterOf(null, after))).toMatchObject({
      reason: 'no_data_in_range',
      nearestNs: String(BigInt(NOON + 999) * 1_000_000n),
    })
    expect(await explained(filterOf(null, { tenant: 'nobody' }))).toMatchObject({ reason: 'no_data_in_range', nearestNs: null })
  })
})
