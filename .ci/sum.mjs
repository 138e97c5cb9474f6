// Adds up the counts that the suites wrote and prints the closing line. A suite without counts is a failure.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const total = { passed: 0, failed: 0, skipped: 0 }
for (const suite of ['test', 'large']) {
  const file = join(process.argv[2], `${suite}.json`)
  if (!existsSync(file)) {
    console.log(`suite ${suite} left no counts`)
    total.failed += 1
    continue
  }
  const counts = JSON.parse(readFileSync(file, 'utf8'))
  for (const key of Object.keys(total)) total[key] += counts[key] ?? 0
}
console.log(`${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ''}`)
process.exit(total.failed === 0 && total.passed > 0 ? 0 : 1)
