// 100,000 random queries of one tenant over a store that holds another's rows, or as many as its minutes carry:
// `--queries N --seed S --minutes M`. How many were asked is told.
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { huntCanaries } from '../integration/clickhouse/canaries.ts'
import { openTestStore } from '../integration/clickhouse/store.ts'

const { values } = parseArgs({
  options: {
    queries: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '7' },
    minutes: { type: 'string', default: '30' },
    results: { type: 'string' },
  },
})
const store = await openTestStore()
const begun = performance.now()
try {
  const { queries, matched, leaks } = await huntCanaries(
    store,
    Number(values.queries),
    Number(values.seed),
    Number(values.minutes) * 60_000,
  )
  const isSound = leaks.length === 0 && matched > 0
  console.log(
    `${queries} queries as one tenant in ${Math.round((performance.now() - begun) / 1000)} s found ${matched} rows of its own; of another's: ${leaks.length}`,
  )
  for (const leak of leaks.slice(0, 5)) console.log(leak)
  if (values.results !== undefined)
    writeFileSync(values.results, JSON.stringify({ passed: isSound ? 1 : 0, failed: isSound ? 0 : 1, skipped: 0 }))
  process.exitCode = isSound ? 0 : 1
} finally {
  await store.dispose()
}
