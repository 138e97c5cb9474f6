// `npm run test:seasonal -- --hours 24 --services 50 --seed N [--scale 1] [--amplitude 6] [--jobs 0] [--faults errors,latency,silence,surge]
// [--live 60] [--results FILE]`. Exit code 0 when healthy traffic opened at most one incident and each fault was found and ranked first.
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { play } from './play.ts'
import type { FaultKind } from './traffic.ts'

const { values } = parseArgs({
  options: {
    hours: { type: 'string', default: '24' },
    services: { type: 'string', default: '50' },
    seed: { type: 'string', default: '1' },
    scale: { type: 'string', default: '1' },
    amplitude: { type: 'string', default: '6' },
    jobs: { type: 'string', default: '0' },
    faults: { type: 'string', default: 'errors,latency,silence,surge' },
    live: { type: 'string', default: '60' },
    results: { type: 'string' },
  },
})
const begunMs = Date.now()
const report = await play({
  seed: Number(values.seed),
  hours: Number(values.hours),
  liveSeconds: Number(values.live),
  shape: { services: Number(values.services), scale: Number(values.scale), amplitude: Number(values.amplitude), jobs: Number(values.jobs) },
  faults: values.faults.split(',').filter(Boolean) as FaultKind[],
  say: (line) => console.log(`${((Date.now() - begunMs) / 1000).toFixed(1).padStart(6)} s  ${line}`),
})
for (const problem of report.problems) console.log(`NOT AS IT SHOULD BE: ${problem}`)
console.log(
  `seed ${values.seed}: ${report.records} records; ${report.healthyIncidents} incidents in ${values.hours} healthy hours; worked through in ${report.workedThroughSeconds.toFixed(1)} s; ${report.found.map((one) => `${one.fault.kind} ranked ${one.rank}`).join(', ')}`,
)
const checks = 2 + report.found.length
const failed =
  (report.healthyIncidents > 1 ? 1 : 0) + (report.seamIncidents > 0 ? 1 : 0) + report.found.filter((one) => one.problems.length > 0).length
if (values.results !== undefined) writeFileSync(values.results, JSON.stringify({ passed: checks - failed, failed, skipped: 0 }))
process.exitCode = report.problems.length === 0 ? 0 : 1
