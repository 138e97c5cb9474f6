// The shape of an aggregate's answer: which steps of time, which columns, and rows out of what the store counted. Pure.
import { MAX_CELLS, QUANTILES, type AggregateRow, type GroupRow } from '../clickhouse/queries/logs-aggregate.ts'

export const FIGURES = ['min', 'max', 'avg', 'sum'] as const
export const METRICS = ['count', 'rate', ...QUANTILES, ...FIGURES] as const
export type Metric = (typeof METRICS)[number]
export const isMeasured = (metric: Metric): boolean => metric !== 'count' && metric !== 'rate'

/** In a group's columns, for what is in none of the groups. */
export const OTHER = '(other)'
const MAX_BUCKETS = 1440
const AUTO_BUCKETS = 60
const DAY = 86_400
const NICE_STEPS = [
  1,
  2,
  5,
  10,
  15,
  30,
  60,
  120,
  300,
  600,
  900,
  1800,
  3600,
  7200,
  10_800,
  21_600,
  43_200,
  DAY,
  2 * DAY,
  7 * DAY,
  14 * DAY,
  30 * DAY,
  90 * DAY,
  365 * DAY,
  3650 * DAY,
]

export interface Range {
  readonly fromMs: number
  readonly toMs: number
}
/** Buckets begin at multiples of the step since 1970. */
export const bucketsOf = ({ fromMs, toMs }: Range, stepSeconds: number): number =>
  Math.floor(toMs / 1000 / stepSeconds) - Math.floor(fromMs / 1000 / stepSeconds) + 1
export const niceStep = (range: Range, most: number): number =>
  NICE_STEPS.find((step) => bucketsOf(range, step) <= most) ?? NICE_STEPS[NICE_STEPS.length - 1]
export const autoStep = (range: Range): number => niceStep(range, AUTO_BUCKETS)

/** How many groups, and how many buckets, an answer of so many columns may have. */
export const mostBuckets = (columns: number, isGrouped: boolean): number =>
  Math.min(MAX_BUCKETS, Math.floor(MAX_CELLS / columns / (isGrouped ? 2 : 1)))
export const mostGroups = (columns: number, buckets: number): number => Math.max(1, Math.floor(MAX_CELLS / columns / buckets) - 1)

const UNIT: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: DAY }
/** `300`, `5m`: seconds; null = no such step. */
export const parseStep = (text: string): number | null => {
  const [, digits, unit = 's'] = /^(\d{1,7})([smhd])?$/.exec(text) ?? []
  const seconds = digits === undefined ? 0 : Number(digits) * UNIT[unit]
  return seconds >= 1 && seconds <= 3650 * DAY ? seconds : null
}

export type Cell = string | number | null
export interface Shape {
  readonly range: Range
  readonly stepSeconds: number | null
  readonly by: readonly string[]
  readonly metrics: readonly Metric[]
}
export const columnsOf = ({ stepSeconds, by, metrics }: Shape): string[] => [...(stepSeconds === null ? [] : ['time']), ...by, ...metrics]

/** Floats of the store have more digits than sense. */
const round = (value: number | null): number | null => (value === null ? null : Number(value.toPrecision(6)))
/** A bucket that the range cuts is as long as what is left of it. */
const secondsOf = ({ fromMs, toMs }: Range, stepSeconds: number | null, bucket: number): number => {
  const startMs = stepSeconds === null ? fromMs : Math.max(fromMs, bucket * stepSeconds * 1000)
  const endMs = stepSeconds === null ? toMs + 1 : Math.min(toMs + 1, (bucket + 1) * stepSeconds * 1000)
  return Math.max(1, endMs - startMs) / 1000
}

const metricOf = (metric: Metric, row: AggregateRow, seconds: number): Cell => {
  switch (metric) {
    case 'count':
      return Number(row.records)
    case 'rate':
      return round(Number(row.records) / seconds)
    case 'min':
      return row.low
    case 'max':
      return row.high
    case 'avg':
      return round(row.mean)
    case 'sum':
      return row.total
    default:
      return round(row.quantiles[QUANTILES.indexOf(metric)] ?? null)
  }
}

/** By time, then the larger group first; the rest last. A missing value is null. */
export const toRows = (shape: Shape, groups: readonly GroupRow[], rows: readonly AggregateRow[]): Cell[][] => {
  const places = new Map(groups.map((group, index) => [group.hash, index]))
  const placeOf = (row: AggregateRow): number => places.get(row.hash) ?? groups.length
  const labelsOf = (row: AggregateRow): Cell[] => {
    const group = groups.at(placeOf(row))
    return shape.by.map((_name, index) => (group === undefined ? OTHER : [group.by0, group.by1, group.by2][index] || null))
  }
  return [...rows]
    .sort((a, b) => Number(a.bucket) - Number(b.bucket) || placeOf(a) - placeOf(b))
    .map((row) => {
      const bucket = Number(row.bucket)
      const seconds = secondsOf(shape.range, shape.stepSeconds, bucket)
      const time = shape.stepSeconds === null ? [] : [new Date(bucket * shape.stepSeconds * 1000).toISOString().replace('.000', '')]
      return [...time, ...labelsOf(row), ...shape.metrics.map((metric) => metricOf(metric, row, seconds))]
    })
}
