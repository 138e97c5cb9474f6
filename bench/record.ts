// Makes everything that is committed of benchmarks anew, on a quiet machine: both runs into bench/results, the baseline of bench:check, and
// the figures of the README.
//   npm run bench:record [-- --quick] [--rounds N]     about two and a half hours; --quick less than one
// Single stages: `npm run bench:compare -- --stages G,X --out bench/results --keep`, then this with `--figures-only`.
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { ComparedRow } from './report/compare.ts'
import { describeRun, type RecordedRun } from './report/machine.ts'
import { splice } from './report/splice.ts'
import { renderRatios } from './report/table.ts'

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '5' },
    records: { type: 'string' },
    'figures-only': { type: 'boolean', default: false },
  },
})
const results = join(import.meta.dirname, 'results')
const readme = join(import.meta.dirname, '..', 'README.md')
/** The README shows what a user with a Collector sends by default; the rest is in bench/results. */
const SHOWN = /^1,000 records per request, protobuf, none/

const run = (file: string, ...options: string[]): void => {
  const more = [...(values.quick ? ['--quick'] : []), ...(values.records === undefined ? [] : ['--records', values.records])]
  const { status } = spawnSync(process.execPath, [join(import.meta.dirname, file), ...options, ...more], {
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  if (status !== 0) throw new Error(`${file} ended with ${status}: nothing is recorded of a run that failed`)
}

if (!values['figures-only']) {
  run('main.ts', '--out', results)
  run('compare.ts', '--out', results, '--rounds', values.rounds)
  // As bench:check runs it.
  run('compare.ts', '--quick', '--baseline')
}
const { rows, runs } = JSON.parse(readFileSync(join(results, 'compare.json'), 'utf8')) as {
  rows: ComparedRow[]
  runs: RecordedRun[]
}
const shown = rows.filter(({ load }) => SHOWN.test(load))
writeFileSync(
  readme,
  splice(readFileSync(readme, 'utf8'), 'bench', `${renderRatios(shown)}\n\n${runs.map((run) => `${describeRun(run)}.`).join('\n\n')}`),
)
