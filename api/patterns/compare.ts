// What changed between two ranges, of patterns: counts of templates are added up by pattern and judged by rate. Pure.
import type { TemplateCountRow, TemplateTextRow } from '../../clickhouse/queries/log-patterns.ts'
import { patternOfTemplate } from '../../streams/contracts/pattern-id.ts'
import { generalise } from './generalise.ts'

/** Seconds that each range really covers. */
export interface Spans {
  readonly rangeSeconds: number
  readonly baselineSeconds: number
}
export type Kind = 'new' | 'back' | 'more' | 'less' | 'same' | 'gone'
export interface Change {
  readonly kind: Kind
  /** Of the rates; null: there was none before. */ readonly ratio: number | null
  /** Signed root of the Poisson deviance of equal rates. */ readonly sigma: number
}
export interface Found {
  readonly id: string
  readonly template: string
  /** Records by service and by level, in the range (in the baseline of one that is gone). */
  readonly services: ReadonlyMap<string, number>
  readonly levels: ReadonlyMap<number, number>
  readonly count: number
  readonly baselineCount: number
  readonly change: Change
  /** Unix seconds: at all, also before the ranges. */
  readonly firstSeen: number | null
  /** Unix seconds, to the minute: in the range (in the baseline of one that is gone). */
  readonly lastSeen: number
  /** Templates that are known of it: what its variables were. */
  readonly variants: number
  readonly ids: ReadonlySet<string>
  readonly example: { readonly message: string; readonly record: string } | null
}

/** More sigma than chance gives in a list of hundreds, and more change than anybody would call the same. */
const SURE = 4
const CLEAR = 1.5

export const changeOf = (count: number, before: number, isFirst: boolean, { rangeSeconds, baselineSeconds }: Spans): Change => {
  const total = count + before
  const expected = (total * rangeSeconds) / Math.max(1, rangeSeconds + baselineSeconds)
  const part = (n: number, of: number): number => (n === 0 || of === 0 ? 0 : n * Math.log(n / of))
  const sigma = Math.sign(count - expected) * Math.sqrt(2 * Math.max(0, part(count, expected) + part(before, total - expected)))
  const ratio = before === 0 ? null : count / rangeSeconds / (before / baselineSeconds)
  if (before === 0) return { kind: isFirst ? 'new' : 'back', ratio, sigma }
  if (count === 0) return { kind: 'gone', ratio, sigma }
  const isClear = Math.abs(sigma) >= SURE && (ratio! >= CLEAR || ratio! <= 1 / CLEAR)
  return { kind: !isClear ? 'same' : sigma > 0 ? 'more' : 'less', ratio, sigma }
}

interface Sum {
  readonly id: string
  readonly text: string
  count: number
  before: number
  last: number
  lastBefore: number
  firstSeen: number | null
  readonly services: Map<string, number>
  readonly servicesBefore: Map<string, number>
  readonly levels: Map<number, number>
  readonly levelsBefore: Map<number, number>
  readonly ids: Set<string>
  example: TemplateTextRow | null
}
const add = <K>(to: Map<K, number>, key: K, by: number): void => {
  if (by > 0) to.set(key, (to.get(key) ?? 0) + by)
}

/** Which pattern each template of a service belongs to. */
const toSums = (texts: readonly TemplateTextRow[]): { byTemplate: Map<string, Sum>; sums: Map<string, Sum> } => {
  const sums = new Map<string, Sum>()
  const byTemplate = new Map<string, Sum>()
  for (const [service, own] of Map.groupBy(texts, (row) => row.service)) {
    const rows = new Map(own.map((row) => [row.template, row]))
    for (const { id, text, templates } of generalise([...rows.values()].map((row) => ({ id: row.template, text: row.text })))) {
      const sum = sums.get(id) ?? {
        id,
        text,
        count: 0,
        before: 0,
        last: 0,
        lastBefore: 0,
        firstSeen: null,
        services: new Map(),
        servicesBefore: new Map(),
        levels: new Map(),
        levelsBefore: new Map(),
        ids: new Set([id]),
        example: null,
      }
      sums.set(id, sum)
      for (const template of templates) {
        const row = rows.get(template)!
        byTemplate.set(`${service} ${template}`, sum)
        sum.ids.add(patternOfTemplate(template))
        sum.firstSeen = Math.min(sum.firstSeen ?? Infinity, row.first_seen)
        if (sum.example === null || row.last_seen > sum.example.last_seen) sum.example = row
      }
    }
  }
  return { byTemplate, sums }
}

