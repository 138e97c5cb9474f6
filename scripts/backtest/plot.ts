// One judged series as an SVG: value, expected band, alarms. Readable on a light and on a dark page. Pure.
import type { JudgedRow } from './judge.ts'

const WIDTH = 1000
const HEIGHT = 260
const MARGIN = 30
/** More points than this are drawn as the least and the largest of each column. */
const COLUMNS = 900

const STYLE = 'text{font:12px sans-serif;fill:#333}.value{fill:none;stroke:#1f6feb;stroke-width:1}.band{fill:#1f6feb;fill-opacity:.15}.alarm{stroke:#d1242f;stroke-width:1.5}'
  + '@media(prefers-color-scheme:dark){text{fill:#ddd}.value{stroke:#79b8ff}.band{fill:#79b8ff}.alarm{stroke:#ff7b72}}'
const escape = (text: string): string => text.replace(/[<>&"]/g, (character) => `&#${character.charCodeAt(0)};`)

interface Column { readonly x: number; readonly low: number; readonly high: number; readonly lower: number; readonly upper: number }

const columnsOf = (rows: readonly JudgedRow[], xOf: (atMs: number) => number): Column[] => {
  const columns = new Map<number, Column>()
  for (const { atMs, value, reading } of rows) {
    if (reading === null) continue
    const x = Math.round(xOf(atMs) * COLUMNS / WIDTH) * WIDTH / COLUMNS
    const known = columns.get(x)
    columns.set(x, known === undefined ? { x, low: value, high: value, lower: reading.lower, upper: reading.upper }
      : { x, low: Math.min(known.low, value), high: Math.max(known.high, value), lower: Math.min(known.lower, reading.lower), upper: Math.max(known.upper, reading.upper) })
  }
  return [...columns.values()]
}

export const toSvg = (title: string, rows: readonly JudgedRow[]): string => {
  const known = rows.filter((row) => row.reading !== null)
  const [first, last] = [known[0], known.at(-1)]
  const low = known.reduce((least, row) => Math.min(least, row.value), Infinity)
  const high = known.reduce((most, row) => Math.max(most, row.value), -Infinity)
  const xOf = (atMs: number): number => first === undefined || last === undefined || last.atMs === first.atMs ? MARGIN : MARGIN + (WIDTH - 2 * MARGIN) * (atMs - first.atMs) / (last.atMs - first.atMs)
  // The band may reach far beyond the values: it is cut at the edge.
  const yOf = (value: number): number => Math.min(HEIGHT - MARGIN, Math.max(MARGIN, HEIGHT - MARGIN - (HEIGHT - 2 * MARGIN) * (value - low) / (high - low || 1)))
  const columns = columnsOf(rows, xOf)
  const at = (x: number, y: number): string => `${x.toFixed(1)},${y.toFixed(1)}`
  const band = [...columns.map((column) => at(column.x, yOf(column.upper))), ...columns.toReversed().map((column) => at(column.x, yOf(column.lower)))]
  const line = columns.flatMap((column) => [at(column.x, yOf(column.low)), at(column.x, yOf(column.high))])
  const alarms = known.filter((row) => row.reading?.alarm === true).map((row) =>
    `<line class="alarm" x1="${xOf(row.atMs).toFixed(1)}" x2="${xOf(row.atMs).toFixed(1)}" y1="${MARGIN}" y2="${HEIGHT - MARGIN}"><title>${escape(row.timestamp)}: ${row.value}</title></line>`)
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img"><style>${STYLE}</style>`,
    `<text x="${MARGIN}" y="18">${escape(title)}: ${alarms.length} ${alarms.length === 1 ? 'alarm' : 'alarms'}</text>`,
    ...(columns.length === 0 ? [] : [`<polygon class="band" points="${band.join(' ')}"/>`, `<polyline class="value" points="${line.join(' ')}"/>`]),
    ...alarms,
    ...(first === undefined || last === undefined ? [] : [
      `<text x="${MARGIN}" y="${HEIGHT - 10}">${escape(first.timestamp)}</text>`,
      `<text x="${WIDTH - MARGIN}" y="${HEIGHT - 10}" text-anchor="end">${escape(last.timestamp)}</text>`,
    ]),
    '</svg>', '',
  ].join('\n')
}
