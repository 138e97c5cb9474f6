// `npm run -s backtest -- FILE.csv… --out DIR`: tries the detector on series of your own. Each file has a header with
// `timestamp` and `value`; missing and irregular rows are fine. Writes DIR/FILE.csv, row for row, and DIR/FILE.svg, and prints
// a summary. `is_anomaly` is 1 where an alarm is raised, not for as long as it lasts.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { sharesOf } from '../analytics/anomaly/surprise/surprise.ts'
import { judge, toCsv, type JudgedRow } from './backtest/judge.ts'
import { toSvg } from './backtest/plot.ts'
import { readSeries } from './backtest/series-file.ts'

const SHOWN = 5

const fail = (message: string): never => {
  console.error(message)
  process.exit(2)
}

const summary = (file: string, rows: readonly JudgedRow[]): string => {
  const alarms = rows.filter((row) => row.reading?.alarm === true)
  const skipped = rows.filter((row) => row.reading === null).length
  const lines = [...alarms]
    .sort((a, b) => b.reading!.score - a.reading!.score)
    .slice(0, SHOWN)
    .map(
      ({ timestamp, value, reading }) =>
        `  ${timestamp}  ${value} where ${Number(reading!.expected.toPrecision(4))} was expected, score ${reading!.score.toFixed(2)} (${sharesOf(
          reading!,
        )
          .slice(0, 3)
          .map(({ name, share }) => `${name} ${Math.round(100 * share)} %`)
          .join(', ')})`,
    )
  return [
    `${file}: ${rows.length} rows, ${alarms.length} ${alarms.length === 1 ? 'alarm' : 'alarms'}${skipped > 0 ? `, ${skipped} rows without a value or out of order` : ''}`,
    ...lines,
  ].join('\n')
}

const outputName = (file: string, taken: Set<string>): string => {
  const stem = basename(file).replace(/\.csv$/i, '')
  let name = stem
  for (let i = 2; taken.has(name); i++) name = `${stem}-${i}`
  taken.add(name)
  return name
}

const { values, positionals } = (() => {
  try {
    return parseArgs({ allowPositionals: true, options: { out: { type: 'string' } } })
  } catch (error) {
    return fail(`${(error as Error).message}\nusage: npm run -s backtest -- FILE.csv… --out DIR`)
  }
})()
if (positionals.length === 0 || values.out === undefined) fail('usage: npm run -s backtest -- FILE.csv… --out DIR')
const out = values.out!
mkdirSync(out, { recursive: true })
const taken = new Set<string>()
for (const file of positionals) {
  const name = outputName(file, taken)
  const target = join(out, `${name}.csv`)
  if (resolve(target) === resolve(file)) fail(`${file} would be written over: choose another --out`)
  try {
    const rows = judge(readSeries(readFileSync(file, 'utf8')))
    writeFileSync(target, toCsv(rows))
    writeFileSync(join(out, `${name}.svg`), toSvg(name, rows))
    console.log(summary(file, rows))
  } catch (error) {
    console.error(`${file}: ${(error as Error).message}`)
    process.exitCode = 1
  }
}
