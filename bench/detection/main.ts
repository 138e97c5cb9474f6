// Question: how good is the calibrated detector on public series with labels, what does a point cost, and how often does it
// speak on healthy traffic? Prints the score of the Numenta Anomaly Benchmark in its three profiles, with one shipped configuration.
// `--data DIR` (with `nab/` in it), `--json FILE`. Exits with 1 when the benchmark is not there.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { ALARMING, newSurpriseState, NOTABLE, observe } from '../../analytics/anomaly/surprise/surprise.ts'
import { encodeSurprise } from '../../analytics/anomaly/surprise/bytes.ts'
import { findData } from '../data-directory.ts'
import { healthySeries } from './healthy.ts'
import { nabScores, type LabelledSeries } from './nab-score.ts'
import { readNab } from './nab.ts'

const { values } = parseArgs({ options: { data: { type: 'string' }, json: { type: 'string' } } })
/** A score of one half is an alarm. */
const SHIPPED = 0.5
const DAY_MS = 86_400_000

interface Run {
  readonly scores: Float64Array
  readonly alarms: number
}
const run = ({ timesMs, values: points }: Pick<LabelledSeries, 'timesMs' | 'values'>, threshold: number): Run => {
  const state = newSurpriseState()
  const scores = new Float64Array(points.length)
  let alarms = 0
  for (let i = 0; i < points.length; i++) {
    const reading = observe(state, timesMs[i], points[i], threshold)
    scores[i] = reading.score
    if (reading.alarm) alarms++
  }
  return { scores, alarms }
}
const daysOf = (timesMs: readonly number[]): number => (timesMs[timesMs.length - 1] - timesMs[0]) / DAY_MS

const directory = findData(values.data, ['nab/data', 'nab/labels'])
if (directory === null) process.exit(1)
const nab = readNab(join(directory, 'nab'))
const points = nab.reduce((sum, series) => sum + series.values.length, 0)
// Twice: what is timed has been compiled.
nab.forEach((series) => run(series, NOTABLE))
const before = process.cpuUsage()
const runs = nab.map((series) => run(series, NOTABLE))
const cpu = process.cpuUsage(before)
const perPointUs = (cpu.user + cpu.system) / points
const scores = nabScores(
  nab,
  runs.map((one) => one.scores),
  SHIPPED,
)
const alarming = nabScores(
  nab,
  nab.map((series) => run(series, ALARMING).scores),
  SHIPPED,
)

const healthy = healthySeries().map((series) => ({ ...series, alarmsPerDay: run(series, NOTABLE).alarms / daysOf(series.timesMs) }))
const mean = (steps: readonly number[]): number => steps.reduce((sum, one) => sum + one, 0) / steps.length
const nabDays = nab.reduce((sum, series) => sum + daysOf(series.timesMs), 0)
const report = {
  nab: scores,
  nabAtTheWatchdogsThreshold: alarming.map(({ profile, shipped }) => ({ profile, shipped })),
  series: nab.length,
  points,
  perPointUs,
  stateBytes: encodeSurprise(newSurpriseState()).length,
  nabAlarmsPerSeriesDay: runs.reduce((sum, one) => sum + one.alarms, 0) / nabDays,
  healthyAlarmsPerSeriesDay: mean(healthy.map((series) => series.alarmsPerDay)),
  healthy: [...Map.groupBy(healthy, ({ kind, step }) => `${kind}, a point every ${step}`)].map(([what, group]) => ({
    what,
    alarmsPerSeriesDay: mean(group.map((series) => series.alarmsPerDay)),
  })),
}
console.log(`NAB, ${nab.length} series, ${points} points, one configuration\n`)
console.log(
  `| profile | best threshold | leave one file out | shipped threshold (${NOTABLE}) | the watchdog's, which wakes people (${ALARMING}) |\n|---|---|---|---|---|`,
)
scores.forEach(({ profile, optimised, leaveOneOut, shipped }, i) =>
  console.log(
    `| ${profile} | ${optimised.toFixed(1)} | ${leaveOneOut.toFixed(1)} | ${shipped.toFixed(1)} | ${alarming[i].shipped.toFixed(1)} |`,
  ),
)
console.log(
  `\n${perPointUs.toFixed(2)} µs of processor time a point, ${report.stateBytes} bytes a series, ${report.nabAlarmsPerSeriesDay.toFixed(3)} alarms a day and series of NAB`,
)
console.log(
  `healthy, ${healthy.length} series of all kinds: ${report.healthyAlarmsPerSeriesDay.toFixed(4)} alarms a day and series; the goal is 0.02`,
)
for (const { what, alarmsPerSeriesDay } of report.healthy)
  console.log(`healthy ${what}: ${alarmsPerSeriesDay.toFixed(3)} alarms a day and series`)
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(report, null, 2)}\n`)
