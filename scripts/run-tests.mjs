// Runs the suites one after the other and adds up what they counted. `--results FILE` writes {passed, failed, skipped}.
// Files of unit and long share processes; of integration and e2e two at a time share the cores.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const suites = [
  ['unit', ['--project', 'unit', '--project', 'long']],
  ['integration', ['--project', 'integration']],
  ['e2e', ['--project', 'e2e']],
]
const resultsAt = process.argv.indexOf('--results')
const directory = mkdtempSync(join(tmpdir(), 'lapwing-tests-'))
const total = { passed: 0, failed: 0, skipped: 0 }
let broken = false

for (const [suite, options] of suites) {
  console.log(`\n== ${suite} ==`)
  const file = join(directory, `${suite}.json`)
  const run = spawnSync('vitest', ['run', '--no-color', '--reporter=dot', '--reporter=json', `--outputFile.json=${file}`, ...options], {
    stdio: 'inherit',
  })
  try {
    const report = JSON.parse(readFileSync(file, 'utf8'))
    total.passed += report.numPassedTests
    total.failed += report.numFailedTests
    total.skipped += report.numPendingTests + report.numTodoTests
  } catch {
    broken = true
  }
  // A file that fails to load has no failed test of its own, so the exit code counts too.
  if (run.status !== 0) broken = true
}
rmSync(directory, { recursive: true, force: true })
if (broken && total.failed === 0) total.failed = 1
if (resultsAt > 0) writeFileSync(process.argv[resultsAt + 1], JSON.stringify(total))
console.log(`\nall suites: ${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ''}`)
process.exit(broken ? 1 : 0)
