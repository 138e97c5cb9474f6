// What is told of a pattern over two ranges, from counts and texts of its templates.
import { expect, it } from 'vitest'
import { compare, type Found } from '../../../api/patterns/compare.ts'
import type { TemplateCountRow, TemplateTextRow } from '../../../clickhouse/queries/log-patterns.ts'

const [INFO, WARN, ERROR] = [3, 4, 5]
/** The range begins here; the baseline is the hour before it. Unix seconds. */
const FROM = 1_700_000_040
const count = (template: string, severity: number, change: Partial<TemplateCountRow>): TemplateCountRow => ({
  service: 'shop',
  template,
  severity,
  records: '0',
  before: '0',
  last: 0,
  last_before: 0,
  all_records: '0',
  all_before: '0',
  ...change,
})
const textOf = (template: string, text: string, first: number, last: number): TemplateTextRow => ({
  service: 'shop',
  template,
  text,
  example: text,
  record: 'r',
  first_seen: first,
  last_seen: last,
})
const NAMES = ['anna', 'bob', 'carol', 'dora', 'emil', 'fritz', 'gerda', 'hugo']
/** One pattern of eight templates, last named an hour behind the range. */
const orders = NAMES.map((name, i) => textOf(String(i + 1), `order <num> placed by customer ${name}`, FROM - 3000, FROM + 7200))
const found = (counts: readonly TemplateCountRow[], texts: readonly TemplateTextRow[]): readonly Found[] =>
  compare(counts, texts, { rangeSeconds: 3600, baselineSeconds: 3600 }, FROM).patterns
const past = NAMES.map((_, i) => count(String(i + 1), INFO, { before: '100', last_before: FROM - 120 }))

it('has the levels of the range where some of its templates were in the baseline alone', () => {
  const counts = [...past, count('1', WARN, { records: '5', last: FROM + 60 }), count('2', INFO, { records: '3', before: '9', last: FROM })]
  expect(found(counts, orders)).toMatchObject([
    {
      count: 8,
      baselineCount: 809,
      levels: new Map([
        [WARN, 5],
        [INFO, 3],
      ]),
    },
  ])
})

it('has the levels of the baseline when it is gone', () => {
  expect(found([...past, count('3', ERROR, { before: '1' })], orders)).toMatchObject([
    {
      count: 0,
      levels: new Map([
        [INFO, 800],
        [ERROR, 1],
      ]),
      change: { kind: 'gone' },
    },
  ])
})

it('was last seen in the range, or when it is gone in the baseline, whenever its text was named', () => {
  const seen = (counts: readonly TemplateCountRow[]) => found(counts, orders).map(({ firstSeen, lastSeen }) => [firstSeen, lastSeen])
  expect(seen([...past, count('1', INFO, { records: '5', last: FROM + 60 })])).toEqual([[FROM - 3000, FROM + 60]])
  expect(seen(past)).toEqual([[FROM - 3000, FROM - 120]])
})

it('was never first seen after it was last seen: neither within a minute nor where older records came late', () => {
  const seen = (firstSeen: number) => {
    const [one] = found([count('1', INFO, { records: '1', last: FROM })], [textOf('1', 'started', firstSeen, firstSeen)])
    return [one.firstSeen, one.lastSeen]
  }
  expect([seen(FROM + 30), seen(FROM + 600), seen(FROM - 5)]).toEqual([
    [FROM + 30, FROM + 30],
    [FROM, FROM],
    [FROM - 5, FROM],
  ])
})
