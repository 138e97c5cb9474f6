// A judged series as the picture of a series: value, expected band, a mark at each alarm. Pure.
import { drawSeries, type PlotPoint } from '../../api/plots/series-plot.ts'
import type { JudgedRow } from './judge.ts'

/** More points than fit into the picture are drawn as the least and the largest of each column. */
const COLUMNS = 800

/** Of a column, in order of time. */
const extremes = (column: readonly JudgedRow[]): JudgedRow[] => {
  const sorted = column.toSorted((a, b) => a.value - b.value)
  return [...new Set([sorted[0], sorted[sorted.length - 1]])].sort((a, b) => a.atMs - b.atMs)
}

/** Those that were judged, but for rows whose times are ahead of later ones: the line would go back, and the rest be a dot. */
const inOrder = (rows: readonly JudgedRow[]): JudgedRow[] => {
  let nextMs = Infinity
  const kept: JudgedRow[] = []
  for (const row of rows.toReversed()) {
    if (row.reading === null || row.atMs >= nextMs) continue
    nextMs = row.atMs
    kept.push(row)
  }
  return kept.toReversed()
}

/** `rows` in order of time. */
export const toSvg = (title: string, rows: readonly JudgedRow[]): string => {
  const known = inOrder(rows)
  const perColumn = Math.ceil(known.length / COLUMNS)
  const drawn =
    known.length <= 2 * COLUMNS
      ? known
      : Array.from({ length: Math.ceil(known.length / perColumn) }, (_, i) =>
          extremes(known.slice(i * perColumn, (i + 1) * perColumn)),
        ).flat()
  const [low, high] = drawn.reduce(([least, most], { value }) => [Math.min(least, value), Math.max(most, value)], [Infinity, -Infinity])
  // A band may reach far beyond the values, and would make them a line.
  const within = (limit: number): number => Math.min(high + (high - low), Math.max(low - (high - low), limit))
  const alarms = known.filter((row) => row.reading?.alarm === true)
  return drawSeries({
    title,
    subtitle: `${rows.length} rows, ${alarms.length} ${alarms.length === 1 ? 'alarm' : 'alarms'}, UTC`,
    points: drawn.map(({ atMs, value, reading }): PlotPoint => {
      if (reading?.state !== 'ready') return { atMs, value, expected: null, lower: null, upper: null }
      return { atMs, value, expected: within(reading.expected), lower: within(reading.lower), upper: within(reading.upper) }
    }),
    marks: alarms.map(({ atMs }) => ({ fromMs: atMs, toMs: atMs })),
  })
}
