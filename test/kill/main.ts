// `npm run test:kill -- --rounds N [--seed S]`: the kill test for as long as you like, with progress and a summary line.
import { parseArgs } from 'node:util'
import { runKillRounds } from './kill-rounds.ts'

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '20' }, seed: { type: 'string', default: String(Date.now() % 1e9) } },
})
console.log(`seed ${values.seed}`)
const report = await runKillRounds({ rounds: Number(values.rounds), seed: Number(values.seed), onRound: (line) => console.log(line) })
for (const fault of report.faults) console.log(fault)
console.log(
  `${report.rounds} rounds: ${report.attempts} attempts, ${report.acknowledged} acknowledged, ${report.rows} rows stored; lost, doubled or torn: ${report.faults.length}; ${Object.entries(
    report.kills,
  )
    .map(([fault, count]) => `${fault} ${count}×`)
    .join(', ')}`,
)
process.exitCode = report.faults.length === 0 ? 0 : 1
