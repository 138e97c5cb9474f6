// Points of a series and the band that was expected, drawn as SVG. Pure and the same bytes for the same points; every text is escaped.
import { scaleLinear, scaleUtc } from 'd3-scale'
import { area, line } from 'd3-shape'
import { escape, tenth, textWidth, themed } from './svg.ts'

export interface PlotPoint {
  readonly atMs: number
  readonly value: number
  readonly expected: number | null
  readonly lower: number | null
  readonly upper: number | null
}
export interface Mark {
  readonly fromMs: number
  readonly toMs: number
}
export interface SeriesPlot {
  readonly title: string
  readonly subtitle: string
  readonly points: readonly PlotPoint[]
  /** What is marked: times of anomalies. */ readonly marks: readonly Mark[]
}

const [WIDTH, HEIGHT] = [860, 320]
const MARGIN = { top: 56, right: 20, bottom: 36, left: 64 }
/** Between an axis and what is written at it. */
const GAP = 8
const FONT_PX = 12
/** Longer ones run out of the picture. */
const MAX_TEXT = 110
/** From here on dates say more than times of day. */
const DAYS_FROM_MS = 2 * 86_400_000

const STYLE = themed(
  '.grid{stroke-width:1}.band{fill-opacity:.28}.expected{fill:none;stroke-width:1.5;stroke-dasharray:4 3}.value{fill:none;stroke-width:2}.marked{fill-opacity:.14}.edge{stroke-width:1.5}',
  ({ rule, band, soft, line: stroke, mark }) =>
    `.grid{stroke:${rule}}.band{fill:${band}}.expected{stroke:${soft}}.value{stroke:${stroke}}.marked{fill:${mark}}.edge{stroke:${mark}}`,
)

/** What varies by less than this share of its largest value would be a line beside an axis that starts at 0. */
const FLAT = 0.2

const limitsOf = (points: readonly PlotPoint[]): [number, number] => {
  const values = points.flatMap(({ value, lower, upper }) => [value, lower ?? value, upper ?? value])
  const [lowest, highest] = [Math.min(...values), Math.max(...values)]
  const flat = highest > lowest && highest - lowest < FLAT * Math.max(Math.abs(lowest), Math.abs(highest))
  return flat ? [lowest, highest] : [Math.min(0, lowest), Math.max(1e-9, highest)]
}

export const drawSeries = ({ title, subtitle, points, marks }: SeriesPlot): string => {
  const times = [...points.map((point) => point.atMs), ...marks.flatMap(({ fromMs, toMs }) => [fromMs, toMs])]
  const first = times.length === 0 ? 0 : Math.min(...times)
  const last = Math.max(first + 1, ...times)
  const y = scaleLinear(limitsOf(points), [HEIGHT - MARGIN.bottom, MARGIN.top]).nice()
  const format = y.tickFormat(5)
  const levels = y.ticks(5).map((tick) => ({ at: y(tick), text: format(tick) }))
  const left = Math.max(MARGIN.left, ...levels.map(({ text }) => 2 * GAP + Math.ceil(textWidth(text, FONT_PX))))
  const x = scaleUtc([first, last], [left, WIDTH - MARGIN.right])
  // Of buckets in which nothing was counted no band is kept: it goes on from the one before to the one behind.
  const banded = points.filter((point) => point.expected !== null && point.lower !== null && point.upper !== null)
  const band =
    area<PlotPoint>()
      .x((point) => x(point.atMs))
      .y0((point) => y(point.lower!))
      .y1((point) => y(point.upper!))
      .digits(1)(banded) ?? ''
  const expected =
    line<PlotPoint>()
      .x((point) => x(point.atMs))
      .y((point) => y(point.expected!))
      .digits(1)(banded) ?? ''
  const value =
    line<PlotPoint>()
      .x((point) => x(point.atMs))
      .y((point) => y(point.value))
      .digits(1)(points) ?? ''
  const [top, bottom] = [MARGIN.top, HEIGHT - MARGIN.bottom]
  const timeOf = (tick: Date): string => (last - first > DAYS_FROM_MS ? tick.toISOString().slice(0, 10) : tick.toISOString().slice(11, 16))
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img" aria-labelledby="title subtitle"><style>${STYLE}</style><rect class="page" width="${WIDTH}" height="${HEIGHT}"/>`,
    `<text id="title" class="title" x="${left}" y="24">${escape(title, MAX_TEXT)}</text><text id="subtitle" x="${left}" y="43">${escape(subtitle, MAX_TEXT)}</text>`,
    ...levels.map(
      ({ at, text }) =>
        `<line class="grid" x1="${left}" x2="${WIDTH - MARGIN.right}" y1="${tenth(at)}" y2="${tenth(at)}"/><text x="${left - GAP}" y="${tenth(at + 4)}" text-anchor="end">${escape(text, MAX_TEXT)}</text>`,
    ),
    ...x.ticks(7).map((tick) => `<text x="${tenth(x(tick))}" y="${HEIGHT - 14}" text-anchor="middle">${timeOf(tick)}</text>`),
    ...marks.map(({ fromMs, toMs }) => {
      const from = tenth(x(fromMs))
      return `<rect class="marked" x="${from}" y="${top}" width="${tenth(x(Math.max(fromMs, toMs)) - x(fromMs))}" height="${bottom - top}"/><line class="edge" x1="${from}" x2="${from}" y1="${top}" y2="${bottom}"/>`
    }),
    `<path class="band" d="${band}"/><path class="expected" d="${expected}"/><path class="value" d="${value}"/></svg>`,
  ].join('\n')
}