/** Template 0: beyond the bounds, not told apart. */
const NOT_TOLD_APART = '0'
export interface Compared {
  readonly patterns: readonly Found[]
  /** Records that are in no pattern. */ readonly other: { readonly count: number; readonly baselineCount: number }
  readonly total: number
  readonly baselineTotal: number
}

/** A pattern with records in the range is told as it is there; of one that is gone there is only the baseline to tell of. */
const toldOf = (sum: Sum): Pick<Found, 'services' | 'levels' | 'firstSeen' | 'lastSeen'> => {
  const isGone = sum.count === 0
  const minute = isGone ? sum.lastBefore : sum.last
  const { firstSeen } = sum
  // Counts know the minute, texts the second. Records that come late may be older than the text that is known of them.
  const isInMinute = firstSeen !== null && firstSeen >= minute && firstSeen < minute + 60
  const lastSeen = isInMinute ? firstSeen : minute
  return {
    services: isGone ? sum.servicesBefore : sum.services,
    levels: isGone ? sum.levelsBefore : sum.levels,
    firstSeen: firstSeen === null ? null : Math.min(firstSeen, lastSeen),
    lastSeen,
  }
}

/** @param rangeFrom a pattern is new when it was first seen from then on (Unix seconds). */
export const compare = (
  counts: readonly TemplateCountRow[],
  texts: readonly TemplateTextRow[],
  spans: Spans,
  rangeFrom: number,
): Compared => {
  const { byTemplate, sums } = toSums(texts)
  let [count, before] = [0, 0]
  for (const row of counts) {
    const sum = row.template === NOT_TOLD_APART ? undefined : byTemplate.get(`${row.service} ${row.template}`)
    if (sum === undefined) continue
    const [records, past] = [Number(row.records), Number(row.before)]
    count += records
    before += past
    sum.count += records
    sum.before += past
    sum.last = Math.max(sum.last, row.last)
    sum.lastBefore = Math.max(sum.lastBefore, row.last_before)
    add(sum.services, row.service, records)
    add(sum.servicesBefore, row.service, past)
    add(sum.levels, row.severity, records)
    add(sum.levelsBefore, row.severity, past)
  }
  const patterns = [...sums.values()]
    .filter((sum) => sum.count + sum.before > 0)
    .map((sum): Found => ({
      id: sum.id,
      template: sum.text,
      ...toldOf(sum),
      count: sum.count,
      baselineCount: sum.before,
      change: changeOf(sum.count, sum.before, sum.firstSeen === null || sum.firstSeen >= rangeFrom, spans),
      variants: sum.ids.size - (sum.ids.size > 1 ? 1 : 0),
      ids: sum.ids,
      example: sum.example === null ? null : { message: sum.example.example, record: sum.example.record },
    }))
  const [total, baselineTotal] = [Number(counts.at(0)?.all_records ?? 0), Number(counts.at(0)?.all_before ?? 0)]
  return { patterns, other: { count: total - count, baselineCount: baselineTotal - before }, total, baselineTotal }
}

export const SORTS = ['change', 'count', 'first_seen'] as const
export type Sort = (typeof SORTS)[number]
/** What is new and severe first, then what changed most. */
const weightOf = ({ change, levels }: Found): number =>
  Math.abs(change.sigma) * (change.kind === 'new' ? 2 : 1) * (Math.max(0, ...levels.keys()) >= 5 ? 2 : 1)
const KEYS: Readonly<Record<Sort, (one: Found) => number>> = {
  change: weightOf,
  count: (one) => one.count,
  first_seen: (one) => one.firstSeen ?? 0,
}
export const sorted = (patterns: readonly Found[], sort: Sort): Found[] =>
  patterns.toSorted((a, b) => KEYS[sort](b) - KEYS[sort](a) || b.count - a.count || (a.id < b.id ? -1 : 1))
