// The larger suites of `.ci/run`: what takes long, or needs a program that a machine may lack (named as skipped then).
// A suite is a command that is given `--results FILE` and writes {passed, failed, skipped} there. Our own `--results FILE` gets the sums;
// `--only WORD` runs the suites with that word in their name.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const suites = [
  { name: 'hostile requests', command: ['test/fuzz/main.ts', '--requests', '20000', '--seed', '7'] },
  { name: 'PostgreSQL', command: ['test/large/postgres.ts'] },
  { name: 'Kafka', command: ['test/large/kafka.ts'] },
  { name: 'a cluster', command: ['test/cluster/main.ts'] },
  { name: 'faults in a cluster', command: ['test/faults/main.ts', '--rounds', '6', '--seed', '7'] },
  { name: 'a seasonal day', command: ['test/seasonal/main.ts', '--hours', '24', '--services', '50', '--seed', '3', '--live', '30'] },
  { name: 'canaries of another tenant', command: ['test/large/canaries.ts', '--queries', '10000', '--seed', '7'] },
  { name: 'random questions', command: ['test/large/random.ts'] },
  { name: 'MCP', command: ['test/large/mcp.ts'] },
  { name: 'live clients', command: ['test/large/live-clients.ts'] },
]

const SUITE_MINUTES = 15
const resultsAt = process.argv.indexOf('--results')
const onlyAt = process.argv.indexOf('--only')
const only = onlyAt > 0 ? process.argv[onlyAt + 1] : ''
const directory = mkdtempSync(join(tmpdir(), 'lapwing-large-'))
const total = { passed: 0, failed: 0, skipped: 0 }
for (const [index, { name, command }] of suites.filter((suite) => suite.name.includes(only)).entries()) {
  console.log(`\n== ${name} ==`)
  const file = join(directory, `${index}.json`)
  const run = spawnSync('node', [...command, '--results', file], { stdio: 'inherit', timeout: SUITE_MINUTES * 60_000 })
  if (run.status !== 0)
    console.log(
      run.signal === null
        ? `${name}: exit code ${run.status}`
        : `${name}: ended with ${run.signal}, not by itself within ${SUITE_MINUTES} minutes`,
    )
  try {
    const counts = JSON.parse(readFileSync(file, 'utf8'))
    for (const key of Object.keys(total)) total[key] += counts[key]
    if (run.status !== 0 && counts.failed === 0) total.failed += 1
  } catch {
    total.failed += 1
  }
}
rmSync(directory, { recursive: true, force: true })
if (resultsAt > 0) writeFileSync(process.argv[resultsAt + 1], JSON.stringify(total))
process.exit(total.failed === 0 ? 0 : 1)
