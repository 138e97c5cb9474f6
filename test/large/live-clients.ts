// Real programs of others against a running product, each suite with one of its own. A program that the machine lacks is named
// and counted as skipped. `--only WORD` runs the suites with that word in their name, `--results FILE` writes {passed, failed, skipped}.
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { alertmanager } from '../live/alertmanager.ts'
import { createChecks } from '../live/checks.ts'
import { collector } from '../live/collector.ts'
import { manifests } from '../live/manifests.ts'
import { proxy } from '../live/proxy.ts'
import { pythonSdk } from '../live/python-sdk.ts'
import { shippers } from '../live/shippers.ts'

const suites = [pythonSdk, collector, alertmanager, shippers, proxy, manifests]

const { values } = parseArgs({ options: { results: { type: 'string' }, only: { type: 'string', default: '' } } })
const checks = createChecks(console.log)
for (const suite of suites.filter(({ name }) => name.includes(values.only))) {
  console.log(suite.name)
  // What goes wrong outside a check is a failure of the suite, and the next one still runs.
  await suite.run(checks).catch(async (error: unknown) => {
    await checks.check(`${suite.name} runs`, () => Promise.reject(error))
  })
}
console.log(`live clients: ${checks.counts.passed} passed, ${checks.counts.failed} failed, ${checks.counts.skipped} skipped`)
if (values.results !== undefined) writeFileSync(values.results, JSON.stringify(checks.counts))
// What programs of others left open does not hold the run.
process.exit(checks.counts.failed === 0 ? 0 : 1)
