// `npm run test:fuzz -- --requests N [--seed S] [--results FILE]`
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { runFuzz } from './fuzz.ts'

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '20000' },
    seed: { type: 'string', default: String(Date.now() % 1e9) },
    results: { type: 'string' },
  },
})
console.log(`seed ${values.seed}`)
const report = await runFuzz({ requests: Number(values.requests), seed: Number(values.seed), onProgress: (line) => console.log(line) })
for (const fault of report.faults) console.log(fault)
console.log(
  `${report.requests} hostile requests: ${JSON.stringify(report.statuses)}; good client: ${report.goodAcknowledged} acknowledged and stored; ${report.residentMiB.before.toFixed(0)} -> ${report.residentMiB.after.toFixed(0)} MiB; faults: ${report.faults.length}`,
)
if (values.results !== undefined)
  writeFileSync(
    values.results,
    JSON.stringify({ passed: report.faults.length === 0 ? 1 : 0, failed: report.faults.length === 0 ? 0 : 1, skipped: 0 }),
  )
process.exitCode = report.faults.length === 0 ? 0 : 1
