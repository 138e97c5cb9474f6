// Question: what does a log record cost ours and its peers, in the same run, on the same machine, with the same records? Everybody has one
// turn in every round, the order rotates, two identical copies of ours show the noise, and everybody's records are counted.
//   npm run bench:compare -- [--quick] [--stages E,G,X] [--rounds 5] [--records N] [--seconds S] [--out bench/results [--keep]] [--baseline]
// `--keep`: what is there of stages that are not asked for stays, with what it was measured on.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { closeOnSignal, createScopes } from './measure/scope.ts'
import { rotated } from './measure/statistics.ts'
import { barsOf, compare, toBaseline, type ComparedRow } from './report/compare.ts'
import { describeRun, readMachine, type RecordedRun } from './report/machine.ts'
import { renderPlot } from './report/plot.ts'
import { totalCpu, type Result, type Stage } from './report/result.ts'
import { renderRatios, renderResults, verdictOf } from './report/table.ts'
import { openVersus, type Turn, type Versus } from './stages/versus.ts'

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    stages: { type: 'string', default: 'E,G,X' },
    rounds: { type: 'string', default: '5' },
    records: { type: 'string' },
    seconds: { type: 'string' },
    out: { type: 'string' },
    keep: { type: 'boolean', default: false },
    baseline: { type: 'boolean', default: false },
  },
})
/** What `bench:check` compares with. */
const BASELINE = join(import.meta.dirname, 'results', 'baseline.json')
const stages = values.stages.split(',').map((name) => name.trim().toUpperCase()) as Stage[]
const size = {
  records: Number(values.records ?? (values.quick ? 200_000 : 2_000_000)),
  seconds: Number(values.seconds ?? (values.quick ? 4 : 20)),
}

/** Load by load; within each, everybody has every place once before anybody has it twice. */
const inTurn = (turns: readonly Turn[], round: number): Turn[] =>
  [...Map.groupBy(turns, ({ load }) => load).values()].flatMap((sharing) => rotated(sharing, round))

/** A turn that cannot be taken is named and has no row: the others go on. */
const play = async (versus: Versus, scopes: ReturnType<typeof createScopes>): Promise<{ results: Result[]; failures: string[] }> => {
  const [results, failures]: [Result[], string[]] = [[], []]
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const turn of inTurn(versus.turns, round)) {
      try {
        const result = await scopes.run(turn.run)
        results.push(result)
        console.error(`round ${round + 1}: ${turn.name}: ${totalCpu(result).toFixed(2)} CPU-s/M, ${verdictOf(result)}`)
      } catch (error) {
        failures.push(`${turn.name}, round ${round + 1}: ${String(error)}`)
        console.error(failures.at(-1))
      }
    }
  }
  return { results, failures }
}

interface Recorded {
  readonly runs: readonly RecordedRun[]
  readonly rows: readonly ComparedRow[]
  readonly results: readonly Result[]
}
/** What is recorded of stages that this run does not measure. */
const readOthers = (directory: string, measured: ReadonlySet<Stage>): Recorded => {
  const { runs, rows, results } = JSON.parse(readFileSync(join(directory, 'compare.json'), 'utf8')) as Recorded
  const isOther = ({ stage }: { readonly stage: Stage }): boolean => !measured.has(stage)
  return {
    runs: runs
      .map((run) => ({ ...run, stages: run.stages.filter((stage) => !measured.has(stage)) }))
      .filter((run) => run.stages.length > 0),
    rows: rows.filter(isOther),
    results: results.filter(isOther),
  }
}

const write = (directory: string, text: string, recorded: Recorded): void => {
  mkdirSync(directory, { recursive: true })
  writeFileSync(join(directory, 'compare.json'), `${JSON.stringify(recorded, null, 1)}\n`)
  writeFileSync(join(directory, 'compare.md'), text)
  writeFileSync(join(directory, 'compare.svg'), renderPlot('What one million log records cost', 'CPU-seconds', barsOf(recorded.rows)))
}
if (values.keep && values.out === undefined) throw new Error('--keep: of what is in --out DIR')
if (values.baseline && !values.quick) throw new Error('--baseline: of a run with --quick, as bench:check makes it')
const scopes = createScopes()
closeOnSignal(scopes)
await scopes.run(async (scope) => {
  const versus = await openVersus({ size, stages, isQuick: values.quick }, scope)
  // Asked for one of two that share their turns, both are measured. What is kept is read before hours of measuring, in case it cannot be.
  const measured = new Set(versus.pairings.map(({ stage }) => stage))
  const kept = values.keep ? readOthers(values.out!, measured) : { runs: [], rows: [], results: [] }
  const { results, failures } = await play(versus, scopes)
  const rows = versus.pairings.map((pairing) => compare(results, pairing)).filter((row) => row !== null)
  const all = {
    runs: [...kept.runs, { stages: [...measured], rounds: Number(values.rounds), size, machine: readMachine() }],
    missing: versus.missing,
    failures,
    rows: [...kept.rows, ...rows],
    results: [...kept.results, ...results],
  }
  const absent = [...versus.missing.map((what) => `not measured: ${what}`), ...failures.map((what) => `failed to run: ${what}`)]
  const text = [
    '## Compared with peers',
    renderRatios(all.rows),
    absent.map((what) => `- ${what}`).join('\n'),
    all.runs.map(describeRun).join('\n\n'),
    '## Every run',
    renderResults(all.results),
  ].join('\n\n')
  console.log(text)
  if (values.out !== undefined) write(values.out, `${text}\n`, all)
  if (values.baseline) writeFileSync(BASELINE, `${JSON.stringify(toBaseline(rows, size), null, 1)}\n`)
  process.exitCode = failures.length === 0 && results.every(({ faults }) => faults.length === 0) ? 0 : 1
})
