// Question: are we still as far ahead of our peers as the committed baseline says? Compares a run of `bench:compare` with it, by ratios,
// which survive another machine; exits with 1 when one has shrunk by more than the noise of both runs.
//   npm run bench:check -- [--results FILE]     without a file it runs `bench:compare --quick` first, as the baseline was made:
//   npm run bench:compare -- --quick --baseline
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { assertSameSize, checkAgainst, type Baseline, type ComparedRow, type RunSize } from './report/compare.ts'

const { values } = parseArgs({
  options: { results: { type: 'string' }, baseline: { type: 'string', default: join(import.meta.dirname, 'results', 'baseline.json') } },
})

const runQuick = (): string => {
  const directory = mkdtempSync(join(tmpdir(), 'lapwing-check-'))
  try {
    const { status } = spawnSync(process.execPath, [join(import.meta.dirname, 'compare.ts'), '--quick', '--out', directory], {
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    if (status !== 0) throw new Error(`the comparison failed with ${status}`)
    return readFileSync(join(directory, 'compare.json'), 'utf8')
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

const baseline = JSON.parse(readFileSync(values.baseline, 'utf8')) as Baseline
// Before a quarter of an hour is spent.
assertSameSize(baseline, [])
const { rows, runs } = JSON.parse(values.results === undefined ? runQuick() : readFileSync(values.results, 'utf8')) as {
  rows: ComparedRow[]
  runs: { size: RunSize }[]
}
assertSameSize(baseline, runs)
const { worse, missing, compared } = checkAgainst(rows, baseline)
for (const key of missing) console.log(`not in this run: ${key}`)
for (const line of worse) console.log(`worse: ${line}`)
console.log(`${compared} ratios compared with the baseline, ${worse.length} worse by more than the noise`)
process.exitCode = compared > 0 && worse.length === 0 ? 0 : 1
