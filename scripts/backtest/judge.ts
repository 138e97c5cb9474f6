// Runs the detector over one series, row for row; what a row is answered rests on it and on earlier rows alone. Pure.
import { newSurpriseState, observe, type Told } from '../../analytics/anomaly/surprise/surprise.ts'
import type { SeriesRow } from './series-file.ts'

export interface JudgedRow extends SeriesRow {
  /** Null where the row has no value, or is not after the one before. */ readonly reading: Told | null
}

export const judge = (rows: readonly SeriesRow[]): JudgedRow[] => {
  const state = newSurpriseState()
  return rows.map((row) => {
    const reading = Number.isNaN(row.atMs) ? null : observe(state, row.atMs, row.value)
    return { ...row, reading: reading?.state === 'late' ? null : reading }
  })
}

const cell = (value: number | undefined): string => (value === undefined || Number.isNaN(value) ? '' : String(Number(value.toPrecision(7))))

/** As many lines as rows, and a header. */
export const toCsv = (rows: readonly JudgedRow[]): string =>
  [
    'timestamp,value,expected,lower,upper,anomaly_score,is_anomaly',
    ...rows.map(({ timestamp, value, reading }) =>
      [
        timestamp,
        cell(value),
        cell(reading?.expected),
        cell(reading?.lower),
        cell(reading?.upper),
        (reading?.score ?? 0).toFixed(6),
        reading?.alarm === true ? 1 : 0,
      ].join(','),
    ),
    '',
  ].join('\n')
