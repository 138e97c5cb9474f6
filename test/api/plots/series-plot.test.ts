// The picture of a series: what is drawn where, in both themes, with nothing of a caller's text becoming markup.
import { expect, test } from 'vitest'
import { drawSeries, type PlotPoint, type SeriesPlot } from '../../../api/plots/series-plot.ts'

const START = Date.UTC(2026, 0, 31, 12)
const points: PlotPoint[] = Array.from({ length: 60 }, (_, i) => ({
  atMs: START + i * 10_000,
  value: i >= 30 ? 80 : 20,
  ...(i < 10 ? { expected: null, lower: null, upper: null } : { expected: 20, lower: 10, upper: 30 }),
}))
const plot: SeriesPlot = {
  title: 'cart: log records up',
  subtitle: 'cart · log.rate',
  points,
  marks: [{ fromMs: START + 300_000, toMs: START + 590_000 }],
}
const numbers = (svg: string, kind: string): number[][] =>
  [...(new RegExp(`<path class="${kind}" d="([^"]*)"`).exec(svg)?.[1] ?? '').matchAll(/[ML]?(-?[\d.]+),(-?[\d.]+)/g)].map((match) => [
    Number(match[1]),
    Number(match[2]),
  ])

test('the line has every point, the band those that had an expectation, and the higher value stands higher', () => {
  const svg = drawSeries(plot)
  const value = numbers(svg, 'value')
  expect(value).toHaveLength(60)
  expect(value[40][1]).toBeLessThan(value[5][1])
  expect([numbers(svg, 'expected').length, numbers(svg, 'band').length]).toEqual([50, 100])
  const [, left, width] = /<rect class="marked" x="([\d.]+)" y="\d+" width="([\d.]+)"/.exec(svg)!.map(Number)
  expect([left, left + width]).toEqual([value[30][0], value[59][0]].map((at) => expect.closeTo(at, 0)))
  for (const [x, y] of value) expect(x >= 64 && x <= 840 && y >= 56 && y <= 284).toBe(true)
})

test('the same points give the same bytes, with colours for light and for dark pages', () => {
  expect(drawSeries(plot)).toBe(drawSeries(structuredClone(plot)))
  expect(drawSeries(plot)).toMatch(/@media \(prefers-color-scheme:dark\)/)
  expect(drawSeries(plot)).not.toMatch(/NaN|undefined|Infinity/)
})

test('text is text', () => {
  const svg = drawSeries({ ...plot, title: '</text><script>alert("1")</script>&\u0000\ud800', subtitle: `<${'x'.repeat(500)}` })
  expect(svg).not.toMatch(/<script|\p{Cc}(?<!\n)|&(?!amp;|lt;|gt;|quot;|#39;)/u)
  expect(svg).toContain('&lt;/text&gt;&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;')
  expect(svg.length).toBeLessThan(drawSeries(plot).length + 600)
})

test('several marks are drawn, and none; days are told by their dates', () => {
  const marked = (svg: string): number => svg.match(/class="edge"/g)?.length ?? 0
  const [mark] = plot.marks
  expect([[], [mark], [mark, { fromMs: START, toMs: START }]].map((marks) => marked(drawSeries({ ...plot, marks })))).toEqual([0, 1, 2])
  expect(drawSeries(plot)).toContain('>12:05<')
  expect(drawSeries({ ...plot, points: points.map((point, i) => ({ ...point, atMs: START + i * 3_600_000 })) })).toContain('>2026-02-01<')
})

test('no points, one point and a flat series at zero are drawn as well', () => {
  expect(drawSeries({ ...plot, points: [], marks: [] })).not.toMatch(/NaN|undefined|Infinity/)
  for (const some of [[], points.slice(0, 1), points.map((point) => ({ ...point, value: 0, expected: 0, lower: 0, upper: 0 }))])
    expect(drawSeries({ ...plot, points: some })).not.toMatch(/NaN|undefined|Infinity/)
})
