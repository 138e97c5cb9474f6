// Runs the detector over one series, row for row; what a row is answered rests on it and on earlier rows alone. Pure.
import { observe, type Told } from '../../analytics/anomaly/surprise/surprise.ts'
import { createBranches } from './branches.ts'
import type { FileRow, SeriesRow } from './series-file.ts'

/** Why a row is not judged. */
export const SKIPS = ['without a time', 'without a finite value', 'with a value beyond 1e37', 'not after the rows before'] as const
export type Skip = (typeof SKIPS)[number]

export type Judged<Row extends SeriesRow> = Row & {
  /** Null where the row is skipped. */ readonly reading: Told | null
  readonly skip: Skip | null
}
export type JudgedRow = Judged<SeriesRow>

/** Times of the day are learned in single precision: larger values would be infinite there, and nothing be judged after them. */
const MOST = 1e37

/** Rows in order of time; those that are not are skipped, or show that rows before them were ahead of the rest. */
export const judge = <Row extends SeriesRow>(rows: readonly Row[]): Judged<Row>[] => {
  const stateAt = createBranches()
  return rows.map((row) => {
    const skipped = (skip: Skip): Judged<Row> => ({ ...row, reading: null, skip })
    if (Number.isNaN(row.atMs)) return skipped('without a time')
    if (!Number.isFinite(row.value)) return skipped('without a finite value')
    if (Math.abs(row.value) > MOST) return skipped('with a value beyond 1e37')
    const state = stateAt(row.atMs)
    if (state === null) return skipped('not after the rows before')
    return { ...row, reading: observe(state, row.atMs, row.value), skip: null }
  })
}

const cell = (text: string): string => (/[",\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)
/** All digits: of a large value that hardly varies the band is in the last ones. */
const digits = (value: number | undefined): string => (Number.isFinite(value) ? String(value) : '')

/** As many lines as rows, and a header. Times and values as the file has them. */
export const toCsv = (rows: readonly Judged<SeriesRow & Partial<FileRow>>[]): string =>
  [
    'timestamp,value,expected,lower,upper,anomaly_score,is_anomaly',
    ...rows.map(({ timestamp, value, text, reading }) =>
      [
        cell(timestamp),
        cell(text ?? digits(value)),
        digits(reading?.expected),
        digits(reading?.lower),
        digits(reading?.upper),
        (reading?.score ?? 0).toFixed(6),
        reading?.alarm === true ? 1 : 0,
      ].join(','),
    ),
    '',
  ].join('\n')
