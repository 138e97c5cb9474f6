// One series as a CSV file: a header with `timestamp` and `value`, then rows of any step. Other columns are left alone. Pure.

export interface SeriesRow {
  readonly timestamp: string
  /** Unix time in ms, NaN where it is none. */ readonly atMs: number
  /** NaN where it is missing or no number. */ readonly value: number
}

const HOUR_MS = 3_600_000
/** Smaller ones are no Unix time of anybody's: they count rows. */
const LEAST_SECONDS = 1e7

/** Unix seconds, milliseconds, microseconds or nanoseconds, told by their size; a plain count of rows as hours, the usual step of
 * series that are published without times; anything else as a date, UTC where it names no zone. */
export const toUnixMs = (text: string): number => {
  if (/^\d+(\.\d+)?$/.test(text)) {
    const number = Number(text)
    if (number < LEAST_SECONDS) return number * HOUR_MS
    const scale = [1e17, 1e14, 1e11].findIndex((least) => number >= least)
    return number * [1e-6, 1e-3, 1, 1e3][scale < 0 ? 3 : scale]
  }
  const zoned = /(Z|[+-]\d\d:?\d\d)$/.test(text)
  return Date.parse(zoned ? text : `${text.replace(' ', 'T')}${text.includes(':') ? 'Z' : ''}`)
}

/** Throws where there is no such header. */
export const readSeries = (csv: string): SeriesRow[] => {
  const [header = '', ...lines] = csv.replace(/^\uFEFF/, '').split(/\r?\n/)
  const columns = header.split(',').map((name) => name.trim().replaceAll('"', '').toLowerCase())
  const time = columns.indexOf('timestamp')
  const value = columns.indexOf('value')
  if (time < 0 || value < 0) throw new Error(`the first line must name the columns timestamp and value, and says: ${header.slice(0, 100)}`)
  return lines
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const cells = line.split(',').map((cell) => cell.trim().replaceAll('"', ''))
      const text = cells[value] ?? ''
      return { timestamp: cells[time] ?? '', atMs: toUnixMs(cells[time] ?? ''), value: text === '' ? NaN : Number(text) }
    })
}
