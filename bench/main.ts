// Question: what does one log record cost, at the edge, from the log into ClickHouse and on the whole way, and what happens beyond what
// can be taken, what detection is of it, what more tenants and services make of it, and how soon an answer comes at half of the load? Each run counts afterwards that nothing was lost, doubled or altered, or the whole fails.
//   npm run bench -- [--stages E,G,D,C,X,A,O,S] [--rounds N] [--quick] [--records N] [--seconds S] [--json FILE] [--out DIR] [--profile DIR]
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { closeOnSignal, createScopes } from './measure/scope.ts'
import { describeMachine, readMachine } from './report/machine.ts'
import { STAGES, totalCpu, type Result, type Stage } from './report/result.ts'
import { renderResults, verdictOf } from './report/table.ts'
import { OURS } from './stages/ours.ts'

const { values } = parseArgs({
  options: {
    stages: { type: 'string', default: 'E,G,D,C,X,A,O,S' },
    rounds: { type: 'string', default: '1' },
    quick: { type: 'boolean', default: false },
    records: { type: 'string' },
    seconds: { type: 'string' },
    json: { type: 'string' },
    out: { type: 'string' },
    profile: { type: 'string' },
  },
})
const stages = values.stages.split(',').map((name) => name.trim().toUpperCase()) as Stage[]
const unknown = stages.filter((stage) => !(stage in STAGES))
if (unknown.length > 0) throw new Error(`--stages: ${unknown.join(', ')} is none of ${Object.keys(STAGES).join(', ')}`)
const records = Number(values.records ?? (values.quick ? 300_000 : 2_000_000))
const seconds = Number(values.seconds ?? (values.quick ? 10 : 60))

const results: Result[] = []
const missing = new Set<string>()
const scopes = createScopes()
closeOnSignal(scopes)
for (let round = 0; round < Number(values.rounds); round++) {
  for (const stage of stages) {
    for await (const result of OURS[stage](
      {
        size: { records, seconds },
        profile: values.profile,
        onMissing: (what) => {
          missing.add(what)
        },
      },
      scopes,
    )) {
      results.push(result)
      console.error(
        `${result.stage} ${result.contestant}, ${result.load}, ${result.durability}: ${totalCpu(result).toFixed(2)} CPU-s/M, ${verdictOf(result)}`,
      )
    }
  }
}
const machine = readMachine()
const text = `${renderResults(results)}\n\n${[...missing].map((what) => `Not measured: ${what}\n`).join('')}${describeMachine(machine)}\n`
console.log(text)
const report = JSON.stringify({ machine, missing: [...missing], results }, null, 1)
if (values.json !== undefined) writeFileSync(values.json, `${report}\n`)
if (values.out !== undefined) {
  mkdirSync(values.out, { recursive: true })
  writeFileSync(join(values.out, 'ours.json'), `${report}\n`)
  writeFileSync(join(values.out, 'ours.md'), text)
}
process.exitCode = results.every(({ faults }) => faults.length === 0) ? 0 : 1
