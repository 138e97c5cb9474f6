// One series as a CSV file: a header with `timestamp` and `value`, then rows of any step. Other columns are left alone. Pure.

export interface SeriesRow {
  readonly timestamp: string
  /** Unix time in ms, NaN where it is none. */ readonly atMs: number
  /** NaN where it is missing or no number, infinite where the file has it so. */ readonly value: number
}
/** And what is said of it, or written again, as the file has it. */
export interface FileRow extends SeriesRow {
  /** From 1: the header. */ readonly line: number
  /** Its value. */ readonly text: string
}

const HOUR_MS = 3_600_000
/** Smaller ones are no Unix time of anybody's: they count rows. */
const LEAST_SECONDS = 1e7
/** No date is further from 1970. */
const MOST_MS = 8.64e15
/** Read as seconds they are days of 1970. */
const COMPACT_DATE = /^((?:19|20)\d\d)(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])$/

const timeOfNumber = (number: number): number => {
  if (number < LEAST_SECONDS) return number * HOUR_MS
  const scale = [1e17, 1e14, 1e11].findIndex((least) => number >= least)
  const atMs = number * [1e-6, 1e-3, 1, 1e3][scale < 0 ? 3 : scale]
  return atMs <= MOST_MS ? atMs : NaN
}

/** Unix seconds, milliseconds, microseconds or nanoseconds, told by their size; a plain count of rows as hours, the usual step of
 * series that are published without times; eight digits that are a date, and anything else, as a date, UTC where it names no zone. */
export const toUnixMs = (text: string): number => {
  if (COMPACT_DATE.test(text)) return Date.parse(text.replace(COMPACT_DATE, '$1-$2-$3'))
  if (/^\d+(\.\d+)?$/.test(text)) return timeOfNumber(Number(text))
  const zoned = /(Z|[+-]\d\d:?\d\d)$/.test(text)
  return Date.parse(zoned ? text : `${text.replace(' ', 'T')}${text.includes(':') ? 'Z' : ''}`)
}

/** As RFC 4180 quotes them, but for line breaks, which end a row in quotes too. A quote that is never closed is a character as others. */
const cellsOf = (line: string): string[] =>
  [...`,${line}`.matchAll(/,\s*(?:"((?:[^"]|"")*)"[^,]*|([^,]*))/g)].map(([, quoted, plain]) =>
    (quoted?.replaceAll('""', '"') ?? plain).trim(),
  )

/** @throws Error where there is no such header. */
export const readRows = (csv: string): FileRow[] => {
  const [header = '', ...lines] = csv.replace(/^\uFEFF/, '').split(/\r?\n/)
  const columns = cellsOf(header).map((name) => name.toLowerCase())
  const time = columns.indexOf('timestamp')
  const value = columns.indexOf('value')
  if (time < 0 || value < 0) throw new Error(`the first line must name the columns timestamp and value, and says: ${header.slice(0, 100)}`)
  return lines.flatMap((line, i) => {
    if (line.trim() === '') return []
    const cells = cellsOf(line)
    const [timestamp, text] = [cells[time] ?? '', cells[value] ?? '']
    return { line: i + 2, timestamp, atMs: toUnixMs(timestamp), text, value: text === '' ? NaN : Number(text) }
  })
}

/** Rows for who writes none. @throws Error as `readRows`. */
export const readSeries = (csv: string): SeriesRow[] => readRows(csv).map(({ timestamp, atMs, value }) => ({ timestamp, atMs, value }))

/** Steps by which an order is told. */
const SOME_STEPS = 10

/** Whether the file as a whole goes back in time: nine steps in ten. */
export const isNewestFirst = (rows: readonly SeriesRow[]): boolean => {
  const times = rows.map((row) => row.atMs).filter((atMs) => !Number.isNaN(atMs))
  const steps = times.slice(1).map((atMs, i) => Math.sign(atMs - times[i]))
  const back = steps.filter((step) => step < 0).length
  return back >= SOME_STEPS && back >= 9 * steps.filter((step) => step > 0).length
}
