// `npm run test:faults -- --rounds N [--seed S] [--only WORD] [--client kafkajs] [--record]`: faults in a cluster for as long as you like, with progress and a
// summary line. `--record` appends the run to results.jsonl; `--sum` only prints what all recorded runs add up to.
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { missingForCluster } from '../cluster/missing.ts'
import { findPostgresBinaries } from '../support/postgres-server.ts'
import { FAULTS } from './faults.ts'
import { addResult, readResults, summarise } from './results.ts'
import { runFaultRounds, type FaultReport } from './rounds.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '6' },
    seed: { type: 'string', default: String(Date.now() % 1e9) },
    only: { type: 'string', default: '' },
    client: { type: 'string' },
    record: { type: 'boolean', default: false },
    sum: { type: 'boolean', default: false },
    results: { type: 'string' },
  },
})

const client: Readonly<Record<string, string>> = values.client === undefined ? {} : { KAFKA_CLIENT: values.client }

const report = async (seed: number): Promise<FaultReport> => {
  console.log(`seed ${seed}`)
  const run = await runFaultRounds({
    rounds: Number(values.rounds),
    seed,
    postgresBin: findPostgresBinaries()!,
    faults: FAULTS.filter(({ name }) => name.includes(values.only)),
    env: client,
    onRound: (line) => console.log(line),
  })
  for (const text of run.broken) console.log(text)
  console.log(
    `${run.rounds} rounds: ${run.attempts} attempts, ${run.acknowledged} acknowledged, ${run.rows} rows stored; promises broken: ${run.broken.length}; ${Object.entries(
      run.faults,
    )
      .map(([fault, count]) => `${fault} ${count}×`)
      .join(', ')}`,
  )
  return run
}

if (values.sum) console.log(summarise(readResults()))
else {
  const missing = missingForCluster()
  if (missing !== null) console.log(`skipped: faults in a cluster (${missing})`)
  const seed = Number(values.seed)
  const run = missing === null ? await report(seed) : null
  if (run !== null && values.record)
    addResult({
      date: new Date().toISOString().slice(0, 10),
      seed,
      ...(values.client === undefined ? {} : { client: values.client }),
      rounds: run.rounds,
      attempts: run.attempts,
      acknowledged: run.acknowledged,
      rows: run.rows,
      broken: run.broken.length,
      faults: run.faults,
    })
  const failed = run === null ? 0 : Math.min(run.rounds, run.broken.length)
  if (values.results !== undefined)
    writeFileSync(values.results, JSON.stringify({ passed: run === null ? 0 : run.rounds - failed, failed, skipped: run === null ? 1 : 0 }))
  // What programs of others left open does not hold the run.
  process.exit(failed === 0 ? 0 : 1)
}
