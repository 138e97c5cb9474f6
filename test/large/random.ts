// The tests that ask at random, or stop a client at a random moment, five times as often as within `npm test`.
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { runProject } from './vitest-project.ts'

const FILES = ['aggregate', 'filter', 'search-properties', 'stopped-client'].map((name) => `test/integration/clickhouse/${name}.test.ts`)

const { values } = parseArgs({ options: { repeat: { type: 'string', default: '5' }, results: { type: 'string' } } })
const counts = await runProject('integration', { LAPWING_TEST_REPEAT: values.repeat }, FILES)
if (values.results !== undefined) writeFileSync(values.results, JSON.stringify(counts))
process.exitCode = counts.failed === 0 ? 0 : 1
