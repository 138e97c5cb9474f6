// `npm run -s backtest -- FILE.csv… --out DIR`: tries the detector on series of your own. Each file has a header with
// `timestamp` and `value`; missing and irregular rows are fine. Writes DIR/FILE.csv, row for row, and DIR/FILE.svg, and prints
// a summary. `is_anomaly` is 1 where an alarm is raised, not for as long as it lasts.
import { readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { judge, toCsv } from './backtest/judge.ts'
import { openDirectory, planOutputs, type Plan } from './backtest/outputs.ts'
import { toSvg } from './backtest/plot.ts'
import { isNewestFirst, readRows } from './backtest/series-file.ts'
import { isUnjudged, summaryOf } from './backtest/summary.ts'

const USAGE = 'usage: npm run -s backtest -- FILE.csv… --out DIR'

const fail = (message: string, code: number): never => {
  console.error(message)
  process.exit(code)
}

const toArguments = (): { inputs: string[]; out: string } => {
  try {
    const { values, positionals } = parseArgs({ allowPositionals: true, options: { out: { type: 'string' } } })
    return positionals.length > 0 && values.out ? { inputs: positionals, out: resolve(values.out) } : fail(USAGE, 2)
  } catch (error) {
    return fail(`${(error as Error).message}\n${USAGE}`, 2)
  }
}

/** What `act` returns, or the end, in one line. */
const orFail = <T>(act: () => T, code: number): T => {
  try {
    return act()
  } catch (error) {
    return fail((error as Error).message, code)
  }
}

/** @throws Error in words. */
const backtest = (plan: Plan): void => {
  const rows = readRows(readFileSync(plan.input, 'utf8'))
  const newestFirst = isNewestFirst(rows)
  const judged = judge(newestFirst ? rows.toReversed() : rows)
  writeFileSync(plan.csv, toCsv(newestFirst ? judged.toReversed() : judged))
  writeFileSync(plan.svg, toSvg(plan.name, judged))
  console.log(summaryOf(plan, judged, newestFirst))
  if (isUnjudged(judged)) throw new Error('nothing in it could be judged')
}

const { inputs, out } = toArguments()
const plans = orFail(() => planOutputs(inputs, out), 2)
orFail(() => openDirectory(out), 1)
for (const plan of plans) {
  try {
    backtest(plan)
  } catch (error) {
    console.error(`${plan.input}: ${(error as Error).message}`)
    process.exitCode = 1
  }
}
