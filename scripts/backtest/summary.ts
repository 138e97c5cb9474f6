// What a backtest says of one file: what was found, where it was written, and what was not judged and why. Pure.
import { LEARNING, sharesOf } from '../../analytics/anomaly/surprise/surprise.ts'
import { SKIPS, type Judged } from './judge.ts'
import type { Plan } from './outputs.ts'
import type { FileRow } from './series-file.ts'

type Row = Judged<FileRow>

const SHOWN = 5

/** To a thousandth of `scale`, and to four digits at least. */
const rounded = (value: number, scale: number): number =>
  scale > 0 ? Number(value.toPrecision(Math.min(17, Math.max(4, 4 + Math.ceil(Math.log10(Math.abs(value) / scale)))))) : value

const alarmLine = ({ timestamp, text, value, reading }: Row): string => {
  const { expected, score } = reading!
  const shares = sharesOf(reading!).slice(0, 3)
  const said = shares.map(({ name, share }) => `${name} ${Math.round(100 * share)} %`).join(', ')
  return `  ${timestamp}  ${text} where ${rounded(expected, Math.abs(value - expected))} was expected, score ${score.toFixed(2)} (${said})`
}

/** Null where none was. */
const skippedLine = (rows: readonly Row[]): string | null => {
  const skipped = rows.filter((row) => row.skip !== null)
  if (skipped.length === 0) return null
  const reasons = SKIPS.flatMap((skip) => {
    const lines = skipped.filter((row) => row.skip === skip).map(({ line }) => line)
    return lines.length === 0 ? [] : `${lines.length} ${skip} (first in line ${lines.reduce((first, line) => Math.min(first, line))})`
  })
  return `  ${skipped.length} ${skipped.length === 1 ? 'row was' : 'rows were'} not judged: ${reasons.join(', ')}`
}

/** Of a short file all rows are learned from, and that is no failure. */
export const isUnjudged = (rows: readonly Row[]): boolean =>
  rows.every(({ reading }) => reading === null) || (rows.length > LEARNING && rows.every(({ reading }) => reading?.state !== 'ready'))

export const summaryOf = ({ input, csv, svg }: Plan, rows: readonly Row[], newestFirst: boolean): string => {
  const alarms = rows.filter((row) => row.reading?.alarm === true)
  return [
    `${input}: ${rows.length} rows, ${alarms.length} ${alarms.length === 1 ? 'alarm' : 'alarms'}, written to ${csv} and ${svg}`,
    newestFirst ? '  newest first: judged from the last row to the first' : null,
    rows.length > 0 && rows.length <= LEARNING ? `  too short: the first ${LEARNING} rows are learned from` : null,
    skippedLine(rows),
    ...alarms
      .toSorted((a, b) => b.reading!.score - a.reading!.score)
      .slice(0, SHOWN)
      .map(alarmLine),
  ]
    .filter((line) => line !== null)
    .join('\n')
}
